/** What the tabs of one browser tell each other, and what only one of them may do at a time. */

/** @typedef {{kind: string, [more: string]: any}} Message */

const channel = new BroadcastChannel("coffer")

/** @type {Map<string, Set<(message: Message) => void>>} */
const hearers = new Map()

channel.addEventListener("message", event => {
  for (const hear of hearers.get(event.data.kind) ?? []) hear(event.data)
})

/**
 * To the other tabs; this one does not hear it.
 * @param {Message} message
 */
export const tell = message => channel.postMessage(message)

/**
 * @param {string} kind
 * @param {(message: Message) => void} hear
 * @returns {() => void} stops hearing
 */
export function hear(kind, hear) {
  const all = hearers.get(kind) ?? new Set()
  hearers.set(kind, all.add(hear))
  return () => void all.delete(hear)
}

/**
 * Do something while no other tab does.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @param {AbortSignal} [signal] gives up waiting
 * @returns {Promise<T>}
 */
export const alone = (name, work, signal) => /** @type {Promise<T>} */ (navigator.locks.request(`coffer.${name}`, {signal}, work))
