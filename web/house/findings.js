/** What somebody who runs Coffer should know of a house, worst first: rules without a screen. */

import {notEmptySince} from "./depths.js"

/**
 * @typedef {{kind: string, grade: "wrong" | "watch", values: Record<string, string | number>, seconds?: number, to?: string}} Finding
 *   `seconds`: for how long it has been so
 */

/** Events leave at once; after so long something holds them up. */
const LATE_SECONDS = 30
/** A lane that was never empty for so long falls behind. */
const BEHIND_SECONDS = 120
/** Usage is added up every ten seconds. */
const COUNTED_SECONDS = 120

/**
 * @param {import("./services.js").House} house
 * @param {(queue: string) => number | null} busySince
 * @returns {Finding[]}
 */
export function findings(house, busySince = notEmptySince) {
  if (house.status === "away" && house.services.every(service => service.error)) {
    return [{kind: "away", grade: "wrong", values: {}}]
  }
  const found = [
    ...house.checks.filter(check => check.status !== "ok").map(check => failed("gateway", check)),
    ...house.services.flatMap(service => ofService(service, house.at, busySince)),
    ...ofWork(house),
  ]
  return [...found.filter(one => one.grade === "wrong"), ...found.filter(one => one.grade === "watch")]
}

/**
 * @param {import("./services.js").Service} service
 * @param {number} now
 * @param {(queue: string) => number | null} busySince
 * @returns {Finding[]}
 */
function ofService(service, now, busySince) {
  const name = service.name
  const broken = service.checks.filter(check => check.status !== "ok").map(check => failed(name, check))
  // Why it does not answer was said already, if a check says it; so it is with its queues.
  if (service.error) return broken.length ? broken : [{kind: service.error.status === 404 ? "absent" : "silent", grade: "wrong", values: {service: name}}]
  /** @type {Finding[]} */
  const unread = service.unread && !broken.length ? [{kind: "unread", grade: "wrong", values: {service: name}}] : []
  return [...broken, ...unread, ...service.queues.flatMap(queue => ofQueue(name, queue, now, busySince)), ...ofOutbox(service, now)]
}

/**
 * @param {string} service
 * @param {import("./services.js").Check} check
 * @returns {Finding}
 */
const failed = (service, {name, detail}) => ({
  kind: name.endsWith(".store") ? "store" : name.endsWith(".queues") ? "broker" : "unready",
  grade: "wrong",
  values: {service, check: name, detail: detail ?? ""},
})

/**
 * @param {string} service
 * @param {import("./services.js").Queue} queue
 * @param {number} now
 * @param {(queue: string) => number | null} busySince
 * @returns {Finding[]}
 */
function ofQueue(service, queue, now, busySince) {
  /** @type {Finding[]} */
  const found = []
  const add = (/** @type {Finding["grade"]} */ grade, /** @type {string} */ kind, more = {}, /** @type {object} */ rest = {}) =>
    found.push({kind, grade, values: {queue: queue.queue, service, ...more}, to: "/app/operate/queues", ...rest})
  if (queue.problem === "queue_missing") add("wrong", "missing")
  else if (queue.problem) add("wrong", "unreachable")
  if (queue.stopped) add("wrong", "stopped")
  const dead = queue.dead_letters + (queue.dead_depth ?? 0)
  if (dead) {
    add("wrong", "dead", {count: dead}, {
      to: `/app/operate/letters?${new URLSearchParams({service, queue: queue.queue})}`,
      seconds: queue.oldest_dead_at ? (now - Date.parse(queue.oldest_dead_at)) / 1000 : undefined,
    })
  }
  const since = busySince(queue.queue)
  if (since !== null && now - since >= BEHIND_SECONDS * 1000) {
    add("watch", "behind", {count: queue.depth?.waiting ?? 0}, {seconds: (now - since) / 1000})
  }
  return found
}

/**
 * @param {import("./services.js").Service} service
 * @param {number} now
 * @returns {Finding[]}
 */
function ofOutbox({name, outbox}, now) {
  if (!outbox) return []
  /** @type {Finding[]} */
  const found = []
  const to = "/app/operate/queues"
  if (outbox.refused.length) found.push({kind: "refused", grade: "wrong", values: {service: name, count: outbox.refused.length}, to})
  const seconds = outbox.oldest_at ? (now - Date.parse(outbox.oldest_at)) / 1000 : 0
  if (seconds > LATE_SECONDS) found.push({kind: "unsent", grade: "wrong", values: {service: name, count: outbox.unsent}, seconds, to})
  return found
}

/**
 * @param {import("./services.js").House} house
 * @returns {Finding[]}
 */
function ofWork({at, jobs, hooks, countedAt}) {
  /** @type {Finding[]} */
  const found = []
  if (jobs?.failed.length) found.push({kind: "jobs", grade: "watch", values: {count: jobs.failed.length}, to: "/app/operate/jobs?state=failed"})
  if (hooks?.length) found.push({kind: "hooks", grade: "watch", values: {count: hooks.length}, to: "/app/operate/receivers"})
  const late = countedAt ? (at - Date.parse(countedAt)) / 1000 : 0
  if (late > COUNTED_SECONDS) found.push({kind: "uncounted", grade: "watch", values: {}, seconds: late})
  return found
}
