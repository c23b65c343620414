/** The mark of Coffer. */

import {html} from "../core/html.js"

export const Mark = () => html`
  <svg class="mark" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
    <rect width="32" height="32" rx="8" />
    <path d="M8 13.5 16 9l8 4.5v8.2a1.3 1.3 0 0 1-1.3 1.3H9.3A1.3 1.3 0 0 1 8 21.7z" />
    <path class="slit" d="M13.5 17h5" />
  </svg>
`
