/** Asking for a link to set another password. Says the same whether or not the address is known. */

import {useSignal} from "@preact/signals"
import {call} from "../core/api.js"
import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {Button} from "../parts/button.js"
import {Field} from "../parts/field.js"
import {useSending} from "./form.js"
import {Front} from "./front.js"

export function Forgot() {
  const email = useSignal("")
  const sent = useSignal(false)
  const form = useSending(async () => {
    await call("POST", "/v1/auth/password/forgot", {body: {email: email.value.trim()}, anonymous: true})
    sent.value = true
  })
  const below = html`<a href="/app/sign-in">${t("forgot.back")}</a>`
  if (sent.value) {
    return html`<${Front} title=${t("forgot.sent")} lead=${t("forgot.sent_lead", {email: email.value.trim()})} below=${below} />`
  }
  return html`
    <${Front} title=${t("forgot.title")} lead=${t("forgot.lead")} below=${below}>
      <form class="form" onSubmit=${form.send} noValidate>
        <${Field}
          ...${{label: t("sign_up.email"), type: "email", name: "email", autocomplete: "email", required: true, focus: true}}
          ...${{value: email.value, change: (/** @type {string} */ value) => (email.value = value), error: form.at("/email")}}
        />
        ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
        <${Button} kind="main" type="submit" busy=${form.busy}>${t("forgot.action")}<//>
      </form>
    <//>
  `
}
