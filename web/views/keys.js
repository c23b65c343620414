/** The keyboard on a listing. */

import {useLayoutEffect} from "preact/hooks"
import {go} from "../core/router.js"
import {t, turned} from "../core/texts.js"
import {trash} from "../drive/deeds.js"
import {folderAddress} from "../drive/item.js"
import {openMenu} from "../parts/menu.js"
import {detailsOpen} from "./layout.js"
import {choicesFor, openItem} from "./item-menu.js"
import {askForFolder, pick} from "./new-button.js"
import {askToShare} from "./share/door.js"
import {showShortcuts} from "./top-bar.js"

const TYPING_MS = 800
const PAGE = 10

/**
 * @param {import("./browser.js").Browsing} browsing
 * @param {import("preact").RefObject<HTMLElement | null>} root
 */
export function useKeys(browsing, root) {
  useLayoutEffect(() => {
    const typed = {text: "", at: 0}
    const hear = (/** @type {KeyboardEvent} */ event) => {
      if (event.defaultPrevented || document.querySelector("dialog[open], .lightbox")) return
      const target = /** @type {HTMLElement} */ (event.target)
      if (target.closest("input, textarea, select")) return
      // What a button beside the listing does with a key comes first.
      const pressing = target.closest("button, a") !== null && (event.key === "Enter" || event.key === " ")
      const near = target === document.body || root.current?.contains(target)
      const done = anywhere(event) || (near && !pressing && inListing(event, browsing, root.current, typed))
      if (done) event.preventDefault()
    }
    addEventListener("keydown", hear)
    return () => removeEventListener("keydown", hear)
  }, [browsing.listing])
}

/** @param {KeyboardEvent} event */
function anywhere(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false
  switch (event.key) {
    case "?":
      return done(showShortcuts())
    case "/":
      return done(document.getElementById("search")?.focus())
    case "N":
      return event.shiftKey && done(askForFolder())
    case "U":
      return event.shiftKey && done(pick(false))
  }
  return false
}

/**
 * Whether the key meant something here.
 * @param {KeyboardEvent} event
 * @param {import("./browser.js").Browsing} browsing
 * @param {HTMLElement | null} root
 * @param {{text: string, at: number}} typed
 */
function inListing(event, browsing, root, typed) {
  const {listing, selection, folder, renaming, kind} = browsing
  const grid = /** @type {HTMLElement | null} */ (root?.querySelector("[role=grid]"))
  const columns = Number(grid?.dataset.columns ?? 1)
  const index = selection.activeIndex
  const item = listing.items[index]
  const to = whereTo(event.key, index, columns, listing.items.length)
  if (to !== null) return done(step(event, selection, to), grid?.focus({preventScroll: true}))
  if (event.altKey) return event.key === "ArrowUp" && done(goUp(folder))
  if (event.ctrlKey || event.metaKey) return event.key === "a" && done(selection.all())
  switch (event.key) {
    case " ":
      return done(selection.toggle(Math.max(0, index)))
    case "Enter":
      return item !== undefined && grid === document.activeElement && done(openItem(item))
    case "Escape":
      return done(selection.none())
    case "Backspace":
      return done(goUp(folder))
    case "F2":
      return item !== undefined && item.permissions.write && kind !== "trash" && done((renaming.value = item.id))
    case "Delete":
      return kind !== "trash" && selection.count.value > 0 && done(throwAway(browsing))
    case "ContextMenu":
      return done(menuFor(browsing))
    case "F10":
      return event.shiftKey && done(menuFor(browsing))
    case "S":
      return item !== undefined && kind !== "trash" && kind !== "visit" && done(askToShare(item))
    case "i":
      if (!typed.text && kind !== "visit") return done((detailsOpen.value = !detailsOpen.value))
  }
  return event.key.length === 1 && done(typeAhead(event.key, browsing, typed))
}

/** @param {unknown[]} _ */
const done = (..._) => true

/**
 * @param {string} key
 * @param {number} index
 * @param {number} columns
 * @param {number} count
 */
function whereTo(key, index, columns, count) {
  const sideways = columns > 1
  /** @type {Record<string, number>} */
  const steps = {ArrowDown: columns, ArrowUp: -columns, PageDown: columns * PAGE, PageUp: -columns * PAGE}
  if (sideways) Object.assign(steps, turned() ? {ArrowLeft: 1, ArrowRight: -1} : {ArrowRight: 1, ArrowLeft: -1})
  if (key === "Home") return 0
  if (key === "End") return count - 1
  if (!(key in steps)) return null
  if (index < 0) return 0
  const to = index + steps[key]
  return to < 0 || to >= count ? (Math.abs(steps[key]) > columns ? Math.max(0, Math.min(to, count - 1)) : index) : to
}

/**
 * @param {KeyboardEvent} event
 * @param {import("../drive/selection.js").Selection} selection
 * @param {number} to
 */
function step(event, selection, to) {
  if (event.shiftKey) selection.upTo(to)
  else if (event.ctrlKey || event.metaKey) selection.walk(to)
  else selection.only(to)
}

/** @param {import("../drive/item.js").Item | undefined} folder */
const goUp = folder => folder?.parent_id && go(folderAddress(folder.parent_id))

/** @param {import("./browser.js").Browsing} browsing */
function throwAway({selection, listing}) {
  const items = selection.items.filter(item => item.permissions.delete)
  selection.none()
  if (items.length) trash(items, listing)
}

/** @param {import("./browser.js").Browsing} browsing */
function menuFor(browsing) {
  const {selection} = browsing
  if (!selection.count.value && selection.activeIndex >= 0) selection.only(selection.activeIndex)
  const row = document.getElementById(`item-${selection.active.value}`)
  if (row && selection.count.value) openMenu(t("action.more"), choicesFor(browsing, selection.items), row)
}

/**
 * Goes to the next name that begins with what was typed in one go.
 * @param {string} key
 * @param {import("./browser.js").Browsing} browsing
 * @param {{text: string, at: number}} typed
 */
function typeAhead(key, {listing, selection}, typed) {
  const now = Date.now()
  typed.text = now - typed.at < TYPING_MS ? typed.text + key.toLowerCase() : key.toLowerCase()
  typed.at = now
  setTimeout(() => Date.now() - typed.at >= TYPING_MS && (typed.text = ""), TYPING_MS)
  const from = Math.max(0, selection.activeIndex + (typed.text.length === 1 ? 1 : 0))
  const order = [...listing.items.slice(from), ...listing.items.slice(0, from)]
  const found = order.find(item => item.name.toLowerCase().startsWith(typed.text))
  if (found) selection.only(listing.indexOf(found.id))
}
