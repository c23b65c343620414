/** Queues of one's own that are told: how they stand, and the proof that a new one waits for. They are made by the API. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say, sayWrong} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {Field} from "../../parts/field.js"
import {Confirm} from "../confirm.js"
import {useSending} from "../form.js"
import {Read, useReading} from "./reading.js"
import {Section} from "./section.js"
import {Standing} from "./webhook-standing.js"

export function Queues() {
  const reading = useReading("/v1/subscriptions")
  return html`
    <${Section} title=${t("queues.title")} hint=${t("queues.hint")}>
      <${Read} reading=${reading}>
        ${(/** @type {{items: any[]}} */ {items}) => {
          const queues = items.filter(one => one.kind === "queue")
          if (!queues.length) return html`<p class="hint">${t("queues.none")}</p>`
          return html`<ul class="cards">${queues.map(queue => html`<${Queue} key=${queue.id} queue=${queue} look=${reading.look} />`)}</ul>`
        }}
      <//>
    <//>
  `
}

/** @param {{queue: any, look: () => Promise<void>}} of */
function Queue({queue, look}) {
  const path = `/v1/subscriptions/${queue.id}`
  const turn = () => call("PATCH", path, {body: {enabled: !queue.enabled}}).then(look, sayWrong)
  const remove = async () => {
    await call("DELETE", path)
    await look()
  }
  const asking = () =>
    ask(close => html`<${Confirm} title=${t("queues.remove")} text=${t("webhooks.remove_sure")} action=${t("queues.remove")} run=${remove} close=${close} />`)
  return html`
    <li class="tall">
      <div>
        <strong>${queue.description || queue.address.split(":").pop()}</strong>
        <span class="hint">${queue.address}</span>
        <span class="hint">${queue.event_types.join(", ")}</span>
      </div>
      <${Standing} of=${queue} />
      ${queue.state === "unconfirmed" && html`<${Proof} path=${path} queue=${queue} look=${look} />`}
      <div class="row-of-buttons">
        ${queue.state !== "unconfirmed" && html`<${Button} onClick=${turn}>${queue.enabled ? t("webhooks.turn_off") : t("webhooks.turn_on")}<//>`}
        <${Button} onClick=${asking}>${t("queues.remove")}<//>
      </div>
    </li>
  `
}

/** @param {{path: string, queue: any, look: () => Promise<void>}} of */
function Proof({path, queue, look}) {
  const code = useSignal("")
  const asking = useSending(async () => {
    await call("POST", `${path}/code`)
    say(t("queues.code_sent"))
  })
  const form = useSending(async () => {
    await call("POST", `${path}/confirm`, {body: {code: code.value.trim()}})
    await look()
  })
  return html`
    <details>
      <summary>${t("queues.policy")}</summary>
      <pre tabindex="0" aria-label=${t("queues.policy")}>${JSON.stringify(queue.policy, null, 2)}</pre>
    </details>
    <form class="form" onSubmit=${form.send} noValidate>
      <${Button} busy=${asking.busy} onClick=${asking.send}>${t("queues.ask_code")}<//>
      <${Field} label=${t("queues.code")} required hint=${t("queues.code_hint")} value=${code.value} change=${(/** @type {string} */ value) => (code.value = value)} error=${form.at("/code")} />
      ${(form.words ?? asking.words) && html`<p class="wrong" role="alert">${form.words ?? asking.words}</p>`}
      <${Button} type="submit" busy=${form.busy}>${t("queues.confirm")}<//>
    </form>
  `
}
