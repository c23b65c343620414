/** What people say about one item: read in pages, kept true by the stream, and what the person does with it. */

import {batch, computed, signal} from "@preact/signals"
import {call, oneKey} from "../core/api.js"
import {onNews} from "../core/live.js"
import {Problem} from "../core/problem.js"

/**
 * @typedef {{id: string, status: string, username: string | null, display_name: string | null}} Commenter
 * @typedef {object} Comment
 * @property {string} id
 * @property {string | null} parent_id
 * @property {Commenter | null} author
 * @property {string | null} body
 * @property {Commenter[]} mentions
 * @property {{page: number, x: number, y: number} | null} anchor
 * @property {string} created_at
 * @property {string | null} edited_at
 * @property {string | null} resolved_at
 * @property {Commenter | null} resolved_by
 * @property {string | null} deleted_at
 * @property {string} etag
 *
 * @typedef {{first: Comment, replies: Comment[]}} Thread
 */

export const TEXT_LENGTH = 4000
const PAGE = 100
const MOST_MENTIONS = 20
const SETTLE_MS = 200
/** Who has not written here is not told of what others write: it is asked for. */
const LOOK_MS = 15_000

export class Talk {
  state = signal(/** @type {"loading" | "ready" | "failed"} */ ("loading"))
  error = signal(/** @type {unknown} */ (null))
  comments = signal(/** @type {Comment[]} */ ([]))
  /** Whether there are more than were read. */
  more = signal(false)
  threads = computed(() => threadsOf(this.comments.value))

  /** @param {string} itemId */
  constructor(itemId) {
    this.itemId = itemId
    this.leaving = new AbortController()
    this.wanted = PAGE
    this.asked = 0
  }

  /** Read, and read again whenever somebody may have written. @returns {() => void} ends that */
  follow() {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let soon
    const stop = onNews(({event, data}) => {
      const here = event === "notification" && data.item?.id === this.itemId
      if (!here && event !== "reset") return
      clearTimeout(soon)
      soon = setTimeout(() => this.read(), SETTLE_MS)
    })
    const look = setInterval(() => document.visibilityState === "visible" && this.read(), LOOK_MS)
    this.read()
    return () => {
      clearTimeout(soon)
      clearInterval(look)
      stop()
      this.leaving.abort()
    }
  }

  /** So many as were shown, anew; the latest reading counts. */
  async read() {
    const {signal} = this.leaving
    const turn = ++this.asked
    try {
      /** @type {Comment[]} */
      const found = []
      let cursor = null
      do {
        const page = await call("GET", "/v1/comments", {query: {item_id: this.itemId, limit: PAGE, cursor}, signal})
        found.push(...page.items)
        cursor = page.next_cursor
      } while (cursor && found.length < this.wanted)
      if (turn !== this.asked) return
      batch(() => {
        this.comments.value = found
        this.more.value = cursor !== null
        this.state.value = "ready"
      })
    } catch (error) {
      if (signal.aborted || turn !== this.asked) return
      batch(() => {
        this.error.value = error
        if (this.state.value === "loading" || (error instanceof Problem && error.status === 404)) this.state.value = "failed"
      })
    }
  }

  readOn() {
    this.wanted = this.comments.value.length + PAGE
    return this.read()
  }

  /**
   * Raises Problem.
   * @param {string} body
   * @param {string | null} parentId what it replies to
   * @returns {Promise<string[]>} names in it that nobody has
   */
  add(body, parentId) {
    return this.#say(body, mentions => call("POST", "/v1/comments", {body: {item_id: this.itemId, body, parent_id: parentId, mentions}, headers: oneKey()}))
  }

  /**
   * Raises Problem.
   * @param {Comment} comment
   * @param {string} body
   * @returns {Promise<string[]>} names in it that nobody has
   */
  edit(comment, body) {
    return this.#say(body, mentions => call("PATCH", `/v1/comments/${comment.id}`, {body: {body, mentions}, headers: {"If-Match": comment.etag}}))
  }

  /** Raises Problem. @param {Comment} comment */
  async remove(comment) {
    await call("DELETE", `/v1/comments/${comment.id}`)
    await this.read()
  }

  /**
   * Raises Problem.
   * @param {Comment} comment that began the thread
   * @param {boolean} resolved
   */
  async resolve(comment, resolved) {
    await call(resolved ? "PUT" : "DELETE", `/v1/comments/${comment.id}/resolved`)
    await this.read()
  }

  /**
   * A name that nobody has is only text: it keeps nothing from being said.
   * @param {string} body
   * @param {(mentions: {username: string}[]) => Promise<unknown>} send
   */
  async #say(body, send) {
    const names = namesIn(body)
    /** @type {string[]} */
    let unknown = []
    try {
      await send(names.map(username => ({username})))
    } catch (error) {
      unknown = error instanceof Problem ? nobodies(error, names) : []
      if (!unknown.length) throw error
      await send(names.filter(name => !unknown.includes(name)).map(username => ({username})))
    }
    await this.read()
    return unknown
  }
}

/**
 * The names behind `@` in a text.
 * @param {string} body
 */
export const namesIn = body =>
  [...new Set(Array.from(body.matchAll(/(?:^|[\s(])@([\p{L}\p{N}][\p{L}\p{N}._-]*[\p{L}\p{N}]|[\p{L}\p{N}])/gu), found => found[1]))].slice(0, MOST_MENTIONS)

/**
 * @param {Problem} problem
 * @param {string[]} names
 */
const nobodies = (problem, names) =>
  (problem.body.errors ?? []).flatMap((/** @type {any} */ error) => {
    const place = error.code === "unknown_person" && /^\/mentions\/(\d+)/.exec(error.pointer)?.[1]
    return place ? [names[Number(place)]] : []
  })

/**
 * @param {Comment[]} comments
 * @returns {Thread[]}
 */
function threadsOf(comments) {
  /** @type {Map<string, Thread>} */
  const threads = new Map()
  for (const comment of comments) {
    if (comment.parent_id === null) threads.set(comment.id, {first: comment, replies: []})
    else threads.get(comment.parent_id)?.replies.push(comment)
  }
  return [...threads.values()]
}
