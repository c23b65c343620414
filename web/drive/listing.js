/**
 * Items in a row, read page by page as somebody scrolls, and kept true by the change feed. Knows nothing of the screen.
 */

import {batch, signal} from "@preact/signals"
import {placeFor} from "./order.js"

/**
 * @typedef {import("./item.js").Item} Item
 * @typedef {{items: Item[], next: string | null, total?: number}} Page
 * @typedef {object} Source
 * @property {(cursor: string | null, limit: number, signal: AbortSignal) => Promise<Page>} read
 * @property {(item: Item) => boolean} [belongs] whether an item that appears is to be shown; nothing appears without it
 * @property {(a: Item, b: Item) => number} [compare] where; at the top without it
 */

/** The first page is quick; whoever goes on far gets there in big steps. */
const FIRST = 100
const NEXT = 500
const MOST = 1000
const FAR = 2000

export class Listing {
  /** @type {Item[]} */
  items = []
  /** Rises with every change of `items`, which are too many to be copied each time. */
  version = signal(0)
  state = signal(/** @type {"loading" | "ready" | "failed"} */ ("loading"))
  /** How many there are in the end, as far as anybody knows. */
  total = signal(0)
  /** @type {import("@preact/signals").Signal<unknown>} */
  error = signal(null)

  /** @param {Source} source */
  constructor(source) {
    this.source = source
    /** @type {string | null} */
    this.cursor = null
    this.ended = false
    this.wanted = 0
    /** @type {Promise<void> | null} */
    this.reading = null
    this.leaving = new AbortController()
    /** @type {Map<string, Item>} */
    this.byId = new Map()
  }

  /**
   * Read on until there are so many, or no more; the latest wish counts.
   * @param {number} [count]
   */
  more(count = 1) {
    this.wanted = count
    if (!this.ended && this.items.length < count && this.state.value !== "failed") this.reading ??= this.#readOn()
  }

  async #readOn() {
    while (!this.ended && this.items.length < this.wanted && (await this.#read()));
    // At once, and not when the promise is settled: a wish in between would be lost.
    this.reading = null
  }

  /** The next page; whether there was one. */
  async #read() {
    try {
      const seen = this.items.length
      const limit = seen === 0 ? FIRST : seen < FAR ? NEXT : MOST
      const page = await this.source.read(this.cursor, limit, this.leaving.signal)
      const fresh = page.items.filter(item => !this.byId.has(item.id))
      for (const item of fresh) this.byId.set(item.id, item)
      this.items.push(...fresh)
      this.cursor = page.next
      this.ended = page.next === null
      batch(() => {
        this.state.value = "ready"
        this.total.value = this.ended ? this.items.length : Math.max(page.total ?? this.total.value, this.items.length + 1)
        this.version.value++
      })
      return true
    } catch (error) {
      if (this.leaving.signal.aborted) return false
      batch(() => {
        this.error.value = error
        // What is on the screen stays there; scrolling on tries again.
        if (!this.items.length) this.state.value = "failed"
      })
      return false
    }
  }

  /** From the beginning, while what is shown stays until the new is there. */
  async again() {
    this.leaving.abort()
    await this.reading
    this.leaving = new AbortController()
    const wanted = Math.min(this.items.length, MOST)
    try {
      const page = await this.source.read(null, Math.max(FIRST, wanted), this.leaving.signal)
      this.byId = new Map(page.items.map(item => [item.id, item]))
      this.items = page.items
      this.cursor = page.next
      this.ended = page.next === null
      batch(() => {
        this.state.value = "ready"
        this.total.value = this.ended ? page.items.length : (page.total ?? page.items.length + 1)
        this.version.value++
      })
    } catch (error) {
      if (!this.leaving.signal.aborted) this.error.value = error
    }
  }

  /** Nobody looks any more. */
  leave() {
    this.leaving.abort()
  }

  /** @param {string} id */
  indexOf(id) {
    return this.byId.has(id) ? this.items.findIndex(item => item.id === id) : -1
  }

  /**
   * Show an item as it is now: changed where it stands, new where it belongs, gone if it belongs here no longer.
   * @param {Item} item
   */
  put(item) {
    const before = this.byId.get(item.id)
    const belongs = this.source.belongs?.(item) ?? before !== undefined
    if (!belongs) return this.remove([item.id])
    const merged = {...item, preview: pictureOf(item, before)}
    if (before) this.items.splice(this.indexOf(item.id), 1)
    const {compare} = this.source
    const at = compare ? placeFor(this.items, merged, compare) : 0
    // Behind the last that was read it comes with its page.
    if (at === this.items.length && !this.ended && !before) {
      this.total.value++
      return
    }
    this.items.splice(at, 0, merged)
    this.byId.set(item.id, merged)
    batch(() => {
      if (!before) this.total.value++
      this.version.value++
    })
  }

  /**
   * @param {Iterable<string>} ids
   * @returns {Item[]} those that were there
   */
  remove(ids) {
    const gone = new Set([...ids].filter(id => this.byId.has(id)))
    if (!gone.size) return []
    const removed = this.items.filter(item => gone.has(item.id))
    this.items = this.items.filter(item => !gone.has(item.id))
    for (const id of gone) this.byId.delete(id)
    batch(() => {
      this.total.value = Math.max(0, this.total.value - gone.size)
      this.version.value++
    })
    return removed
  }
}

/**
 * The feed tells no addresses of pictures: the one that is known serves as long as the content is the same.
 * @param {Item} item
 * @param {Item | undefined} before
 */
const pictureOf = (item, before) =>
  before?.version_id === item.version_id && before?.preview.thumbnail_url && !item.preview.thumbnail_url
    ? {...item.preview, ...before.preview}
    : item.preview
