/** The beginning: words, who is signed in, and the first picture. */

import {render} from "preact"
import "./core/theme.js"
import {html} from "./core/html.js"
import {visiting} from "./core/router.js"
import {begin, wasIn} from "./core/session.js"
import {speak} from "./core/texts.js"
import {App} from "./views/app.js"
import {Unreachable} from "./views/unreachable.js"

const root = /** @type {HTMLElement} */ (document.getElementById("app"))

/** What the entrance consists of comes while words are fetched; what opens the drive is not slowed down by it. */
const entrance = () => [import("./views/sign-in.js"), import("./views/front.js"), import("./views/form.js"), import("./parts/field.js")]

async function start() {
  if (!visiting && !wasIn()) Promise.all(entrance()).catch(() => undefined)
  try {
    await Promise.all([speak(), visiting || begin()])
    render(html`<${App} />`, root)
  } catch (error) {
    console.error(error)
    render(html`<${Unreachable} again=${() => location.reload()} />`, root)
  }
}

start().then(() => import("./core/installed.js").then(({install}) => install(), () => undefined))
