/** What people do with items. Shown at once, told to the server, and taken back on the screen if it refuses. */

import {signal} from "@preact/signals"
import {call, oneKey} from "../core/api.js"
import {Problem} from "../core/problem.js"
import {visiting} from "../core/router.js"
import {t} from "../core/texts.js"
import {say, sayWrong} from "../core/toasts.js"

/**
 * @typedef {import("./item.js").Item} Item
 * @typedef {import("./listing.js").Listing} Listing
 * @typedef {{op: string, args?: object}} Operation
 */

const AT_ONCE = 100

/**
 * One operation on each of many; those that were refused, with why.
 * @param {Item[]} items
 * @param {Operation} operation
 * @returns {Promise<{item: Item, problem: Problem}[]>}
 */
async function each(items, operation) {
  if (visiting) return oneByOne(items)
  const refused = []
  for (let from = 0; from < items.length; from += AT_ONCE) {
    const some = items.slice(from, from + AT_ONCE)
    const operations = some.map(item => ({...operation, item_id: item.id}))
    const {results} = await call("POST", "/v1/batch", {body: {operations}, headers: oneKey()})
    for (const [index, {status, problem}] of results.entries())
      if (status >= 400) refused.push({item: some[index], problem: new Problem(status, problem ?? {})})
  }
  return refused
}

/**
 * Into the trash: visitors of links may do no more than that, and not in batches.
 * @param {Item[]} items
 * @returns {ReturnType<typeof each>}
 */
async function oneByOne(items) {
  const refused = []
  for (const item of items) {
    try {
      await call("DELETE", `/v1/items/${item.id}`)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      refused.push({item, problem: error})
    }
  }
  return refused
}

/**
 * @param {Item[]} items
 * @param {Operation} operation
 * @param {Listing | null} listing that they leave
 * @returns {Promise<Item[]>} those with which it went well
 */
async function leaving(items, operation, listing) {
  const shown = listing?.remove(items.map(item => item.id)) ?? []
  let refused
  try {
    refused = await each(items, operation)
  } catch (error) {
    for (const item of shown) listing?.put(item)
    throw error
  }
  const kept = new Set(refused.map(({item}) => item.id))
  for (const item of shown) if (kept.has(item.id)) listing?.put(item)
  if (refused.length) sayWrong(refused[0].problem)
  return items.filter(item => !kept.has(item.id))
}

/** @param {Item[]} items */
const naming = items => (items.length === 1 ? {name: items[0].name, count: 1} : {name: "", count: items.length})

/**
 * @param {Item[]} items
 * @param {Listing | null} listing
 */
export async function trash(items, listing) {
  const gone = await guarded(() => leaving(items, {op: "trash"}, listing))
  if (!gone?.length) return
  // What visitors throw away is the owner's to bring back.
  say(t("done.trashed", naming(gone)), visiting ? undefined : {text: t("action.undo"), run: () => restore(gone, null)})
}

/**
 * @param {Item[]} items
 * @param {Listing | null} listing the trash, if it is on the screen
 */
export async function restore(items, listing) {
  const back = await guarded(() => leaving(items, {op: "restore"}, listing))
  if (back?.length) say(t("done.restored", naming(back)))
}

/**
 * For good.
 * @param {Item[]} items
 * @param {Listing | null} listing
 */
export async function purge(items, listing) {
  const gone = await guarded(() => leaving(items, {op: "purge"}, listing))
  if (gone?.length) say(t("done.purged", naming(gone)))
}

/**
 * @param {Item[]} items
 * @param {{id: string, name: string}} folder
 * @param {Listing | null} listing
 */
export async function move(items, folder, listing) {
  const from = items.map(item => item.parent_id)
  const moved = await guarded(() => leaving(items, {op: "move", args: {parent_id: folder.id}}, listing))
  if (!moved?.length) return
  const back = from[0]
  const undo = back && from.every(id => id === back) ? {text: t("action.undo"), run: () => moveBack(moved, back)} : undefined
  say(t("done.moved", {...naming(moved), folder: folder.name}), undo)
}

/**
 * @param {Item[]} items
 * @param {string} parent_id
 */
const moveBack = (items, parent_id) => guarded(() => leaving(items, {op: "move", args: {parent_id}}, null))

/**
 * Raises Problem.
 * @param {Item} item
 * @param {string} name
 * @param {Listing | null} listing
 */
export async function rename(item, name, listing) {
  const renamed = await call("PATCH", `/v1/items/${item.id}`, {body: {name}})
  listing?.put({...item, ...renamed})
}

/**
 * Raises Problem.
 * @param {string} parent_id
 * @param {string} name
 * @param {Listing | null} listing
 * @returns {Promise<Item>}
 */
export async function makeFolder(parent_id, name, listing) {
  const made = await call("POST", "/v1/folders", {body: {parent_id, name}, headers: oneKey()})
  listing?.put(made)
  return made
}

/**
 * @param {Item} item
 * @param {Listing | null} listing
 */
export async function toggleFavourite(item, listing) {
  const favourite = !item.favourite
  listing?.put({...item, favourite})
  await guarded(
    () => call(favourite ? "PUT" : "DELETE", `/v1/items/${item.id}/favourite`),
    () => listing?.put(item),
  )
}

/** @type {(items: Item[], archive: boolean) => Promise<Record<string, string>>} what has to be shown for bytes, as headers */
let leave = async () => ({})

/** Visitors of links need leave for bytes; null for those who get none. @param {typeof leave | null} ask */
export function leaveBy(ask) {
  leave = ask ?? (async () => Promise.reject(new Problem(403, {code: "forbidden"})))
  givesBytes.value = ask !== null
}

export const givesBytes = signal(true)

/**
 * Where the bytes of a file are. Visitors of links spend a download on it. Raises Problem.
 * @param {Item} item
 * @param {{disposition?: "attachment" | "inline", ttl?: number}} how
 * @param {AbortSignal} [signal]
 * @returns {Promise<{url: string, expires_at: string}>}
 */
export const bytesOf = async (item, how, signal) =>
  call("GET", `/v1/items/${item.id}/download-url`, {query: how, headers: await leave([item], false), signal})

/** A file straight from where it lies; several, or a folder, as one archive. @param {Item[]} items */
export async function download(items) {
  await guarded(async () => {
    const [first] = items
    const one = items.length === 1 && first.kind === "file"
    const {url} = one
      ? await bytesOf(first, {disposition: "attachment"})
      : await call("POST", "/v1/archives", {body: {item_ids: items.map(item => item.id)}, headers: await leave(items, true)})
    const link = Object.assign(document.createElement("a"), {href: url, download: ""})
    link.rel = "noreferrer"
    document.body.append(link)
    link.click()
    link.remove()
  })
}

/**
 * @template T
 * @param {() => Promise<T>} work
 * @param {() => void} [undo]
 */
async function guarded(work, undo) {
  try {
    return await work()
  } catch (error) {
    undo?.()
    sayWrong(error)
  }
}
