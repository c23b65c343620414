/** What can be done with the chosen items, or with the whole listing while none is chosen. */

import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {IconButton} from "../parts/button.js"
import {openMenu} from "../parts/menu.js"
import {detailsOpen, layout, toggleLayout} from "./layout.js"
import {choicesFor} from "./item-menu.js"

const COLUMNS = /** @type {const} */ (["name", "modified_at", "size"])

/** @param {import("./browser.js").Browsing} browsing */
export function Toolbar(browsing) {
  const {selection, listing, order, sort, kind} = browsing
  const count = selection.count.value
  const chosen = count > 0
  const sorting = (/** @type {any} */ event) =>
    openMenu(t("sort.label"), COLUMNS.map(by => ({text: t(`column.${by}`), checked: order?.by === by, run: () => sort?.(by)})), event.currentTarget)
  return html`
    <div class="toolbar" role="toolbar" aria-label=${t("toolbar.label")}>
      ${chosen ? html`<${Chosen} ...${browsing} />` : html`<span class="count" role="status">${listing.state.value === "ready" && listing.total.value ? t("count", {count: listing.total.value}) : ""}</span>`}
      <span class="gap"></span>
      ${sort && html`<${IconButton} icon="down" label=${t("sort.label")} class="narrow-only whole-listing" aria-haspopup="menu" onClick=${sorting} />`}
      <${IconButton} class="whole-listing" icon=${layout.value === "list" ? "grid" : "list"} label=${t(layout.value === "list" ? "layout.grid" : "layout.list")} onClick=${toggleLayout} />
      ${kind !== "visit" && html`<${IconButton} icon="info" label=${t("details.title")} aria-pressed=${detailsOpen.value} onClick=${() => (detailsOpen.value = !detailsOpen.value)} />`}
    </div>
  `
}

/** @param {import("./browser.js").Browsing} browsing */
function Chosen(browsing) {
  const {selection} = browsing
  const choices = choicesFor(browsing, selection.items).filter(choice => choice !== null)
  const direct = choices.filter(choice => choice.icon && choice.direct)
  const more = (/** @type {any} */ event) => openMenu(t("action.more"), choicesFor(browsing, selection.items), event.currentTarget)
  return html`
    <span class="chosen">
      <${IconButton} icon="close" label=${t("select.none")} onClick=${() => selection.none()} />
      <span class="count" role="status">${t("select.count", {count: selection.count.value})}</span>
    </span>
    ${direct.map(choice => html`<${IconButton} icon=${choice.icon} label=${choice.text} class=${choice.danger ? "danger" : ""} onClick=${choice.run} />`)}
    <${IconButton} icon="more" label=${t("action.more")} aria-haspopup="menu" onClick=${more} />
  `
}
