/** The name of an item; a field in its place while it is renamed. */

import {html} from "../core/html.js"
import {addressOf} from "../drive/item.js"
// At once, and not when it is first needed: what is typed right after F2 belongs into the field.
import {Renaming} from "./renaming.js"

/** @typedef {import("../drive/item.js").Item} Item */

/** @param {{item: Item, browsing: import("./browser.js").Browsing, open: () => void}} of */
export function Name({item, browsing, open}) {
  if (browsing.renaming.value === item.id) return html`<${Renaming} item=${item} browsing=${browsing} />`
  const follow = (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    open()
  }
  if (browsing.kind === "trash") return html`<span class="name" title=${item.name}>${item.name}</span>`
  return html`<a class="name" href=${addressOf(item)} tabindex="-1" title=${item.name} draggable=${false} onClick=${follow}>${item.name}</a>`
}
