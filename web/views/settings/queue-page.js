/** One queue that is told: how it stands, the proof that it waits for, what it was sent, and everything that can be done with it. */

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
import {Copied} from "../copying.js"
import {Deliveries} from "./deliveries.js"
import {Proof} from "./proof.js"
import {QueueForm} from "./queue-form.js"
import {Recover} from "./recover.js"
import {Section} from "./section.js"
import {Standing} from "./webhook-standing.js"

/** @param {{queue: any, changed: (queue: any) => void, look: () => Promise<void>}} of */
export function QueuePage({queue, changed, look}) {
  const path = `/v1/subscriptions/${queue.id}`
  const editing = useSignal(false)
  /** Rises when something was sent. */
  const sent = useSignal(0)
  const proved = queue.state !== "unconfirmed"
  const turn = () => call("PATCH", path, {body: {enabled: !queue.enabled}}).then(changed, sayWrong)
  const tryOut = () =>
    call("POST", `${path}/test`, {body: {}}).then(() => {
      say(t("webhooks.tried"))
      sent.value++
    }, sayWrong)
  const remove = async () => {
    await call("DELETE", path)
    go("/app/settings/webhooks")
  }
  const asking = () =>
    ask(close => html`<${Confirm} title=${t("queues.remove")} text=${t("webhooks.remove_sure")} action=${t("queues.remove")} run=${remove} close=${close} />`)
  return html`
    <${Section} title=${queue.description || t("queues.one")} beside=${html`<${Standing} of=${queue} />`}>
      ${queue.taken_down && html`<p class="banner" role="status">${t("webhooks.taken_down", {time: moment(queue.taken_down.at), reason: queue.taken_down.reason})}</p>`}
      ${queue.disabled_for && !queue.taken_down && html`<p class="banner" role="status">${t("webhooks.failed", {time: moment(queue.disabled_at)})}</p>`}
      ${queue.enabled && queue.failing_since && html`<p class="banner" role="status">${t("webhooks.failing", {time: moment(queue.failing_since)})}</p>`}
      <dl class="facts">
        <div><dt>${t("queues.arn")}</dt><dd>${queue.address}</dd></div>
        <div><dt>${t("webhooks.types")}</dt><dd>${queue.event_types.join(", ")}</dd></div>
        ${queue.item_id && html`<div><dt>${t("webhooks.item")}</dt><dd><a href="/app/items/${queue.item_id}">${t("webhooks.only_item")}</a></dd></div>`}
      </dl>
      ${proved &&
      queue.policy &&
      html`
        <details>
          <summary>${t("queues.policy")}</summary>
          <${Copied} label=${t("queues.policy")} text=${JSON.stringify(queue.policy, null, 2)} action=${t("queues.copy_policy")} />
        </details>
      `}
      ${editing.value
        ? html`<${QueueForm} queue=${queue} taken=${(/** @type {any} */ next) => (changed(next), (editing.value = false))} cancel=${() => (editing.value = false)} />`
        : html`
            <div class="row-of-buttons">
              ${proved && html`<${Button} kind="main" disabled=${!queue.enabled} onClick=${tryOut}>${t("webhooks.try")}<//><${Button} disabled=${Boolean(queue.taken_down)} onClick=${turn}>${queue.enabled ? t("webhooks.turn_off") : t("webhooks.turn_on")}<//>`}
              <${Button} onClick=${() => (editing.value = true)}>${t("webhooks.change")}<//>
              <${Button} onClick=${asking}>${t("queues.remove")}<//>
            </div>
          `}
    <//>
    ${proved
      ? html`
          <${Section} title=${t("deliveries.title")} hint=${t("deliveries.hint")}>
            ${queue.enabled && html`<${Recover} path=${path} done=${() => sent.value++} />`}
            <${Deliveries} path=${`${path}/deliveries`} sent=${sent.value} />
          <//>
        `
      : html`<${Section} title=${t("queues.proof")} hint=${t("queues.proof_hint")}><${Proof} path=${path} queue=${queue} changed=${changed} look=${look} /><//>`}
  `
}
