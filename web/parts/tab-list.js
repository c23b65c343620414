/** Several views in one place, chosen by mouse or by arrow keys (ARIA tabs pattern). */

import {useId, useRef} from "preact/hooks"
import {html} from "../core/html.js"

/**
 * @param {{label: string, tabs: [string, string][], open: string, choose: (name: string) => void, children: any}} of
 *   `tabs` are names with their words
 */
export function TabList({label, tabs, open, choose, children}) {
  const id = useId()
  const ref = useRef(/** @type {HTMLElement | null} */ (null))
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const at = tabs.findIndex(([name]) => name === open)
    const count = tabs.length
    const to = {ArrowRight: (at + 1) % count, ArrowLeft: (at - 1 + count) % count, Home: 0, End: count - 1}[event.key]
    if (to === undefined) return
    event.preventDefault()
    choose(tabs[to][0])
    const button = ref.current?.children[to]
    if (button instanceof HTMLElement) button.focus()
  }
  return html`
    <div ref=${ref} class="tab-list" role="tablist" aria-label=${label} onKeyDown=${pressed}>
      ${tabs.map(
        ([name, words]) => html`
          <button
            type="button"
            role="tab"
            id="${id}-${name}"
            aria-controls="${id}-panel"
            aria-selected=${name === open}
            tabindex=${name === open ? 0 : -1}
            onClick=${() => choose(name)}
          >
            ${words}
          </button>
        `,
      )}
    </div>
    <div role="tabpanel" id="${id}-panel" aria-labelledby="${id}-${open}" class="tab-panel">${children}</div>
  `
}
