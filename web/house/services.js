/** The parts of Coffer, as operators are told of them. Whatever cannot be read is told as well: that is what one looks for. */

import {call, send} from "../core/api.js"
import {Problem} from "../core/problem.js"

/**
 * @typedef {{name: string, status: "ok" | "failed", ms: number, detail: string | null}} Check
 * @typedef {{waiting: number, in_flight: number, delayed: number}} Depth
 * @typedef {{queue: string, depth: Depth | null, dead_depth: number | null, dead_letters: number, oldest_dead_at: string | null,
 *   stopped: boolean | null, problem: string | null}} Queue
 * @typedef {{unsent: number, private_unsent: number, oldest_at: string | null, newest_sent_at: string | null, refused: any[]}} Outbox
 * @typedef {{name: string, queues: Queue[], outbox: Outbox | null, checks: Check[], error: Problem | null,
 *   unread: Problem | null}} Service `error` if nothing of it answers, `unread` if its queues cannot be read
 * @typedef {object} House
 * @property {number} at when it was asked
 * @property {"ready" | "unready" | "draining" | "away"} status
 * @property {Check[]} checks of the gateway that belong to no service
 * @property {string | null} version
 * @property {Service[]} services
 * @property {string | null | undefined} countedAt up to when usage is counted; undefined if nobody said
 * @property {{failed: any[], open: any[]} | null} jobs
 * @property {any[] | null} hooks subscriptions whose receivers fail
 */

export const SERVICES = /** @type {const} */ (["auth", "files", "media-worker", "sharing", "notifier"])

/** @param {{queue: string}} queue whose name begins with that of its service */
export const serviceOf = ({queue}) => SERVICES.find(name => queue.startsWith(`${name}-`)) ?? queue

/** Whoever takes longer is told of as not answering: a part that hangs is what one looks for. */
const PATIENCE_MS = 4000

/**
 * An answer, or the Problem why there is none in time.
 * @param {string} path
 * @param {{query?: Record<string, any>, signal: AbortSignal, anonymous?: boolean}} asked
 * @returns {Promise<{value: any, problem: null} | {value: null, problem: Problem}>}
 */
async function told(path, {query, signal, anonymous}) {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)])
  try {
    const asked = call("GET", path, {query, signal: patience, anonymous})
    // A token that has to be renewed first may take for ever as well.
    return {value: await Promise.race([asked, spent(patience)]), problem: null}
  } catch (error) {
    signal.throwIfAborted()
    if (patience.aborted) return {value: null, problem: new Problem(0, {code: "timeout"})}
    if (error instanceof Problem) return {value: null, problem: error}
    throw error
  }
}

/**
 * Raises once patience has ended.
 * @param {AbortSignal} patience
 * @returns {Promise<never>}
 */
const spent = patience => new Promise((_, refuse) => patience.addEventListener("abort", () => refuse(patience.reason), {once: true}))

/**
 * Everything at once. What may hang, because it asks the broker, is asked last: browsers keep few connections.
 * @param {AbortSignal} signal
 * @returns {Promise<House>}
 */
export async function readHouse(signal) {
  const today = new Date().toISOString().slice(0, 10)
  const figures = {scope: "house", from: today, to: today, series: "users"}
  const jobs = (/** @type {string} */ state) => told("/v1/admin/files/jobs", {query: {state, limit: 20}, signal})
  const [ready, about, counted, failed, open, hooks, outboxes, queues] = await Promise.all([
    readReadiness(signal),
    told("/", {signal, anonymous: true}),
    told("/v1/analytics", {query: figures, signal}),
    jobs("failed"),
    jobs("running"),
    told("/v1/admin/notifier/webhooks", {query: {limit: 100}, signal}),
    Promise.all(SERVICES.map(name => told(`/v1/admin/${name}/outbox`, {query: {limit: 1}, signal}))),
    Promise.all(SERVICES.map(name => told(`/v1/admin/${name}/queues`, {signal}))),
  ])
  const owner = (/** @type {Check} */ check) => SERVICES.find(name => check.name === name || check.name.startsWith(`${name}.`))
  return {
    at: Date.now(),
    status: ready.status,
    checks: ready.checks.filter(check => !owner(check)),
    version: about.value?.version ?? null,
    services: SERVICES.map((name, index) => ({
      name,
      checks: ready.checks.filter(check => owner(check) === name),
      outbox: outboxes[index].value,
      queues: queues[index].value?.items ?? [],
      error: outboxes[index].problem && queues[index].problem ? outboxes[index].problem : null,
      unread: queues[index].problem,
    })),
    countedAt: counted.value?.counted_at,
    jobs: failed.value && open.value && {failed: failed.value.items, open: open.value.items},
    hooks: hooks.value?.items.filter((/** @type {any} */ hook) => hook.trouble !== "taken_down") ?? null,
  }
}

/**
 * The gateway says 503 and why while something is not ready. Whoever is signed in plays no part in it.
 * @param {AbortSignal} signal
 * @returns {Promise<{status: House["status"], checks: Check[]}>}
 */
async function readReadiness(signal) {
  try {
    const answer = await send("GET", "/readyz", {signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]), anonymous: true})
    const {status, checks} = await answer.json()
    return {status, checks: checks ?? []}
  } catch {
    signal.throwIfAborted()
    return {status: "away", checks: []}
  }
}
