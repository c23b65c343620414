/** What a webhook is: its address, and of what it is told. For a new one, and to change one. */

import {useSignal} from "@preact/signals"
import {call, oneKey} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"
import {ToldOf, USUAL} from "./told-of.js"

/** @param {{webhook?: any, taken: (webhook: any) => void, cancel: () => void}} of */
export function WebhookForm({webhook, taken, cancel}) {
  const [url, description] = [useSignal(webhook?.url ?? ""), useSignal(webhook?.description ?? "")]
  const types = useSignal(/** @type {Set<string>} */ (new Set(webhook?.event_types ?? USUAL)))
  const form = useSending(async () => {
    const body = {url: url.value.trim(), description: description.value.trim(), event_types: [...types.value]}
    if (webhook) taken(await call("PATCH", `/v1/webhooks/${webhook.id}`, {body}))
    else taken(await call("POST", "/v1/webhooks", {body, headers: oneKey()}))
  })
  return html`
    <form class="form panel" onSubmit=${form.send} noValidate>
      <${Field} ...${{label: t("webhooks.url"), name: "url", type: "url", required: true, focus: true, inputMode: "url", hint: t("webhooks.url_hint")}} value=${url.value} change=${(/** @type {string} */ value) => (url.value = value)} error=${form.at("/url")} />
      <${Field} ...${{label: t("webhooks.description"), name: "description", maxlength: 200}} value=${description.value} change=${(/** @type {string} */ value) => (description.value = value)} error=${form.at("/description")} />
      <${ToldOf} types=${types} error=${form.at("/event_types")} />
      ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
      <div class="row-of-buttons">
        <${Button} kind="main" type="submit" busy=${form.busy} disabled=${types.value.size === 0}>${webhook ? t("action.save") : t("webhooks.make")}<//>
        <${Button} onClick=${cancel}>${t("action.cancel")}<//>
      </div>
    </form>
  `
}
