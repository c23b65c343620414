/**
 * Uploads that are not finished, as this browser remembers them: each person has a store of their own, which nobody else reads.
 *
 * A browser that keeps nothing uploads all the same; then a reload ends what was on its way.
 */

import {remember} from "../core/memory.js"
import {unfinished, user} from "../core/session.js"
import {alone} from "../core/tabs.js"

/**
 * @typedef {object} Kept
 * @property {string} id
 * @property {string} page the page that looks after it
 * @property {string} name
 * @property {string[]} folders
 * @property {string} root where everything was dropped
 * @property {number} size
 * @property {number} modified
 * @property {import("./sender.js").Conflict} conflict
 * @property {string | null} uploadId
 * @property {number | null} partSize
 * @property {FileSystemFileHandle | null} handle where the browser lets a page open a file again
 */

const KEPT = "uploads"
const HASHES = "hashes"

/** This page, for as long as it lives. */
const page = crypto.randomUUID()
const lockOf = (/** @type {string} */ one) => `coffer.page.${one}`
/** @type {Promise<unknown> | null} */
let alive = null
/** @type {Map<string, Promise<IDBDatabase>>} */
const stores = new Map()

/** Others see by its lock that this page lives, and take over what it leaves. */
const live = () =>
  (alive ??= new Promise(lives => void navigator.locks.request(lockOf(page), () => (lives(null), new Promise(() => undefined)))))

/** @returns {Promise<IDBDatabase>} */
function store() {
  const name = unfinished(user.value?.id ?? "")
  let opened = stores.get(name)
  if (!opened) {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => {
      request.result.createObjectStore(KEPT, {keyPath: "id"})
      request.result.createObjectStore(HASHES)
    }
    opened = answer(request)
    opened.then(
      // Signing out removes it.
      database => (database.onversionchange = () => (database.close(), stores.delete(name))),
      () => stores.delete(name),
    )
    stores.set(name, opened)
    remember(name, "1")
  }
  return opened
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
const answer = request =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(kept: IDBObjectStore, hashes: IDBObjectStore) => T | Promise<T>} work
 * @returns {Promise<T | undefined>} nothing where the browser refuses to keep anything
 */
async function within(mode, work) {
  try {
    const both = (await store()).transaction([KEPT, HASHES], mode)
    return await work(both.objectStore(KEPT), both.objectStore(HASHES))
  } catch (error) {
    if (error instanceof DOMException) return undefined
    throw error
  }
}

/** @param {Omit<Kept, "page">[]} records */
export async function keep(records) {
  await live()
  await within("readwrite", kept => {
    for (const record of records) kept.put({...record, page})
  })
}

/**
 * What the server was told of a part, so that a file that is chosen again can be held against it.
 * @param {string} id
 * @param {number} n
 * @param {string} hash
 */
export const keepHash = (id, n, hash) => within("readwrite", (_, hashes) => void hashes.put(hash, [id, n]))

const partsOf = (/** @type {string} */ id) => IDBKeyRange.bound([id, 0], [id, Infinity])

/**
 * @param {string} id
 * @returns {Promise<[number, string][]>}
 */
export const hashesOf = async id =>
  (await within("readonly", async (_, hashes) => {
    const [keys, values] = await Promise.all([answer(hashes.getAllKeys(partsOf(id))), answer(hashes.getAll(partsOf(id)))])
    return keys.map((key, index) => /** @type {[number, string]} */ ([/** @type {[string, number]} */ (key)[1], values[index]]))
  })) ?? []

/** @param {string} id */
export const drop = id =>
  within("readwrite", (kept, hashes) => {
    kept.delete(id)
    hashes.delete(partsOf(id))
  })

/**
 * What no living page looks after is this page's from now on.
 * @param {() => unknown} left called when a page that looks after some has gone
 * @returns {Promise<Kept[]>}
 */
export async function claim(left) {
  await live()
  return alone("unfinished", async () => {
    const all = /** @type {Kept[]} */ ((await within("readonly", kept => answer(kept.getAll()))) ?? [])
    if (!all.length) remember(unfinished(user.value?.id ?? ""), null)
    const living = new Set((await navigator.locks.query()).held?.map(lock => lock.name))
    const others = new Set(all.map(record => record.page).filter(one => one !== page && living.has(lockOf(one))))
    for (const other of others) void navigator.locks.request(lockOf(other), {mode: "shared"}, () => void left())
    const mine = all.filter(record => record.page !== page && !others.has(record.page)).map(record => ({...record, page}))
    await within("readwrite", kept => {
      for (const record of mine) kept.put(record)
    })
    return mine
  })
}
