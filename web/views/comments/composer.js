/** Where something is said: a new conversation, a reply, or other words for what was said. */

import {useSignal} from "@preact/signals"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {TEXT_LENGTH} from "../../drive/comments.js"
import {Button} from "../../parts/button.js"
import {Writing} from "../../parts/writing.js"
import {useSending} from "../form.js"

/**
 * @param {{label: string, action: string, send: (text: string) => Promise<string[]>, text?: string, done?: () => void, focus?: boolean}} of
 *   `send` answers names that nobody has
 */
export function Composer({label, action, send, text = "", done, focus = false}) {
  const words = useSignal(text)
  const form = useSending(async () => {
    if (!words.value.trim()) return
    const unknown = await send(words.value.trim())
    words.value = ""
    if (unknown.length) say(t("comments.nobody", {names: unknown.join(", ")}))
    done?.()
  })
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.send(event)
    else if (event.key === "Escape" && done) done()
    else return
    event.stopPropagation()
  }
  return html`
    <form class="composer" onSubmit=${form.send} noValidate>
      <${Writing}
        bare
        ...${{label, placeholder: label, maxlength: TEXT_LENGTH, focus, onKeyDown: pressed}}
        ...${{value: words.value, change: (/** @type {string} */ value) => (words.value = value), error: form.at("/body") ?? form.words ?? undefined}}
      />
      ${(words.value.trim() || done) &&
      html`
        <div class="form-deeds">
          ${done && html`<${Button} onClick=${done}>${t("action.cancel")}<//>`}
          <${Button} kind="main" type="submit" busy=${form.busy} disabled=${!words.value.trim()}>${action}<//>
        </div>
      `}
    </form>
  `
}
