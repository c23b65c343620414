/** How every part stands, read again by itself, and what somebody should look after. */

import {useSignal} from "@preact/signals"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {lately, note} from "../../house/depths.js"
import {findings} from "../../house/findings.js"
import {readHouse} from "../../house/services.js"
import {Spark} from "../../parts/spark.js"
import {Icon} from "../../parts/icon.js"
import {Frame, Sheet, Sign, Unread, When} from "./frame.js"
import {useReading} from "./use-reading.js"
import {exactly, exactMoment, lasting, number} from "./words.js"

/** @typedef {import("../../house/services.js").House} House */
/** @typedef {import("../../house/services.js").Service} Service */

const EVERY_MS = 5000

/** @param {AbortSignal} signal */
async function look(signal) {
  const house = await readHouse(signal)
  for (const service of house.services) for (const queue of service.queues) note(queue, house.at)
  return house
}

export function HealthPage() {
  const live = useSignal(true)
  const {value, error, again} = useReading(look, [], {every: live.value ? EVERY_MS : 0})
  const house = value.value
  const follow = html`
    <button type="button" class="chip" aria-pressed=${live.value} onClick=${() => (live.value = !live.value)}>${t("operate.live")}</button>
  `
  return html`
    <${Frame} of="health" actions=${follow}>
      <${Unread} error=${error.value} again=${again} />
      ${house && html`<${Verdict} house=${house} /><${Parts} house=${house} /><${Facts} house=${house} />`}
    <//>
  `
}

/** @param {{house: House}} of */
function Verdict({house}) {
  const found = findings(house)
  const wrong = found.some(one => one.grade === "wrong")
  const grade = wrong ? "wrong" : found.length ? "watch" : "good"
  return html`
    <section class="verdict ${grade}">
      <p class="verdict-words" role="status"><${Icon} name=${grade === "good" ? "check" : "warning"} size=${22} />${t(`operate.verdict_${grade}`)}</p>
      ${found.length > 0 &&
      html`
        <ul class="findings" aria-label=${t("operate.findings")}>
          ${found.map(
            one => html`
              <li class=${one.grade}>
                <${Icon} name=${one.grade === "wrong" ? "warning" : "info"} size=${18} />
                <span>${t(`operate.finding_${one.kind}`, one.values)}${one.seconds !== undefined && html` <span class="hint">${t("operate.for", {time: lasting(one.seconds)})}</span>`}</span>
                ${one.to && html`<a href=${one.to}>${t("operate.look")}</a>`}
              </li>
            `,
          )}
        </ul>
      `}
      <p class="hint">${t("operate.as_of", {time: exactMoment(house.at)})}</p>
    </section>
  `
}

/** @param {{house: House}} of */
const Parts = ({house}) => html`
  <ul class="parts" aria-label=${t("operate.parts")}>
    ${house.services.map(service => html`<${Part} key=${service.name} service=${service} at=${house.at} />`)}
  </ul>
`

/** @param {{service: Service, at: number}} of */
function Part({service, at}) {
  const {name, queues, outbox, checks, error, unread} = service
  const ok = !error && !unread && checks.every(check => check.status === "ok") && queues.every(queue => !queue.problem && !queue.stopped)
  const waiting = sum(queues, queue => queue.depth?.waiting)
  const working = sum(queues, queue => queue.depth?.in_flight)
  const dead = sum(queues, queue => queue.dead_letters + (queue.dead_depth ?? 0))
  const late = outbox?.oldest_at ? (at - Date.parse(outbox.oldest_at)) / 1000 : 0
  return html`
    <li class="part sheet">
      <header><h2>${name}</h2><${Sign} grade=${ok ? "good" : "wrong"}>${t(ok ? "operate.ready" : "operate.not_ready")}<//></header>
      <p class="hint">${t(`operate.part_${name}`)}</p>
      <ul class="checks">
        ${checks.map(
          check => html`<li><${Sign} grade=${check.status === "ok" ? "good" : "wrong"}>${checkName(check.name)} <span class="hint">${check.detail ?? exactly(check.ms)}</span><//></li>`,
        )}
      </ul>
      ${error
        ? html`<p class="wrong">${t("operate.no_answer")}</p>`
        : html`
            <dl class="figures">
              <${Figure} name=${t("operate.waiting")} value=${unread ? "?" : number(waiting)} />
              <${Figure} name=${t("operate.working")} value=${unread ? "?" : number(working)} />
              <${Figure} name=${t("operate.dead")} value=${unread ? "?" : number(dead)} wrong=${dead > 0} />
              <${Figure} name=${t("operate.unsent")} value=${outbox ? number(outbox.unsent) : "?"} wrong=${late > 30} />
            </dl>
            <${Spark} label=${t("operate.lately", {service: name})} values=${together(queues)} />
          `}
    </li>
  `
}

/** @param {{name: string, value: string, wrong?: boolean}} of */
const Figure = ({name, value, wrong}) => html`<div class=${wrong ? "bad" : ""}><dt>${name}</dt><dd>${value}</dd></div>`

/** @param {{house: House}} of */
const Facts = ({house}) => html`
  <${Sheet} title=${t("operate.whole")}>
    <dl class="facts wide-facts">
      <div><dt>${t("operate.version")}</dt><dd>${house.version ?? "–"}</dd></div>
      ${house.checks.map(check => html`<div><dt>${check.name}</dt><dd><${Sign} grade=${check.status === "ok" ? "good" : "wrong"}>${check.detail ?? exactly(check.ms)}<//></dd></div>`)}
      <div><dt>${t("operate.jobs_open")}</dt><dd><a href="/app/operate/jobs">${house.jobs ? number(house.jobs.open.length) : "–"}</a></dd></div>
      <div><dt>${t("operate.jobs_failed")}</dt><dd><a href="/app/operate/jobs?state=failed">${house.jobs ? number(house.jobs.failed.length) : "–"}</a></dd></div>
      <div><dt>${t("operate.hooks_failing")}</dt><dd><a href="/app/operate/receivers">${house.hooks ? number(house.hooks.length) : "–"}</a></dd></div>
      <div><dt>${t("operate.counted_at")}</dt><dd>${house.countedAt ? html`<${When} at=${house.countedAt} />` : "–"}</dd></div>
    </dl>
  <//>
`

/** @param {string} name `files.store`: which of the things that a service stands on */
function checkName(name) {
  const last = name.split(".").at(-1)
  return last === "store" ? t("operate.check_store") : last === "queues" ? t("operate.check_queues") : t("operate.check_whole")
}

/**
 * @param {import("../../house/services.js").Queue[]} queues
 * @param {(queue: import("../../house/services.js").Queue) => number | undefined} of
 */
const sum = (queues, of) => queues.reduce((total, queue) => total + (of(queue) ?? 0), 0)

/**
 * What waited in all queues together at each look.
 * @param {import("../../house/services.js").Queue[]} queues
 */
function together(queues) {
  /** @type {Map<number, number>} */
  const at = new Map()
  for (const {queue} of queues) for (const look of lately(queue)) at.set(look.at, (at.get(look.at) ?? 0) + look.waiting)
  return [...at.values()]
}
