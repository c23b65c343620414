/** Files that visitors of a link send, and what became of each on the server. Knows nothing of the screen. */

import {signal} from "@preact/signals"
import {call} from "../core/api.js"
import {Problem, wordsFor} from "../core/problem.js"
import {Folders} from "./folders.js"
import {sendFile} from "./sender.js"

/**
 * @typedef {"waiting" | "sending" | "checking" | "ready" | "rejected" | "failed"} State
 * @typedef {object} Entry
 * @property {number} key
 * @property {File} file
 * @property {string[]} folders
 * @property {Folders} into
 * @property {import("@preact/signals").Signal<State>} state
 * @property {import("@preact/signals").Signal<number>} sent bytes
 * @property {import("@preact/signals").Signal<string>} why in words
 * @property {string | null} reason code of the server
 * @property {string | null} uploadId
 * @property {AbortController} stop
 */

const AT_ONCE = 3
/** Leave to send on a link that was made just now may be on its way. */
const TRIES = 25
const FIRST_LOOK_MS = 400
const LONGEST_LOOK_MS = 4000
const ENDS = ["committed", "conflict", "rejected", "failed", "expired", "aborted"]

export class Requested {
  entries = signal(/** @type {Entry[]} */ ([]))

  /**
   * @param {{folders: boolean, name: () => string, landed?: () => void, refused?: (error: unknown) => void}} how
   *   whether folders may be made, how the sender is called, and what to do when a file is there or refused
   */
  constructor(how) {
    this.how = how
    this.running = 0
    this.last = 0
  }

  /** Asks before the page is left while something is on its way. @returns {() => void} ends that */
  guard() {
    const ask = (/** @type {Event} */ event) => this.busy && event.preventDefault()
    addEventListener("beforeunload", ask)
    return () => removeEventListener("beforeunload", ask)
  }

  /** Whether something would be lost by leaving. */
  get busy() {
    return this.entries.value.some(({state}) => state.value === "waiting" || state.value === "sending")
  }

  /**
   * @param {import("./dropped.js").Found[]} found
   * @param {string} parentId
   */
  add(found, parentId) {
    const into = new Folders(parentId)
    const fresh = found.map(({file, folders}) => ({
      ...{key: ++this.last, file, folders: this.how.folders ? folders : [], into, stop: new AbortController()},
      ...{state: signal(/** @type {State} */ ("waiting")), sent: signal(0), why: signal(""), reason: null, uploadId: null},
    }))
    this.entries.value = [...this.entries.value, ...fresh]
    this.#startMore()
  }

  /** From where it stopped. @param {Entry} entry */
  again(entry) {
    if (entry.reason) entry.uploadId = null
    entry.reason = null
    entry.stop = new AbortController()
    entry.state.value = "waiting"
    this.#startMore()
  }

  /** Give it up. @param {Entry} entry */
  drop(entry) {
    entry.stop.abort()
    if (entry.uploadId && entry.state.value !== "ready") call("DELETE", `/v1/uploads/${entry.uploadId}`).catch(() => undefined)
    this.entries.value = this.entries.value.filter(other => other !== entry)
  }

  #startMore() {
    for (const entry of this.entries.value) {
      if (this.running >= AT_ONCE) return
      if (entry.state.value === "waiting") void this.#start(entry)
    }
  }

  /** @param {Entry} entry */
  async #start(entry) {
    this.running++
    entry.state.value = "sending"
    entry.why.value = ""
    const {signal} = entry.stop
    try {
      const told = await sendFile({
        ...{file: entry.file, name: entry.file.name, conflict: "rename", uploadId: entry.uploadId, tries: TRIES, signal},
        parentId: await entry.into.at(entry.folders),
        uploaderName: this.how.name().trim(),
        progress: sent => (entry.sent.value = sent),
        announced: upload => (entry.uploadId = upload.id),
      })
      entry.state.value = "checking"
      void this.#watch(entry, told)
    } catch (error) {
      if (!signal.aborted) this.#fail(entry, error)
    } finally {
      this.running--
      this.#startMore()
    }
  }

  /**
   * Until the server has made up its mind. Visitors have no stream: it is asked, less and less often.
   * @param {Entry} entry
   * @param {any} upload
   */
  async #watch(entry, upload) {
    const {signal} = entry.stop
    let told = upload
    for (let wait = FIRST_LOOK_MS; !ENDS.includes(told.state); wait = Math.min(LONGEST_LOOK_MS, wait * 1.5)) {
      await new Promise(go => setTimeout(go, wait))
      if (signal.aborted) return
      try {
        told = await call("GET", `/v1/uploads/${entry.uploadId}`, {signal})
      } catch (error) {
        if (signal.aborted) return
        const gone = error instanceof Problem && [401, 404, 410].includes(error.status)
        if (gone) return this.#fail(entry, error)
        // Not reached for a moment; the file is there.
      }
    }
    if (told.state === "committed") {
      entry.state.value = "ready"
      this.how.landed?.()
    } else {
      entry.reason = told.reason ?? told.state
      entry.state.value = told.state === "rejected" ? "rejected" : "failed"
    }
  }

  /**
   * @param {Entry} entry
   * @param {unknown} error
   */
  #fail(entry, error) {
    entry.why.value = wordsFor(error instanceof Error && error.name === "PutRefused" ? new Problem(0, {}) : error)
    entry.state.value = "failed"
    this.how.refused?.(error)
  }
}
