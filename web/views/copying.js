/** Text that is taken elsewhere: shown as it is, and put onto the clipboard. */

import {useSignal} from "@preact/signals"
import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {say} from "../core/toasts.js"
import {Button} from "../parts/button.js"

/** @param {string} text */
export function useCopying(text) {
  const refused = useSignal(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      say(t("secret.copied"))
    } catch {
      // No right to it, or no secure page: the text stands there to be taken by hand.
      refused.value = true
    }
  }
  return {copy, wrong: refused.value && html`<p class="wrong" role="alert">${t("secret.refused")}</p>`}
}

/** @param {{label: string, text: string, action: string}} of */
export function Copied({label, text, action}) {
  const {copy, wrong} = useCopying(text)
  return html`
    <div class="copied">
      <pre class="source" tabindex="0" role="group" aria-label=${label}>${text}</pre>
      ${wrong}
      <${Button} onClick=${copy}>${action}<//>
    </div>
  `
}
