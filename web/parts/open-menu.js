/** A menu at a place of the screen, worked by mouse and by keyboard (ARIA menu pattern). */

import {useEffect, useLayoutEffect, useRef} from "preact/hooks"
import {html} from "../core/html.js"
import {turned} from "../core/texts.js"
import {Icon} from "./icon.js"
import {closeMenu} from "./menu.js"

/** @param {import("./menu.js").Menu} of */
export function OpenMenu({x, y, label, choices}) {
  const ref = useRef(/** @type {HTMLDivElement | null} */ (null))
  const buttons = () => /** @type {HTMLButtonElement[]} */ ([...(ref.current?.querySelectorAll("button") ?? [])])
  useLayoutEffect(() => {
    const list = /** @type {HTMLDivElement} */ (ref.current)
    list.style.insetInlineStart = `${Math.max(8, Math.min(turned() ? innerWidth - x : x, innerWidth - list.offsetWidth - 8))}px`
    list.style.top = `${Math.max(8, Math.min(y, innerHeight - list.offsetHeight - 8))}px`
    buttons()[0]?.focus()
  }, [])
  useEffect(() => {
    addEventListener("resize", closeMenu)
    return () => removeEventListener("resize", closeMenu)
  }, [])
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const all = buttons()
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement))
    const to = {ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1}[event.key]
    if (to !== undefined) all[to % all.length].focus()
    else if (event.key === "Escape" || event.key === "Tab") closeMenu()
    else if (event.key.length === 1) all.find((button, index) => index > at && startsWith(button, event.key))?.focus()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const run = (/** @type {NonNullable<import("./menu.js").Choice>} */ choice) => {
    closeMenu()
    choice.run()
  }
  return html`
    <div class="menu-shade" onPointerDown=${closeMenu} onContextMenu=${(/** @type {Event} */ event) => (event.preventDefault(), closeMenu())}>
      <div ref=${ref} class="menu" role="menu" aria-label=${label} onKeyDown=${pressed} onPointerDown=${(/** @type {Event} */ event) => event.stopPropagation()}>
        ${choices.map(choice => (choice ? html`<${Row} choice=${choice} run=${run} />` : html`<div role="separator"></div>`))}
      </div>
    </div>
  `
}

/** @param {{choice: NonNullable<import("./menu.js").Choice>, run: (choice: NonNullable<import("./menu.js").Choice>) => void}} of */
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
