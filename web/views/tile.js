/** An item as a tile. */

import {html} from "../core/html.js"
import {bytes, moment} from "../core/format.js"
import {t} from "../core/texts.js"
import {kindOf} from "../drive/item.js"
import {IconButton} from "../parts/button.js"
import {Icon} from "../parts/icon.js"
import {useHandling} from "./handling.js"
import {openItem} from "./item-menu.js"
import {Name} from "./name.js"
import {Thumbnail} from "./thumbnail.js"

/** @param {{item: import("../drive/item.js").Item, index: number, browsing: import("./browser.js").Browsing}} of */
export function Tile({item, index, browsing}) {
  const {chosen, menuAt, toggle, on} = useHandling(item, index, browsing)
  const active = browsing.selection.active.value === item.id
  return html`
    <div class="tile item ${item.kind} ${active ? "active" : ""}" role="gridcell" aria-selected=${chosen} ...${on}>
      <div class="tile-picture"><${Thumbnail} item=${item} size=${56} large /></div>
      <button type="button" tabindex="-1" class="tick" role="checkbox" aria-checked=${chosen} aria-label=${t("select.one", {name: item.name})} onClick=${toggle}>
        <${Icon} name="check" size=${14} />
      </button>
      <div class="tile-text">
        <${Name} item=${item} browsing=${browsing} open=${() => openItem(item)} />
        <span class="tile-more">${item.kind === "folder" ? kindOf(item) : `${bytes(item.size)} · ${moment(item.modified_at)}`}</span>
      </div>
      <${IconButton} icon="more" tabindex="-1" label=${t("action.more_for", {name: item.name})} title=${t("action.more")} onClick=${(/** @type {any} */ event) => menuAt(event.currentTarget)} />
    </div>
  `
}
