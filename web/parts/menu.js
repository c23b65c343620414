/** A menu at a place of the screen, worked by mouse and by keyboard (ARIA menu pattern). */

import {signal} from "@preact/signals"
import {useEffect, useLayoutEffect, useRef} from "preact/hooks"
import {html} from "../core/html.js"
import {Icon} from "./icon.js"

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
    const {left, bottom} = where.getBoundingClientRect()
    menu.value = {x: left, y: bottom + 4, label, choices, from}
  } else menu.value = {x: where.clientX, y: where.clientY, label, choices, from}
}

function close() {
  const {from} = menu.value ?? {}
  menu.value = null
  if (from instanceof HTMLElement) from.focus({preventScroll: true})
}

export function MenuLayer() {
  return menu.value && html`<${OpenMenu} key=${menu.value} ...${menu.value} />`
}

/** @param {Menu} of */
function OpenMenu({x, y, label, choices}) {
  const ref = useRef(/** @type {HTMLDivElement | null} */ (null))
  const buttons = () => /** @type {HTMLButtonElement[]} */ ([...(ref.current?.querySelectorAll("button") ?? [])])
  useLayoutEffect(() => {
    const list = /** @type {HTMLDivElement} */ (ref.current)
    list.style.insetInlineStart = `${Math.max(8, Math.min(x, innerWidth - list.offsetWidth - 8))}px`
    list.style.top = `${Math.max(8, Math.min(y, innerHeight - list.offsetHeight - 8))}px`
    buttons()[0]?.focus()
  }, [])
  useEffect(() => {
    addEventListener("resize", close)
    return () => removeEventListener("resize", close)
  }, [])
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const all = buttons()
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement))
    const to = {ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1}[event.key]
    if (to !== undefined) all[to % all.length].focus()
    else if (event.key === "Escape" || event.key === "Tab") close()
    else if (event.key.length === 1) all.find((button, index) => index > at && startsWith(button, event.key))?.focus()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const run = (/** @type {NonNullable<Choice>} */ choice) => {
    close()
    choice.run()
  }
  return html`
    <div class="menu-shade" onPointerDown=${close} onContextMenu=${(/** @type {Event} */ event) => (event.preventDefault(), close())}>
      <div ref=${ref} class="menu" role="menu" aria-label=${label} onKeyDown=${pressed} onPointerDown=${(/** @type {Event} */ event) => event.stopPropagation()}>
        ${choices.map(choice => (choice ? html`<${Row} choice=${choice} run=${run} />` : html`<div role="separator"></div>`))}
      </div>
    </div>
  `
}

/** @param {{choice: NonNullable<Choice>, run: (choice: NonNullable<Choice>) => void}} of */
const Row = ({choice, run}) => html`
  <button
    type="button"
    role=${choice.checked === undefined ? "menuitem" : "menuitemradio"}
    aria-checked=${choice.checked}
    tabindex="-1"
    class=${choice.danger ? "danger" : ""}
    onClick=${() => run(choice)}
  >
    <${Icon} name=${choice.checked ? "check" : (choice.icon ?? "none")} size=${18} /><span>${choice.text}</span>
    ${choice.keys && html`<kbd aria-hidden="true">${choice.keys}</kbd>`}
  </button>
`

/**
 * @param {HTMLElement} button
 * @param {string} key
 */
const startsWith = (button, key) => button.textContent?.trim().toLowerCase().startsWith(key.toLowerCase())
