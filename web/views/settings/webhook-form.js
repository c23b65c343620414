/** What a webhook is: its address, and of what it is told. For a new one, and to change one. */

import {useSignal} from "@preact/signals"
import {call, oneKey} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"
import {useReading} from "./reading.js"

/** Whole families are asked for by patterns. */
const FAMILIES = ["files.*", "sharing.*", "media.*", "auth.*", "notifier.*"]

/** @param {{webhook?: any, taken: (webhook: any) => void, cancel: () => void}} of */
export function WebhookForm({webhook, taken, cancel}) {
  const [url, description] = [useSignal(webhook?.url ?? ""), useSignal(webhook?.description ?? "")]
  const types = useSignal(/** @type {Set<string>} */ (new Set(webhook?.event_types ?? ["files.*"])))
  const known = useReading("/v1/events/types")
  const form = useSending(async () => {
    const body = {url: url.value.trim(), description: description.value.trim(), event_types: [...types.value]}
    if (webhook) taken(await call("PATCH", `/v1/webhooks/${webhook.id}`, {body}))
    else taken(await call("POST", "/v1/webhooks", {body, headers: oneKey()}))
  })
  /** @param {string} type */
  const toggle = type => {
    const next = new Set(types.value)
    if (!next.delete(type)) next.add(type)
    types.value = next
  }
  const offered = (known.found.value?.items ?? []).filter((/** @type {any} */ type) => type.webhooks)
  /** @param {string} type */
  const covered = type => types.value.has("*") || types.value.has(`${type.split(".")[0]}.*`)
  /** @param {string} type @param {any} text @param {boolean} implied */
  const choice = (type, text, implied = false) => html`
    <label class="choice"><input type="checkbox" checked=${implied || types.value.has(type)} disabled=${implied} onChange=${() => toggle(type)} /><span>${text}</span></label>
  `
  return html`
    <form class="form panel" onSubmit=${form.send} noValidate>
      <${Field} ...${{label: t("webhooks.url"), name: "url", type: "url", required: true, focus: true, inputMode: "url", hint: t("webhooks.url_hint")}} value=${url.value} change=${(/** @type {string} */ value) => (url.value = value)} error=${form.at("/url")} />
      <${Field} ...${{label: t("webhooks.description"), name: "description", maxlength: 200}} value=${description.value} change=${(/** @type {string} */ value) => (description.value = value)} error=${form.at("/description")} />
      <fieldset>
        <legend>${t("webhooks.types")}</legend>
        ${choice("*", t("webhooks.all"))} ${FAMILIES.map(family => choice(family, t(`family.${family.split(".")[0]}`), types.value.has("*")))}
        <details>
          <summary>${t("webhooks.exact")}</summary>
          ${offered.map((/** @type {any} */ type) => choice(type.type, html`<code>${type.type}</code>`, covered(type.type)))}
        </details>
        ${form.at("/event_types") && html`<p class="wrong" role="alert">${form.at("/event_types")}</p>`}
      </fieldset>
      ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
      <div class="row-of-buttons">
        <${Button} kind="main" type="submit" busy=${form.busy} disabled=${types.value.size === 0}>${webhook ? t("action.save") : t("webhooks.make")}<//>
        <${Button} onClick=${cancel}>${t("action.cancel")}<//>
      </div>
    </form>
  `
}
