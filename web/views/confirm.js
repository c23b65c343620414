/** Asks before something that cannot be undone. */

import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {Button} from "../parts/button.js"
import {Dialog} from "../parts/dialog.js"
import {useSending} from "./form.js"

/** @param {{title: string, text: string, action: string, run: () => Promise<void>, close: () => void}} of */
export function Confirm({title, text, action, run, close}) {
  const form = useSending(async () => {
    await run()
    close()
  })
  const actions = html`
    <${Button} onClick=${close}>${t("action.cancel")}<//>
    <${Button} kind="danger" type="submit" busy=${form.busy}>${action}<//>
  `
  return html`
    <${Dialog} title=${title} close=${close} submit=${form.send} actions=${actions}>
      <p>${text}</p>
      ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
    <//>
  `
}
