/** The feed of notices: how many wait to be read, and the newest of them, kept true by the stream. Knows nothing of the screen. */

import {batch, effect, signal} from "@preact/signals"
import {call} from "../core/api.js"
import {onNews, onReturn} from "../core/live.js"
import {state} from "../core/session.js"

/**
 * @typedef {object} Notice
 * @property {string} id
 * @property {string} type
 * @property {string} title in English, for types that the app has no words for
 * @property {{id: string, username: string | null, display_name: string | null} | null} actor
 * @property {{id: string, kind: string, name: string} | null} item
 * @property {Record<string, any>} data
 * @property {string} created_at
 * @property {string | null} read_at
 *
 * @typedef {{items: Notice[], next: string | null}} Feed
 */

const PAGE = 30
/** Whoever scrolled far keeps that much when everything is asked for anew. */
const MOST = 300
/** After a question that failed though the stream goes on. */
const RETRY_MS = 5000

export const unread = signal(0)
/** Null until somebody wants to see it. */
export const feed = signal(/** @type {Feed | null} */ (null))
export const failure = signal(/** @type {unknown} */ (null))

let counting = false
let again = false
/** @type {Promise<void> | null} */
let reading = null

/** How many are unread. One question at a time; asked for meanwhile, it is asked once more. */
async function count() {
  again = true
  if (counting) return
  counting = true
  try {
    while (again) {
      again = false
      unread.value = (await call("GET", "/v1/notifications", {query: {limit: 1}})).unread_count
    }
  } catch {
    setTimeout(() => state.value === "in" && count(), RETRY_MS)
  } finally {
    counting = false
  }
}

/** From the beginning, as far as was read already. */
export function begin() {
  const limit = Math.min(MOST, Math.max(PAGE, feed.value?.items.length ?? 0))
  return read(null, limit, page => page)
}

/** The next page, unless there is none or one is on its way. */
export async function more() {
  const {next} = feed.value ?? {}
  if (next && !reading) await read(next, PAGE, (page, before) => ({items: joined(before, page.items), next: page.next}))
}

/**
 * @param {string | null} cursor
 * @param {number} limit
 * @param {(page: Feed, before: Notice[]) => Feed} place
 */
async function read(cursor, limit, place) {
  const mine = (reading = (async () => {
    try {
      const page = await call("GET", "/v1/notifications", {query: {limit, cursor}})
      batch(() => {
        unread.value = page.unread_count
        feed.value = place({items: page.items, next: page.next_cursor}, feed.value?.items ?? [])
        failure.value = null
      })
    } catch (error) {
      failure.value = error
    }
  })())
  await mine
  if (reading === mine) reading = null
}

/**
 * Those of the next page behind those before; what was told meanwhile stands above already.
 * @param {Notice[]} before
 * @param {Notice[]} next
 */
function joined(before, next) {
  const known = new Set(before.map(notice => notice.id))
  return [...before, ...next.filter(notice => !known.has(notice.id))]
}

/** @param {(items: Notice[]) => Notice[]} change */
function rewrite(change) {
  if (feed.value) feed.value = {...feed.value, items: change(feed.value.items)}
}

/**
 * One that is new, or that says more than before: it stands at the top.
 * @param {Notice} notice
 */
function put(notice) {
  rewrite(items => [notice, ...items.filter(one => one.id !== notice.id)])
  count()
}

/** @param {(notice: Notice) => boolean} these */
function asRead(these) {
  const now = new Date().toISOString()
  rewrite(items => items.map(notice => (notice.read_at === null && these(notice) ? {...notice, read_at: now} : notice)))
}

/** @param {string} id */
const without = id => rewrite(items => items.filter(notice => notice.id !== id))

/**
 * Here at once, on the server as soon as it answers. Raises Problem, after which everything stands as the server has it.
 * @param {() => void} here
 * @param {() => Promise<unknown>} there
 */
async function both(here, there) {
  here()
  try {
    await there()
  } catch (error) {
    begin()
    throw error
  } finally {
    count()
  }
}

/** @param {Notice} notice */
export async function markRead(notice) {
  if (notice.read_at !== null) return
  const here = () => {
    asRead(one => one.id === notice.id)
    unread.value = Math.max(0, unread.value - 1)
  }
  await both(here, () => call("POST", "/v1/notifications/read", {body: {ids: [notice.id]}}))
}

export async function markAllRead() {
  const here = () => {
    asRead(() => true)
    unread.value = 0
  }
  await both(here, () => call("POST", "/v1/notifications/read-all"))
}

/** @param {Notice} notice */
export const remove = notice => both(() => without(notice.id), () => call("DELETE", `/v1/notifications/${notice.id}`))

function anew() {
  if (feed.value) begin()
  else count()
}

onNews(({event, data}) => {
  if (!["notification", "notifications_read", "reset"].includes(event)) return
  // The answer that is on its way may be older than these news.
  reading?.then(begin)
  if (event === "notification") put(data)
  else if (event === "reset" || data.reload) anew()
  else {
    const read = new Set(data.read)
    asRead(notice => read.has(notice.id))
    for (const id of data.removed) without(id)
    count()
  }
})
onReturn(anew)
effect(() => {
  if (state.value === "in") count()
})
