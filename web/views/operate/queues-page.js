/** Every lane of every service: how much waits, for how long, what died on it, and what each service still has to publish. */

import {useSignal} from "@preact/signals"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {lately, note, notEmptySince} from "../../house/depths.js"
import {readHouse, serviceOf} from "../../house/services.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {Spark} from "../../parts/spark.js"
import {Table} from "../../parts/table.js"
import {Frame, Sheet, Sign, Unread, When} from "./frame.js"
import {Replays} from "./replays.js"
import {Republish} from "./republish-dialog.js"
import {useReading} from "./use-reading.js"
import {agoOf, lasting, number} from "./words.js"

/** @typedef {import("../../house/services.js").Queue} Queue */
/** @typedef {import("../../house/services.js").Service} Service */

const EVERY_MS = 5000

export function QueuesPage() {
  const live = useSignal(true)
  const {value, error, again} = useReading(look, [], {every: live.value ? EVERY_MS : 0})
  const house = value.value
  const follow = html`
    <button type="button" class="chip" aria-pressed=${live.value} onClick=${() => (live.value = !live.value)}>${t("operate.live")}</button>
  `
  return html`
    <${Frame} of="queues" actions=${follow}>
      <p class="hint lead">${t("operate.queues_lead")} <a href="/app/events">${t("operate.catalogue")}</a></p>
      <${Unread} error=${error.value} again=${again} />
      ${house?.services.map(service => html`<${Lanes} key=${service.name} service=${service} at=${house.at} />`)}
    <//>
  `
}

/** @param {AbortSignal} signal */
async function look(signal) {
  const house = await readHouse(signal)
  for (const service of house.services) for (const queue of service.queues) note(queue, house.at)
  return house
}

/** @param {{service: Service, at: number}} of */
function Lanes({service, at}) {
  const {name, queues, unread} = service
  const columns = [
    {title: t("operate.queue"), main: true, cell: (/** @type {Queue} */ queue) => queue.queue},
    {title: t("operate.waiting"), number: true, cell: (/** @type {Queue} */ queue) => depth(queue, "waiting")},
    {title: t("operate.working"), number: true, cell: (/** @type {Queue} */ queue) => depth(queue, "in_flight")},
    {title: t("operate.delayed"), number: true, cell: (/** @type {Queue} */ queue) => depth(queue, "delayed")},
    {title: t("operate.busy_for"), cell: (/** @type {Queue} */ queue) => busy(queue, at)},
    {title: t("operate.dead"), number: true, cell: (/** @type {Queue} */ queue) => html`<${Dead} queue=${queue} />`},
    {title: t("operate.oldest_dead"), cell: (/** @type {Queue} */ queue) => (queue.oldest_dead_at ? html`<${When} at=${queue.oldest_dead_at} ago />` : "–")},
    {title: t("operate.state"), cell: (/** @type {Queue} */ queue) => html`<${State} queue=${queue} />`},
    {title: t("operate.trend"), cell: (/** @type {Queue} */ queue) => html`<${Spark} label=${t("operate.lately", {service: queue.queue})} values=${lately(queue.queue).map(seen => seen.waiting)} />`},
  ]
  const begun = useSignal(0)
  const asking = () => ask(close => html`<${Republish} service=${name} close=${close} done=${() => (begun.value += 1)} />`)
  const letters = html`
    <span class="acts"><a href="/app/operate/letters?service=${name}">${t("operate.dead_letters")}</a><${Button} aria-label=${t("operate.republish_of", {service: name})} onClick=${asking}>${t("operate.republish")}<//></span>
  `
  return html`
    <${Sheet} title=${name} more=${letters}>
      ${unread ? html`<p class="wrong" role="alert">${t("operate.no_answer")}</p>` : html`<${Table} label=${t("operate.queues_of", {service: name})} columns=${columns} rows=${queues} named=${(/** @type {Queue} */ queue) => queue.queue} />`}
      ${service.outbox && html`<${Unsent} service=${service} />`}
      <${Replays} service=${name} fresh=${begun.value} />
    <//>
  `
}

/**
 * @param {Queue} queue
 * @param {"waiting" | "in_flight" | "delayed"} what
 */
const depth = (queue, what) => (queue.depth ? number(queue.depth[what]) : "?")

/**
 * @param {Queue} queue
 * @param {number} at
 */
function busy(queue, at) {
  const since = notEmptySince(queue.queue)
  return since === null ? "–" : at - since < 1000 ? t("operate.just_now") : lasting((at - since) / 1000)
}

/** @param {{queue: Queue}} of */
function Dead({queue}) {
  const count = queue.dead_letters + (queue.dead_depth ?? 0)
  if (!count) return "0"
  return html`<a class="bad" href="/app/operate/letters?${new URLSearchParams({service: serviceOf(queue), queue: queue.queue})}">${number(count)}</a>`
}

/** @param {{queue: Queue}} of */
function State({queue}) {
  if (queue.problem) return html`<${Sign} grade="wrong">${t(queue.problem === "queue_missing" ? "operate.state_missing" : "operate.state_unreachable")}<//>`
  if (queue.stopped) return html`<${Sign} grade="wrong">${t("operate.state_stopped")}<//>`
  if (queue.stopped === null) return html`<${Sign} grade="off">${t("operate.state_elsewhere")}<//>`
  return html`<${Sign} grade="good">${t("operate.state_running")}<//>`
}

/** @param {{service: Service}} of */
function Unsent({service: {outbox}}) {
  if (!outbox) return null
  const {unsent, private_unsent: hidden, oldest_at: oldest, newest_sent_at: newest, refused} = outbox
  return html`
    <p class="outbox">
      <strong>${t("operate.outbox")}</strong>
      <span>${t("operate.outbox_unsent", {count: unsent + hidden})}${oldest ? ` (${agoOf(oldest)})` : ""}</span>
      ${newest && html`<span class="hint">${t("operate.outbox_last")} <${When} at=${newest} ago /></span>`}
    </p>
    ${refused.length > 0 &&
    html`<ul class="refused">${refused.map(event => html`<li class="wrong"><code>${event.type}</code> ${event.subject}: ${event.refused}</li>`)}</ul>`}
  `
}
