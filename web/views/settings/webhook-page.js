/** One webhook: how it stands, what it was sent, and everything that can be done with it. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {moment} from "../../core/format.js"
import {html} from "../../core/html.js"
import {go} from "../../core/router.js"
import {t} from "../../core/texts.js"
import {say, sayWrong} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {Confirm} from "../confirm.js"
import {Deliveries} from "./deliveries.js"
import {Read, useReading} from "./reading.js"
import {Recover} from "./recover.js"
import {Secret} from "./secret.js"
import {Section} from "./section.js"
import {WebhookForm} from "./webhook-form.js"
import {Standing} from "./webhook-standing.js"

/** @param {{id: string}} of */
export function WebhookPage({id}) {
  const reading = useReading(`/v1/webhooks/${id}`)
  return html`
    <${Read} reading=${reading}>${(/** @type {any} */ webhook) => html`<${Whole} webhook=${webhook} changed=${(/** @type {any} */ next) => (reading.found.value = next)} look=${reading.look} />`}<//>
  `
}

/** @param {{webhook: any, changed: (webhook: any) => void, look: () => Promise<void>}} of */
function Whole({webhook, changed, look}) {
  const path = `/v1/webhooks/${webhook.id}`
  const editing = useSignal(false)
  const secret = useSignal("")
  /** Rises when something was sent. */
  const sent = useSignal(0)
  const turn = () => call("PATCH", path, {body: {enabled: !webhook.enabled}}).then(changed, sayWrong)
  const tryOut = () =>
    call("POST", `${path}/test`, {body: {}}).then(() => {
      say(t("webhooks.tried"))
      sent.value++
    }, sayWrong)
  const rotate = async () => {
    secret.value = (await call("POST", `${path}/rotate-secret`)).secret
    await look()
  }
  const remove = async () => {
    await call("DELETE", path)
    go("/app/settings/webhooks")
  }
  const asking = (/** @type {string} */ title, /** @type {string} */ text, /** @type {() => Promise<void>} */ run) => () =>
    ask(close => html`<${Confirm} title=${title} text=${text} action=${title} run=${run} close=${close} />`)
  return html`
    <${Section} title=${webhook.description || t("webhooks.one")} beside=${html`<${Standing} of=${webhook} />`}>
      ${webhook.taken_down && html`<p class="banner" role="status">${t("webhooks.taken_down", {time: moment(webhook.taken_down.at), reason: webhook.taken_down.reason})}</p>`}
      ${webhook.disabled_for && !webhook.taken_down &&
      html`<p class="banner" role="status">${t(webhook.disabled_for === "gone" ? "webhooks.gone" : "webhooks.failed", {time: moment(webhook.disabled_at)})}</p>`}
      ${webhook.enabled && webhook.failing_since && html`<p class="banner" role="status">${t("webhooks.failing", {time: moment(webhook.failing_since)})}</p>`}
      <dl class="facts">
        <div><dt>${t("webhooks.url")}</dt><dd>${webhook.url}</dd></div>
        <div><dt>${t("webhooks.types")}</dt><dd>${webhook.event_types.join(", ")}</dd></div>
        ${webhook.item_id && html`<div><dt>${t("webhooks.item")}</dt><dd><a href="/app/items/${webhook.item_id}">${t("webhooks.only_item")}</a></dd></div>`}
        ${webhook.old_secret_until && Date.parse(webhook.old_secret_until) > Date.now() && html`<div><dt>${t("webhooks.secret")}</dt><dd>${t("webhooks.both_until", {time: moment(webhook.old_secret_until)})}</dd></div>`}
      </dl>
      ${secret.value && html`<${Secret} title=${t("webhooks.secret")} hint=${t("webhooks.rotated_hint")} text=${secret.value} done=${() => (secret.value = "")} />`}
      ${editing.value
        ? html`<${WebhookForm} webhook=${webhook} taken=${(/** @type {any} */ next) => (changed(next), (editing.value = false))} cancel=${() => (editing.value = false)} />`
        : html`
            <div class="row-of-buttons">
              <${Button} kind="main" disabled=${!webhook.enabled} onClick=${tryOut}>${t("webhooks.try")}<//>
              <${Button} disabled=${Boolean(webhook.taken_down)} onClick=${turn}>${webhook.enabled ? t("webhooks.turn_off") : t("webhooks.turn_on")}<//>
              <${Button} onClick=${() => (editing.value = true)}>${t("webhooks.change")}<//>
              <${Button} onClick=${asking(t("webhooks.rotate"), t("webhooks.rotate_sure"), rotate)}>${t("webhooks.rotate")}<//>
              <${Button} onClick=${asking(t("webhooks.remove"), t("webhooks.remove_sure"), remove)}>${t("webhooks.remove")}<//>
            </div>
          `}
    <//>
    <${Section} title=${t("deliveries.title")} hint=${t("deliveries.hint")}>
      ${webhook.enabled && html`<${Recover} path=${path} done=${() => sent.value++} />`}
      <${Deliveries} path=${`${path}/deliveries`} sent=${sent.value} />
    <//>
  `
}
