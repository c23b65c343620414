/** An item as a line of a list, and the line above all. */

import {html} from "../core/html.js"
import {bytes, daysUntil, moment, wholeMoment} from "../core/format.js"
import {t} from "../core/texts.js"
import {user} from "../core/session.js"
import {kindOf, nameOf} from "../drive/item.js"
import {IconButton} from "../parts/button.js"
import {Icon} from "../parts/icon.js"
import {useHandling} from "./handling.js"
import {openItem} from "./item-menu.js"
import {Name} from "./name.js"
import {Thumbnail} from "./thumbnail.js"

/** @typedef {import("./browser.js").Browsing} Browsing */

/** @param {Browsing} browsing */
export function ListHead({kind, order, sort}) {
  const middle = {trash: "original", shared: "shared", search: "where", visit: "kind"}[/** @type {string} */ (kind)] ?? "owner"
  /** @param {"name" | "modified_at" | "size"} by @param {string} style */
  const column = (by, style) => {
    const sorted = order?.by === by
    const aria = sorted ? (order.descending ? "descending" : "ascending") : undefined
    const label = kind === "trash" && by === "modified_at" ? t("column.purge") : t(`column.${by}`)
    if (!sort) return html`<div role="columnheader" class=${style}>${label}</div>`
    return html`
      <div role="columnheader" class=${style} aria-sort=${aria}>
        <button type="button" tabindex="-1" onClick=${() => sort(by)}>${label}<span class="sort-sign">${sorted && html`<${Icon} name="down" size=${14} />`}</span></button>
      </div>
    `
  }
  return html`
    <div class="row head" role="row" aria-rowindex="1" data-descending=${order?.descending || undefined}>
      ${column("name", "name-cell")}
      <div role="columnheader" class="owner-cell">${t(`column.${middle}`)}</div>
      ${column("modified_at", "time-cell")} ${column("size", "size-cell")}
      <div role="columnheader" class="more-cell"><span class="unseen">${t("action.more")}</span></div>
    </div>
  `
}

/** @param {{item: import("../drive/item.js").Item, index: number, style: object, browsing: Browsing}} of */
export function Row({item, index, style, browsing}) {
  const {chosen, menuAt, toggle, on} = useHandling(item, index, browsing)
  const active = browsing.selection.active.value === item.id
  return html`
    <div
      class="row item ${active ? "active" : ""} ${browsing.renaming.value === item.id ? "renamed" : ""}"
      role="row"
      aria-rowindex=${index + 2}
      aria-selected=${chosen}
      style=${style}
      ...${on}
    >
      <div role="gridcell" class="name-cell">
        <button type="button" tabindex="-1" class="tick" role="checkbox" aria-checked=${chosen} aria-label=${t("select.one", {name: item.name})} onClick=${toggle}>
          <${Icon} name="check" size=${14} />
        </button>
        <${Thumbnail} key=${item.preview.status === "ready" && item.id} item=${item} size=${36} />
        <${Name} item=${item} browsing=${browsing} open=${() => openItem(item)} />
        ${item.favourite && html`<span class="mark-sign" title=${t("nav.favourites")}><${Icon} name="star" filled size=${14} /></span>`}
        ${item.shared && !["shared", "visit"].includes(browsing.kind) && html`<span class="mark-sign" title=${t("item.shared")}><${Icon} name="people" size=${15} /></span>`}
      </div>
      <div role="gridcell" class="owner-cell">${middleOf(item, browsing.kind)}</div>
      <div role="gridcell" class="time-cell">${timeOf(item)}</div>
      <div role="gridcell" class="size-cell">${item.kind === "file" && bytes(item.size)}</div>
      <div role="gridcell" class="more-cell">
        <${IconButton} icon="more" tabindex="-1" label=${t("action.more_for", {name: item.name})} title=${t("action.more")} onClick=${(/** @type {any} */ event) => menuAt(event.currentTarget)} />
      </div>
    </div>
  `
}

/**
 * @param {import("../drive/item.js").Item} item
 * @param {string} kind
 */
function middleOf(item, kind) {
  if (kind === "trash") return item.original_path?.replace(/\/[^/]*$/, "") || t("nav.files")
  if (kind === "visit") return kindOf(item)
  if (kind === "search") return item.path?.replace(/\/[^/]*$/, "") || t("nav.files")
  return item.owner.id === user.value?.id ? (kind === "shared" ? item.note : t("person.me")) : nameOf(item.owner)
}

/** @param {import("../drive/item.js").Item} item */
const timeOf = item =>
  item.purge_at
    ? html`<span title=${wholeMoment(item.purge_at)}>${t("trash.days", {count: daysUntil(item.purge_at)})}</span>`
    : html`<time datetime=${item.modified_at} title=${wholeMoment(item.modified_at)}>${moment(item.modified_at)}</time>`
