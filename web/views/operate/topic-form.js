/** Which queue is to be fed by which topic. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {SERVICES} from "../../house/services.js"
import {Button} from "../../parts/button.js"
import {Dialog} from "../../parts/dialog.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"
import {Choice} from "./frame.js"
import {findPerson} from "./person.js"

const TOPICS = SERVICES.map(name => `${name}-events`)

/** @param {{path: string, close: () => void, made: (one: any) => void}} of `made` comes after closing, and may ask in its turn */
export function NewTopicSubscription({path, close, made}) {
  const topic = useSignal("files-events")
  const asked = useSignal({queue: "", types: "", owner: "", dead: "", description: ""})
  const set = (/** @type {string} */ name) => (/** @type {string} */ value) => (asked.value = {...asked.value, [name]: value})
  const sending = useSending(async () => {
    const {queue, types, owner, dead, description} = asked.value
    const person = owner.trim() ? await findPerson(owner.trim()) : null
    const body = {
      topic: topic.value,
      queue_arn: queue.trim(),
      event_types: types.split(/[\s,]+/).filter(Boolean),
      ...(person && {owner_id: person.id}),
      ...(dead.trim() && {dead_queue_arn: dead.trim()}),
      description: description.trim(),
    }
    const one = await call("POST", path, {body})
    close()
    made(one)
  })
  const wrongType = sending.at("/event_types") ?? [...Array(100).keys()].map(at => sending.at(`/event_types/${at}`)).find(Boolean)
  const line = (/** @type {keyof typeof asked.value} */ name, /** @type {any} */ more) =>
    html`<${Field} label=${t(`operate.topic_${name}`)} value=${asked.value[name]} change=${set(name)} autocomplete="off" spellcheck=${false} ...${more} />`
  const actions = html`
    <${Button} onClick=${close}>${t("action.cancel")}<//>
    <${Button} kind="main" type="submit" busy=${sending.busy} disabled=${!asked.value.queue.trim()}>${t("operate.subscribe")}<//>
  `
  return html`
    <${Dialog} title=${t("operate.new_topic_subscription")} close=${close} submit=${sending.send} actions=${actions}>
      <p class="hint">${t("operate.new_topic_lead")}</p>
      <${Choice} label=${t("operate.topic")} value=${topic.value} choices=${TOPICS.map(name => [name, name])} change=${(/** @type {string} */ name) => (topic.value = name)} />
      ${line("queue", {error: sending.at("/queue_arn"), focus: true})}
      ${line("types", {error: wrongType, hint: t("operate.topic_types_hint")})}
      ${line("owner", {hint: t("operate.topic_owner_hint")})}
      ${line("dead", {error: sending.at("/dead_queue_arn"), hint: t("operate.topic_dead_hint")})}
      ${line("description", {error: sending.at("/description"), maxlength: 200})}
      ${sending.words && html`<p class="wrong" role="alert">${sending.words}</p>`}
    <//>
  `
}
