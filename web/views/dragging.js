/** Items that are being dragged within this page, and places that take them. */

import {useSignal} from "@preact/signals"

/** @typedef {import("../drive/item.js").Item} Item */

export const ITEMS = "application/x-coffer-items"

/** @type {Item[]} A drag's own data cannot be read before it ends. */
let dragged = []

/**
 * @param {DragEvent} event
 * @param {Item[]} items
 */
export function beginDrag(event, items) {
  dragged = items
  event.dataTransfer?.setData(ITEMS, "")
  if (event.dataTransfer) event.dataTransfer.effectAllowed = "move"
}

/**
 * What makes an element take items; `data-over` is set while some hover.
 * @param {boolean} takes
 * @param {(items: Item[]) => unknown} take
 * @param {string} [self] the folder that it is, which cannot go into itself
 */
export function useDropOn(takes, take, self) {
  const over = useSignal(false)
  if (!takes) return {}
  const fits = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes(ITEMS) && !dragged.some(item => item.id === self)
  return {
    "data-over": over.value || undefined,
    onDragOver: (/** @type {DragEvent} */ event) => {
      if (!fits(event)) return
      event.preventDefault()
      over.value = true
    },
    onDragLeave: () => (over.value = false),
    onDrop: (/** @type {DragEvent} */ event) => {
      if (!fits(event)) return
      event.preventDefault()
      event.stopPropagation()
      over.value = false
      take(dragged)
    },
  }
}
