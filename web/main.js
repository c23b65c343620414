/** The beginning: words, who is signed in, and the first picture. */

import {render} from "preact"
import "./core/theme.js"
import {html} from "./core/html.js"
import {visiting} from "./core/router.js"
import {begin} from "./core/session.js"
import {speak} from "./core/texts.js"
import {App} from "./views/app.js"
import {Unreachable} from "./views/unreachable.js"

const root = /** @type {HTMLElement} */ (document.getElementById("app"))

async function start() {
  try {
    await Promise.all([speak(), visiting || begin()])
    render(html`<${App} />`, root)
  } catch (error) {
    console.error(error)
    render(html`<${Unreachable} again=${() => location.reload()} />`, root)
  }
}

start()
