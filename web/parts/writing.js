/** A field for several lines, with its name above it and what is wrong below; as high as what stands in it. */

import {useEffect, useId, useLayoutEffect, useRef} from "preact/hooks"
import {html} from "../core/html.js"

const MOST_PX = 220

/**
 * @param {{label: string, value: string, change: (value: string) => void, error?: string, hint?: string, bare?: boolean,
 *   focus?: boolean, [more: string]: any}} of `bare` shows the name to those only who do not see the rest
 */
export function Writing({label, value, change, error, hint, bare = false, focus = false, ...rest}) {
  const id = useId()
  const ref = useRef(/** @type {HTMLTextAreaElement | null} */ (null))
  useEffect(() => {
    if (focus) ref.current?.focus()
  }, [])
  useLayoutEffect(() => {
    const area = /** @type {HTMLTextAreaElement} */ (ref.current)
    area.style.blockSize = "auto"
    area.style.blockSize = `${Math.min(MOST_PX, area.scrollHeight + 2)}px`
  }, [value])
  const below = error ?? hint
  return html`
    <div class="field">
      <label for=${id} class=${bare ? "unseen" : ""}>${label}</label>
      <textarea
        rows="1"
        ...${rest}
        id=${id}
        ref=${ref}
        value=${value}
        onInput=${(/** @type {any} */ event) => change(event.currentTarget.value)}
        aria-invalid=${Boolean(error)}
        aria-describedby=${below ? `${id}-below` : undefined}
      ></textarea>
      ${below && html`<p id="${id}-below" class=${error ? "wrong" : "hint"}>${below}</p>`}
    </div>
  `
}
