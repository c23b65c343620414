/** One of few, in a list that the browser draws: it works inside of dialogs and on telephones. */

import {useEffect, useId, useRef} from "preact/hooks"
import {html} from "../core/html.js"

/**
 * @param {{label: string, value: string, options: [string, string][], change: (value: string) => void, bare?: boolean, focus?: boolean, [more: string]: any}} of
 *   `options` are values with their words; `bare` shows the name to those only who do not see the rest
 */
export function Choice({label, value, options, change, bare = false, focus = false, ...rest}) {
  const id = useId()
  const ref = useRef(/** @type {HTMLSelectElement | null} */ (null))
  useEffect(() => {
    if (focus) ref.current?.focus()
  }, [])
  const list = html`
    <select ...${rest} id=${id} ref=${ref} class=${bare ? "bare-choice" : ""} aria-label=${bare ? label : undefined} value=${value} onChange=${(/** @type {any} */ event) => change(event.currentTarget.value)}>
      ${options.map(([name, words]) => html`<option value=${name} selected=${name === value}>${words}</option>`)}
    </select>
  `
  return bare ? list : html`<div class="field"><label for=${id}>${label}</label>${list}</div>`
}
