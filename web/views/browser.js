/** A listing to work in: what can be done with the chosen above, the items below, details beside. */

import {useSignal} from "@preact/signals"
import {useEffect, useRef} from "preact/hooks"
import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {later} from "../parts/later.js"
import {ITEMS} from "./dragging.js"
import {Empty, Failed} from "./empty.js"
import {ItemGrid} from "./item-grid.js"
import {useKeys} from "./keys.js"
import {detailsOpen} from "./layout.js"
import {useShown} from "./showing.js"
import {shownListing} from "./shown-listing.js"
import {Toolbar} from "./toolbar.js"

const Details = later(() => import("./details.js").then(module => module.Details))

/**
 * @typedef {import("../drive/item.js").Item} Item
 * @typedef {"folder" | "recent" | "favourites" | "shared" | "trash" | "search" | "visit"} Kind
 * @typedef {object} Browsing
 * @property {import("../drive/listing.js").Listing} listing
 * @property {import("../drive/selection.js").Selection} selection
 * @property {Kind} kind
 * @property {Item} [folder]
 * @property {import("../drive/order.js").Order} [order]
 * @property {(by: "name" | "modified_at" | "size") => void} [sort]
 * @property {import("@preact/signals").Signal<string | null>} renaming the id
 */

/** @param {Omit<Browsing, "renaming"> & {head: any, dropped?: (transfer: DataTransfer) => void}} of */
export function Browser({head, dropped, ...given}) {
  const renaming = useSignal(/** @type {string | null} */ (null))
  const root = useRef(/** @type {HTMLElement | null} */ (null))
  const browsing = {...given, renaming}
  const {listing, selection} = browsing
  void listing.version.value
  useKeys(browsing, root)
  useShown(listing, selection)
  const drop = useFileDrop(dropped)
  useEffect(() => {
    root.current?.querySelector("[role=grid]")?.scrollTo(0, 0)
    shownListing.value = listing
  }, [listing])
  const ready = listing.state.value === "ready"
  const again = () => {
    listing.state.value = "loading"
    listing.more()
  }
  return html`
    <div ref=${root} class="page ${detailsOpen.value ? "with-details" : ""}" ...${drop.on}>
      <div class="page-head">${head}<${Toolbar} ...${browsing} /></div>
      <div class="page-body">
        ${listing.state.value === "failed" && html`<${Failed} error=${listing.error.value} again=${again} />`}
        ${listing.state.value === "loading" && html`<div class="loading" aria-busy="true" role="status" aria-label=${t("loading")}>${rows}</div>`}
        ${ready && listing.items.length === 0 && html`<${Empty} of=${browsing.kind} />`}
        ${ready && listing.items.length > 0 && html`<${ItemGrid} ...${browsing} />`}
        ${drop.over && html`<div class="drop-here" aria-hidden="true"><p>${t("drop.here", {name: given.folder && (given.folder.parent_id || given.kind === "visit") ? given.folder.name : t("nav.files")})}</p></div>`}
      </div>
      ${detailsOpen.value && html`<${Details} item=${selection.items.length === 1 ? selection.items[0] : null} count=${selection.count.value} listing=${listing} />`}
    </div>
  `
}

const rows = [1, 2, 3, 4, 5, 6].map(() => html`<div class="bone"></div>`)

/**
 * Files from outside of the browser, dropped anywhere on the page or pasted.
 * @param {((transfer: DataTransfer) => void) | undefined} take
 */
function useFileDrop(take) {
  const over = useSignal(false)
  const latest = useRef(take)
  latest.current = take
  useEffect(() => {
    const paste = (/** @type {ClipboardEvent} */ event) => {
      if (event.clipboardData?.files.length) latest.current?.(event.clipboardData)
    }
    addEventListener("paste", paste)
    return () => removeEventListener("paste", paste)
  }, [])
  if (!take) return {over: false, on: {}}
  const files = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") && !event.dataTransfer.types.includes(ITEMS)
  const on = {
    onDragOver: (/** @type {DragEvent} */ event) => {
      if (!files(event)) return
      event.preventDefault()
      over.value = true
    },
    onDragLeave: (/** @type {any} */ event) => {
      if (!event.currentTarget.contains(event.relatedTarget)) over.value = false
    },
    onDrop: (/** @type {DragEvent} */ event) => {
      if (!files(event)) return
      event.preventDefault()
      over.value = false
      if (event.dataTransfer) take(event.dataTransfer)
    },
  }
  return {over: over.value, on}
}
