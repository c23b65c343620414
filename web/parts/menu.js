/** The one menu that is open, whoever opened it. What draws it is fetched with the first. */

import {signal} from "@preact/signals"
import {html} from "../core/html.js"
import {turned} from "../core/texts.js"
import {later} from "./later.js"

const OpenMenu = later(() => import("./open-menu.js").then(module => module.OpenMenu))

/**
 * @typedef {{text: string, icon?: string, run: () => unknown, danger?: boolean, checked?: boolean, keys?: string} | null} Choice
 *   null is a line between groups
 * @typedef {{x: number, y: number, label: string, choices: Choice[], from: Element | null}} Menu
 */

export const menu = signal(/** @type {Menu | null} */ (null))

/**
 * At the pointer, or below what was pressed.
 * @param {string} label
 * @param {Choice[]} choices
 * @param {{clientX: number, clientY: number} | Element} where
 */
export function openMenu(label, choices, where) {
  const from = document.activeElement
  if (where instanceof Element) {
    const {left, right, bottom} = where.getBoundingClientRect()
    menu.value = {x: turned() ? right : left, y: bottom + 4, label, choices, from}
  } else menu.value = {x: where.clientX, y: where.clientY, label, choices, from}
}

/** The keyboard goes back to where it was. */
export function closeMenu() {
  const {from} = menu.value ?? {}
  menu.value = null
  if (from instanceof HTMLElement) from.focus({preventScroll: true})
}

export function MenuLayer() {
  return menu.value && html`<${OpenMenu} key=${menu.value} ...${menu.value} />`
}
