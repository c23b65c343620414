/** Queues that are fed by a topic as it is: everything that a service tells, whole and unjudged. */

import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say, sayWrong} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Dialog} from "../../parts/dialog.js"
import {ask} from "../../parts/dialogs.js"
import {Table} from "../../parts/table.js"
import {Confirm} from "../confirm.js"
import {Copied} from "../copying.js"
import {Frame, Nothing, Sheet, Sign, Unread, When} from "./frame.js"
import {NewTopicSubscription} from "./topic-form.js"
import {useReading} from "./use-reading.js"

const PATH = "/v1/admin/notifier/subscriptions"
/** @type {Record<string, "good" | "watch" | "wrong">} */
const GRADES = {confirmed: "good", pending: "watch", missing: "wrong"}

export function TopicsPage() {
  const {value, error, again} = useReading(signal => call("GET", PATH, {signal}), [])
  const items = value.value?.items
  const made = (/** @type {any} */ one) => {
    again()
    look(one)
  }
  const actions = html`<${Button} icon="add" onClick=${() => ask(close => html`<${NewTopicSubscription} path=${PATH} close=${close} made=${made} />`)}>${t("operate.new_topic_subscription")}<//>`
  return html`
    <${Frame} of="topics" actions=${actions}>
      <p class="hint lead">${t("operate.topics_lead")}</p>
      <${Unread} error=${error.value} again=${again} />
      ${items && html`<${Sheet}>${items.length ? html`<${Subscriptions} items=${items} again=${again} />` : html`<${Nothing}>${t("operate.no_topic_subscriptions")}<//>`}<//>`}
    <//>
  `
}

/** @param {any} one */
const nameOf = one => one.queue_arn.split(":").pop()

/** @param {any} one */
const look = one => ask(close => html`<${Whole} one=${one} close=${close} />`)

/** @param {{items: any[], again: () => void}} of */
function Subscriptions({items, again}) {
  const place = (/** @type {any} */ one) =>
    call("PATCH", `${PATH}/${one.id}`, {body: {description: one.description}}).then(() => {
      say(t("operate.put_in_place"))
      again()
    }, sayWrong)
  const asking = (/** @type {any} */ one) => {
    const remove = async () => {
      await call("DELETE", `${PATH}/${one.id}`)
      again()
    }
    ask(close => html`<${Confirm} title="${t("operate.take_off")}: ${nameOf(one)}" text=${t("operate.take_off_sure", {topic: one.topic})} action=${t("operate.take_off")} run=${remove} close=${close} />`)
  }
  const columns = [
    {title: t("operate.queue"), main: true, cell: (/** @type {any} */ one) => html`${nameOf(one)}${one.description && html`<span class="hint"> · ${one.description}</span>`}`},
    {title: t("operate.topic"), cell: (/** @type {any} */ one) => one.topic},
    {title: t("operate.topic_types"), cell: (/** @type {any} */ one) => (one.event_types.length ? one.event_types.join(", ") : t("operate.all_types"))},
    {title: t("operate.state"), cell: (/** @type {any} */ one) => html`<${Sign} grade=${GRADES[one.state] ?? "off"}>${t(`operate.placed_${one.state}`)}<//>`},
    {
      title: t("operate.acts"),
      cell: (/** @type {any} */ one) => html`
        <span class="acts">
          <${Button} aria-label=${t("operate.look_at", {name: nameOf(one)})} onClick=${() => look(one)}>${t("operate.look")}<//>
          ${one.state === "missing" && html`<${Button} onClick=${() => place(one)}>${t("operate.place")}<//>`}
          <${Button} aria-label=${t("operate.take_off_one", {name: nameOf(one)})} onClick=${() => asking(one)}>${t("operate.take_off")}<//>
        </span>
      `,
    },
  ]
  return html`<${Table} label=${t("operate.tab_topics")} columns=${columns} rows=${items} named=${(/** @type {any} */ one) => one.id} />`
}

/** @param {{one: any, close: () => void}} of */
const Whole = ({one, close}) => html`
  <${Dialog} wide title=${nameOf(one)} close=${close} actions=${html`<${Button} onClick=${close}>${t("action.close")}<//>`}>
    <dl class="facts">
      <div><dt>${t("operate.queue_arn")}</dt><dd><code>${one.queue_arn}</code></dd></div>
      <div><dt>${t("operate.topic")}</dt><dd><code>${one.topic_arn}</code></dd></div>
      ${one.owner_id && html`<div><dt>${t("operate.only_of")}</dt><dd><a href="/app/operate/people/${one.owner_id}" onClick=${close}><code>${one.owner_id}</code></a></dd></div>`}
      <div><dt>${t("operate.made_by")}</dt><dd><a href="/app/operate/people/${one.created_by}" onClick=${close}><code>${one.created_by.slice(-12)}</code></a></dd></div>
      <div><dt>${t("operate.since")}</dt><dd><${When} at=${one.created_at} /></dd></div>
    </dl>
    <p>${t(`operate.placed_${one.state}_more`)}</p>
    ${Object.entries(one.policies).map(
      ([queue, policy]) => html`
        <h3>${t("operate.policy_of", {name: queue.split(":").pop() ?? queue})}</h3>
        <${Copied} label=${t("operate.policy_of", {name: queue.split(":").pop() ?? queue})} text=${JSON.stringify(policy, null, 2)} action=${t("secret.copy")} />
      `,
    )}
  <//>
`
