/** What is shown this once: a token, a secret, codes. To be copied, and to be put away. */

import {useEffect, useRef} from "preact/hooks"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {useCopying} from "../copying.js"

/** @param {{title: string, hint: string, text: string, done: () => void}} of */
export function Secret({title, hint, text, done}) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null))
  const {copy, wrong} = useCopying(text)
  useEffect(() => ref.current?.focus(), [])
  return html`
    <div class="secret" role="group" aria-label=${title}>
      <h3 tabindex="-1" ref=${ref}>${title}</h3>
      <p>${hint}</p>
      <pre tabindex="0" aria-label=${title}>${text}</pre>
      ${wrong}
      <div class="row-of-buttons"><${Button} kind="main" onClick=${copy}>${t("secret.copy")}<//><${Button} onClick=${done}>${t("secret.done")}<//></div>
    </div>
  `
}
