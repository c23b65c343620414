/**
 * Items as rows or as tiles. Only what is on the screen is in the page, however many there are.
 *
 * The keyboard stays on the grid, which names its active row (`aria-activedescendant`): rows come and go.
 */

import {useSignal} from "@preact/signals"
import {useLayoutEffect, useRef} from "preact/hooks"
import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {layout} from "./layout.js"
import {geometry, ROW_HEAD} from "./geometry.js"
import {ListHead, Row} from "./row.js"
import {Tile} from "./tile.js"

const BEYOND_PX = 400

/** @param {import("./browser.js").Browsing} browsing */
export function ItemGrid(browsing) {
  const {listing, selection, kind, renaming} = browsing
  const scroller = useRef(/** @type {HTMLElement | null} */ (null))
  const seen = useSignal({top: 0, width: 0, height: 0})
  const look = () => {
    const {scrollTop: top, clientWidth: width, clientHeight: height} = /** @type {HTMLElement} */ (scroller.current)
    seen.value = {top, width, height}
  }
  useLayoutEffect(() => {
    const element = /** @type {HTMLElement} */ (scroller.current)
    look()
    const sizes = new ResizeObserver(look)
    sizes.observe(element)
    element.addEventListener("scroll", look, {passive: true})
    return () => {
      sizes.disconnect()
      element.removeEventListener("scroll", look)
    }
  }, [])
  void listing.version.value
  const tiles = layout.value === "grid"
  const {columns, line} = geometry(tiles, seen.value.width)
  const lines = Math.ceil(listing.total.value / columns)
  const first = Math.max(0, Math.floor((seen.value.top - BEYOND_PX) / line))
  const last = Math.min(lines, Math.ceil((seen.value.top + seen.value.height + BEYOND_PX) / line))
  // A line that comes in takes the place of one that has gone: to change what is there is cheaper than to make it anew.
  const places = Math.ceil((seen.value.height + 2 * BEYOND_PX) / line) + 2
  useLayoutEffect(() => {
    listing.more(last * columns)
  })
  useLayoutEffect(() => {
    // At once: a name that is about to be changed has its field before the first letter is typed, wherever one has scrolled to.
    if (showActive(/** @type {HTMLElement} */ (scroller.current), browsing, columns, line)) look()
  }, [selection.active.value, tiles, renaming.value])
  const active = selection.active.value
  return html`
    <div
      ref=${scroller}
      id="grid"
      class=${tiles ? "tiles" : "rows"}
      role="grid"
      tabindex="0"
      aria-label=${t(`grid.${kind}`)}
      aria-multiselectable="true"
      aria-rowcount=${lines + (tiles ? 0 : 1)}
      aria-colcount=${tiles ? columns : undefined}
      aria-activedescendant=${active === null ? undefined : `item-${active}`}
      data-columns=${columns}
    >
      ${!tiles && html`<${ListHead} ...${browsing} />`}
      <div class="lines" role="presentation" style=${{blockSize: `${lines * line}px`}}>
        ${range(first, last).map(at => html`<${Line} key=${at % places} ...${{at, columns, line, tiles, browsing}} />`)}
      </div>
    </div>
  `
}

/** @param {{at: number, columns: number, line: number, tiles: boolean, browsing: import("./browser.js").Browsing}} of */
function Line({at, columns, line, tiles, browsing}) {
  const style = {transform: `translateY(${at * line}px)`, blockSize: `${line}px`}
  const {items} = browsing.listing
  if (!tiles) {
    const item = items[at]
    return item ? html`<${Row} ...${{item, index: at, style, browsing}} />` : html`<div class="row bone-row" style=${style}><div class="bone"></div></div>`
  }
  const some = items.slice(at * columns, (at + 1) * columns)
  return html`
    <div class="tile-line" role="row" aria-rowindex=${at + 1} style=${{...style, gridTemplateColumns: `repeat(${columns}, 1fr)`}}>
      ${some.map((item, column) => html`<${Tile} key=${item.id} ...${{item, index: at * columns + column, browsing}} />`)}
    </div>
  `
}

/**
 * @param {number} from
 * @param {number} to
 */
const range = (from, to) => Array.from({length: Math.max(0, to - from)}, (_, index) => from + index)

/**
 * Not behind the head, and not below the edge; whether that took scrolling.
 * @param {HTMLElement} scroller
 * @param {import("./browser.js").Browsing} browsing
 * @param {number} columns
 * @param {number} line
 */
function showActive(scroller, {selection}, columns, line) {
  const index = selection.activeIndex
  if (index < 0) return false
  const head = layout.value === "grid" ? 0 : ROW_HEAD
  const top = Math.floor(index / columns) * line
  const before = scroller.scrollTop
  if (top < before) scroller.scrollTop = top
  else if (top + line + head > before + scroller.clientHeight) scroller.scrollTop = top + line + head - scroller.clientHeight
  return scroller.scrollTop !== before
}
