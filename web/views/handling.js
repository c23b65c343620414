/** What mouse and finger do to an item, the same for rows and tiles. */

import {openMenu} from "../parts/menu.js"
import {t} from "../core/texts.js"
import {move} from "../drive/deeds.js"
import {beginDrag, useDropOn} from "./dragging.js"
import {choicesFor, openItem} from "./item-menu.js"

/**
 * @param {import("../drive/item.js").Item} item
 * @param {number} index
 * @param {import("./browser.js").Browsing} browsing
 */
export function useHandling(item, index, browsing) {
  const {selection, listing, kind, renaming} = browsing
  const chosen = selection.ids.value.has(item.id)
  const takes = item.kind === "folder" && item.permissions.write && kind !== "trash"
  const drop = useDropOn(takes, items => move(items, item, listing), item.id)
  const click = (/** @type {PointerEvent} */ event) => {
    if (event.target instanceof Element && event.target.closest("button, input, a")) return
    focusGrid()
    if (event.shiftKey) selection.upTo(index)
    else if (event.ctrlKey || event.metaKey || (event.pointerType === "touch" && selection.count.value)) selection.toggle(index)
    else if (event.pointerType === "touch") openItem(item)
    else selection.only(index)
  }
  const menu = (/** @type {MouseEvent} */ event) => {
    event.preventDefault()
    menuAt(event)
  }
  const menuAt = (/** @type {{clientX: number, clientY: number} | Element} */ where) => {
    focusGrid()
    if (!chosen) selection.only(index)
    openMenu(t("action.more"), choicesFor(browsing, selection.items), where)
  }
  const drag = (/** @type {DragEvent} */ event) => {
    if (!chosen) selection.only(index)
    beginDrag(event, selection.items)
  }
  return {
    chosen,
    menuAt,
    toggle: () => {
      focusGrid()
      selection.toggle(index)
    },
    on: {
      ...drop,
      id: `item-${item.id}`,
      draggable: kind !== "trash" && renaming.value !== item.id,
      onClick: click,
      onDblClick: () => openItem(item),
      onContextMenu: menu,
      onDragStart: drag,
    },
  }
}

/** The keyboard belongs to the grid. */
export const focusGrid = () => document.getElementById("grid")?.focus({preventScroll: true})
