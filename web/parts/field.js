/** One line of a form, with its name above it and what is wrong below. */

import {useId, useLayoutEffect, useRef} from "preact/hooks"
import {html} from "../core/html.js"

/**
 * @param {{label: string, value: string, change: (value: string) => void, error?: string, hint?: string, focus?: boolean,
 *   select?: number, [more: string]: any}} of `select` chooses so many letters from the beginning
 */
export function Field({label, value, change, error, hint, focus, select, ...rest}) {
  const id = useId()
  const ref = useRef(/** @type {HTMLInputElement | null} */ (null))
  // Before anybody can see it: whoever sees it types.
  useLayoutEffect(() => {
    if (!focus) return
    // A dialog that opens around it looks for `autofocus`.
    ref.current?.focus()
    if (select !== undefined) ref.current?.setSelectionRange(0, select)
  }, [])
  const below = error ?? hint
  return html`
    <div class="field">
      <label for=${id}>${label}</label>
      <input
        ...${rest}
        id=${id}
        ref=${ref}
        value=${value}
        autofocus=${focus}
        onInput=${(/** @type {any} */ event) => change(event.currentTarget.value)}
        aria-invalid=${Boolean(error)}
        aria-describedby=${below ? `${id}-below` : undefined}
      />
      ${below && html`<p id="${id}-below" class=${error ? "wrong" : "hint"}>${below}</p>`}
    </div>
  `
}
