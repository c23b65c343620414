/** The beginning: words, who is signed in, and the first picture. */

import {render} from "preact"
import "./core/theme.js"
import {html} from "./core/html.js"
import {visiting} from "./core/router.js"
import {begin, wasIn} from "./core/session.js"
import {speak} from "./core/texts.js"
import {App, Shell, SignIn} from "./views/app.js"
import {Unreachable} from "./views/unreachable.js"

const root = /** @type {HTMLElement} */ (document.getElementById("app"))

/** What this visit opens with, of which `early.js` has asked for the files; if it is something else in the end, that comes then. */
const opening = visiting ? null : wasIn() ? Shell : SignIn

async function start() {
  try {
    await Promise.all([speak(), visiting || begin(), opening?.ready()])
    render(html`<${App} />`, root)
  } catch (error) {
    console.error(error)
    render(html`<${Unreachable} again=${() => location.reload()} />`, root)
  }
}

/** What comes next is here before somebody asks for it, and takes nothing from what they wait for now. */
async function prepare() {
  if (opening === SignIn) await Shell.ready()
  const {install} = await import("./core/installed.js")
  install()
}

start().then(() => prepare().catch(() => undefined))
