/** Buttons: with words, or with a sign and a name for those who do not see it. */

import {html} from "../core/html.js"
import {Icon} from "./icon.js"

/**
 * @param {{kind?: "main" | "plain" | "quiet" | "danger", icon?: string, busy?: boolean, children?: any, [more: string]: any}} of
 */
export const Button = ({kind = "plain", icon, busy = false, children, class: more = "", ...rest}) => html`
  <button type="button" ...${rest} class="button ${kind} ${more}" aria-busy=${busy} disabled=${rest.disabled || busy}>
    ${icon && html`<${Icon} name=${icon} size=${18} />`}<span>${children}</span>
  </button>
`

/** @param {{icon: string, label: string, filled?: boolean, size?: number, [more: string]: any}} of */
export const IconButton = ({icon, label, filled, size, class: more = "", ...rest}) => html`
  <button type="button" ...${rest} class="icon-button ${more}" aria-label=${label} title=${rest.title ?? label}>
    <${Icon} name=${icon} filled=${filled} size=${size} />
  </button>
`
