/** Yes or no. */

import {useLayoutEffect, useRef} from "preact/hooks"
import {html} from "../core/html.js"

/** @param {{label: string, value: boolean, change: (value: boolean) => void, [more: string]: any}} of */
export function Switch({label, value, change, ...rest}) {
  const ref = useRef(/** @type {HTMLInputElement | null} */ (null))
  useLayoutEffect(() => {
    // What was chosen and refused goes back to what is.
    if (ref.current) ref.current.checked = value
  })
  return html`
    <label class="switch">
      <input ...${rest} ref=${ref} type="checkbox" checked=${value} onChange=${(/** @type {any} */ event) => change(event.currentTarget.checked)} />
      <span>${label}</span>
    </label>
  `
}
