/** The way to a folder. Things may be dropped on it. */

import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {move} from "../drive/deeds.js"
import {addressOf} from "../drive/item.js"
import {Icon} from "../parts/icon.js"
import {useDropOn} from "./dragging.js"

/** @typedef {import("../drive/item.js").Item} Item */

const SHOWN = 4

/** @param {{trail: Item[], listing: import("../drive/listing.js").Listing}} of */
export function Crumbs({trail, listing}) {
  const left = trail.length > SHOWN ? [trail[0], null, ...trail.slice(1 - SHOWN)] : trail
  return html`
    <nav class="crumbs" aria-label=${t("crumbs.label")}>
      <ol>
        ${left.map(folder => (folder ? html`<${Crumb} key=${folder.id} folder=${folder} last=${folder === trail.at(-1)} listing=${listing} />` : html`<li class="more">…</li>`))}
      </ol>
    </nav>
  `
}

/** @param {Item} folder */
const labelOf = folder => (folder.parent_id === null && !folder.shared ? t("nav.files") : folder.name)

/** @param {{folder: Item, last: boolean, listing: import("../drive/listing.js").Listing}} of */
function Crumb({folder, last, listing}) {
  const drop = useDropOn(!last && folder.permissions.write, items => move(items, {id: folder.id, name: labelOf(folder)}, listing))
  if (last) return html`<li><h1 aria-current="page">${labelOf(folder)}</h1></li>`
  return html`<li><a href=${addressOf(folder)} ...${drop}>${labelOf(folder)}</a><${Icon} name="chevron" size=${16} /></li>`
}
