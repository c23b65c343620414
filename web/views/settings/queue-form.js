/** What a subscription of a queue is: which queue, and of what it is told. For a new one, and to change one. */

import {useSignal} from "@preact/signals"
import {call, oneKey} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"
import {ToldOf, USUAL} from "./told-of.js"

/** @param {{queue?: any, taken: (queue: any) => void, cancel: () => void}} of */
export function QueueForm({queue, taken, cancel}) {
  const [arn, description] = [useSignal(""), useSignal(queue?.description ?? "")]
  const types = useSignal(/** @type {Set<string>} */ (new Set(queue?.event_types ?? USUAL)))
  // The same wish sent twice is one subscription; another wish is another.
  const key = useSignal({of: "", headers: oneKey()})
  const form = useSending(async () => {
    const body = {description: description.value.trim(), event_types: [...types.value]}
    if (queue) return taken(await call("PATCH", `/v1/subscriptions/${queue.id}`, {body}))
    const whole = {...body, queue_arn: arn.value.trim()}
    const of = JSON.stringify(whole)
    if (key.value.of !== of) key.value = {of, headers: oneKey()}
    taken(await call("POST", "/v1/subscriptions", {body: whole, headers: key.value.headers}))
  })
  return html`
    <form class="form panel" onSubmit=${form.send} noValidate>
      ${!queue && html`<${Field} ...${{label: t("queues.arn"), name: "queue_arn", required: true, focus: true, autocomplete: "off", spellcheck: false, hint: t("queues.arn_hint")}} value=${arn.value} change=${(/** @type {string} */ value) => (arn.value = value)} error=${form.at("/queue_arn")} />`}
      <${Field} ...${{label: t("webhooks.description"), name: "description", maxlength: 200, focus: Boolean(queue)}} value=${description.value} change=${(/** @type {string} */ value) => (description.value = value)} error=${form.at("/description")} />
      <${ToldOf} types=${types} error=${form.at("/event_types")} />
      ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
      <div class="row-of-buttons">
        <${Button} kind="main" type="submit" busy=${form.busy} disabled=${types.value.size === 0}>${queue ? t("action.save") : t("queues.make")}<//>
        <${Button} onClick=${cancel}>${t("action.cancel")}<//>
      </div>
    </form>
  `
}
