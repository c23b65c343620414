/** Which items of a listing are chosen, and where the keyboard stands. Indexes are places in the listing. */

import {batch, computed, signal} from "@preact/signals"

/** @typedef {import("./listing.js").Listing} Listing */

export class Selection {
  /** @type {import("@preact/signals").Signal<Set<string>>} */
  ids = signal(new Set())
  /** The id where the keyboard stands; it stays with its item when others come and go. */
  active = signal(/** @type {string | null} */ (null))
  /** Where a range begins. */
  anchor = /** @type {string | null} */ (null)
  count = computed(() => this.ids.value.size)

  /** @param {Listing} listing */
  constructor(listing) {
    this.listing = listing
  }

  get items() {
    return this.listing.items.filter(item => this.ids.value.has(item.id))
  }

  /** @param {number} index */
  #id = index => this.listing.items[index]?.id ?? null

  /** This one alone. @param {number} index */
  only(index) {
    const id = this.#id(index)
    if (id === null) return
    this.anchor = id
    batch(() => {
      this.active.value = id
      this.ids.value = new Set([id])
    })
  }

  /** This one as well, or no longer. @param {number} index */
  toggle(index) {
    const id = this.#id(index)
    if (id === null) return
    this.anchor = id
    const ids = new Set(this.ids.value)
    if (!ids.delete(id)) ids.add(id)
    batch(() => {
      this.active.value = id
      this.ids.value = ids
    })
  }

  /** Everything from where the range began. @param {number} index */
  upTo(index) {
    const from = this.anchor === null ? index : Math.max(0, this.listing.indexOf(this.anchor))
    const chosen = this.listing.items.slice(Math.min(from, index), Math.max(from, index) + 1)
    batch(() => {
      this.active.value = this.#id(index)
      this.ids.value = new Set(chosen.map(item => item.id))
    })
  }

  /** The keyboard alone. @param {number} index */
  walk(index) {
    const id = this.#id(index)
    if (id !== null) this.active.value = id
  }

  all() {
    this.ids.value = new Set(this.listing.items.map(item => item.id))
  }

  none() {
    if (this.ids.value.size) this.ids.value = new Set()
  }

  /** Forget what is no longer there. */
  prune() {
    const {byId} = this.listing
    const left = [...this.ids.value].filter(id => byId.has(id))
    if (left.length !== this.ids.value.size) this.ids.value = new Set(left)
    if (this.active.value !== null && !byId.has(this.active.value)) this.active.value = left[0] ?? null
  }

  get activeIndex() {
    return this.active.value === null ? -1 : this.listing.indexOf(this.active.value)
  }
}
