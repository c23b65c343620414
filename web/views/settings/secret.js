/** What is shown this once: a token, a secret, codes. To be copied, and to be put away. */

import {useSignal} from "@preact/signals"
import {useEffect, useRef} from "preact/hooks"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"

/** @param {{title: string, hint: string, text: string, done: () => void}} of */
export function Secret({title, hint, text, done}) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null))
  const refused = useSignal(false)
  useEffect(() => ref.current?.focus(), [])
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => say(t("secret.copied")),
      () => (refused.value = true),
    )
  return html`
    <div class="secret" role="group" aria-label=${title}>
      <h3 tabindex="-1" ref=${ref}>${title}</h3>
      <p>${hint}</p>
      <pre tabindex="0" aria-label=${title}>${text}</pre>
      ${refused.value && html`<p class="wrong" role="alert">${t("secret.refused")}</p>`}
      <div class="row-of-buttons"><${Button} kind="main" onClick=${copy}>${t("secret.copy")}<//><${Button} onClick=${done}>${t("secret.done")}<//></div>
    </div>
  `
}
