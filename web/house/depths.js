/**
 * How deep queues were lately, as this page saw it. The broker says how many messages wait and not since when, so what is known
 * of age is how long a queue was never seen empty.
 */

/** @typedef {{at: number, waiting: number}} Seen */

const KEPT = 60
/** @type {Map<string, Seen[]>} */
const seen = new Map()
/** @type {Map<string, number>} */
const busySince = new Map()

/**
 * Remember one look.
 * @param {import("./services.js").Queue} queue
 * @param {number} at
 */
export function note({queue, depth}, at) {
  if (!depth) return
  const waiting = depth.waiting + depth.in_flight
  seen.set(queue, [...(seen.get(queue) ?? []), {at, waiting}].slice(-KEPT))
  if (waiting === 0) busySince.delete(queue)
  else if (!busySince.has(queue)) busySince.set(queue, at)
}

/**
 * Oldest first.
 * @param {string} queue
 * @returns {Seen[]}
 */
export const lately = queue => seen.get(queue) ?? []

/**
 * Since when it was not seen empty; null if it was empty just now.
 * @param {string} queue
 * @returns {number | null}
 */
export const notEmptySince = queue => busySince.get(queue) ?? null
