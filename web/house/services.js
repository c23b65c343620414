/** The parts of Coffer, as operators are told of them. Whatever cannot be read is told as well: that is what one looks for. */

import {call, send} from "../core/api.js"
import {Problem} from "../core/problem.js"

/**
 * @typedef {{name: string, status: "ok" | "failed", ms: number, detail: string | null}} Check
 * @typedef {{waiting: number, in_flight: number, delayed: number}} Depth
 * @typedef {{queue: string, depth: Depth | null, dead_depth: number | null, dead_letters: number, oldest_dead_at: string | null,
 *   stopped: boolean | null, problem: string | null}} Queue
 * @typedef {{unsent: number, private_unsent: number, oldest_at: string | null, newest_sent_at: string | null, refused: any[]}} Outbox
 * @typedef {{name: string, queues: Queue[], outbox: Outbox | null, checks: Check[], error: Problem | null}} Service
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

/**
 * What a question is answered, or null where it is not; what was given up stays given up.
 * @template T
 * @param {Promise<T>} asked
 * @param {AbortSignal} signal
 * @returns {Promise<T | null>}
 */
async function orNull(asked, signal) {
  try {
    return await asked
  } catch (error) {
    if (signal.aborted || !(error instanceof Problem)) throw error
    return null
  }
}

/**
 * Everything at once.
 * @param {AbortSignal} signal
 * @returns {Promise<House>}
 */
export async function readHouse(signal) {
  const today = new Date().toISOString().slice(0, 10)
  const figures = {scope: "house", from: today, to: today, series: "users"}
  const [ready, about, counted, failed, open, hooks, ...services] = await Promise.all([
    readReadiness(signal),
    orNull(call("GET", "/", {signal, anonymous: true, headers: {Accept: "application/json"}}), signal),
    orNull(call("GET", "/v1/analytics", {query: figures, signal}), signal),
    orNull(call("GET", "/v1/admin/files/jobs", {query: {state: "failed", limit: 20}, signal}), signal),
    orNull(call("GET", "/v1/admin/files/jobs", {query: {state: "running", limit: 20}, signal}), signal),
    orNull(call("GET", "/v1/admin/notifier/webhooks", {query: {limit: 20}, signal}), signal),
    ...SERVICES.map(name => readService(name, signal)),
  ])
  const owned = (/** @type {Check} */ check) => SERVICES.find(name => check.name === name || check.name.startsWith(`${name}.`))
  return {
    at: Date.now(),
    status: ready.status,
    checks: ready.checks.filter(check => !owned(check)),
    version: about?.version ?? null,
    services: services.map(service => ({...service, checks: ready.checks.filter(check => owned(check) === service.name)})),
    countedAt: counted?.counted_at,
    jobs: failed && open && {failed: failed.items, open: open.items},
    hooks: hooks?.items ?? null,
  }
}

/**
 * The gateway says 503 and why while something is not ready. Whoever is signed in plays no part in it.
 * @param {AbortSignal} signal
 * @returns {Promise<{status: House["status"], checks: Check[]}>}
 */
async function readReadiness(signal) {
  try {
    const answer = await send("GET", "/readyz", {signal, anonymous: true})
    const {status, checks} = await answer.json()
    return {status, checks: checks ?? []}
  } catch (error) {
    if (signal.aborted) throw error
    return {status: "away", checks: []}
  }
}

/**
 * @param {string} name
 * @param {AbortSignal} signal
 * @returns {Promise<Omit<Service, "checks">>}
 */
async function readService(name, signal) {
  try {
    const [queues, outbox] = await Promise.all([
      call("GET", `/v1/admin/${name}/queues`, {signal}),
      call("GET", `/v1/admin/${name}/outbox`, {query: {limit: 1}, signal}),
    ])
    return {name, queues: queues.items, outbox, error: null}
  } catch (error) {
    if (signal.aborted || !(error instanceof Problem)) throw error
    return {name, queues: [], outbox: null, error}
  }
}
