/** Yes or no. */

import {html} from "../core/html.js"

/** @param {{label: string, value: boolean, change: (value: boolean) => void, [more: string]: any}} of */
export const Switch = ({label, value, change, ...rest}) => html`
  <label class="switch">
    <input ...${rest} type="checkbox" checked=${value} onChange=${(/** @type {any} */ event) => change(event.currentTarget.checked)} />
    <span>${label}</span>
  </label>
`
