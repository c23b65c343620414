/** A part of the settings: what it is called, and a sentence about it. */

import {useId} from "preact/hooks"
import {html} from "../../core/html.js"

/** @param {{title: string, hint?: any, beside?: any, children?: any}} of */
export function Section({title, hint, beside, children}) {
  const id = useId()
  return html`
    <section aria-labelledby=${id}>
      <div class="section-head"><h2 id=${id}>${title}</h2>${beside}</div>
      ${hint && html`<p class="hint">${hint}</p>`} ${children}
    </section>
  `
}
