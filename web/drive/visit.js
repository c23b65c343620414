/**
 * A visit through a public link: from its address to a session, and on until it ends. Knows nothing of the screen.
 *
 * The token of the link stands in the address of the page and nowhere else; that of the session, and the password, only in memory.
 */

import {batch, signal} from "@preact/signals"
import {actAs, call} from "../core/api.js"
import {onceKnown} from "../core/fresh.js"
import {Problem} from "../core/problem.js"
import {leaveBy} from "./deeds.js"

/**
 * @typedef {{name: string | null, kind: "file" | "folder", mode: import("./sharing.js").Mode, needs_password: boolean,
 *   owner: {display_name: string | null}, expires_at: string | null}} Door what everybody is told who has the address
 * @typedef {{access_token: string, expires_at: string, item_id: string, name: string, kind: "file" | "folder",
 *   mode: import("./sharing.js").Mode}} Session
 */

const MARGIN_MS = 30_000
/** Rights on a link that was made just now may be on their way; what the link leads to is there, whatever lies below may be gone. */
const TRIES = 6
const TRIES_AT_THE_DOOR = 25

export class Visit {
  /** `shut` is for everything that leads nowhere; why, says `error`. */
  phase = signal(/** @type {"looking" | "locked" | "inside" | "shut"} */ ("looking"))
  door = signal(/** @type {Door | null} */ (null))
  session = signal(/** @type {Session | null} */ (null))
  error = signal(/** @type {unknown} */ (null))
  /** Downloads that are left, as far as it was said. */
  left = signal(/** @type {number | null} */ (null))

  /** @param {string} token */
  constructor(token) {
    this.path = `/v1/public/links/${encodeURIComponent(token)}`
    this.password = /** @type {string | null} */ (null)
    this.renewing = /** @type {Promise<void> | null} */ (null)
    actAs({accessToken: () => this.#accessToken(), renew: spent => this.#renew(spent), isOut: () => this.phase.value !== "inside"})
    leaveBy(null)
  }

  /** What the link leads to now; and in, where no password is asked for. */
  async look() {
    try {
      const door = await call("GET", this.path, {anonymous: true})
      this.door.value = door
      if (this.phase.value === "inside") return
      if (door.needs_password) this.phase.value = "locked"
      else await this.unlock(null)
    } catch (error) {
      this.#end(error)
    }
  }

  /**
   * Come in. Raises Problem.
   * @param {string | null} password
   */
  async unlock(password) {
    const session = await call("POST", `${this.path}/unlock`, {body: {password}, anonymous: true})
    this.password = password
    batch(() => {
      this.session.value = session
      this.phase.value = "inside"
      leaveBy(session.mode === "download" || session.mode === "edit" ? (items, archive) => this.#leave(items, archive) : null)
    })
  }

  /**
   * An item below the link; asked for again for a while where the link is so new that nobody knows of it. Raises Problem.
   * @param {string} id
   * @param {AbortSignal} [stop]
   */
  async item(id, stop) {
    const tries = id === this.session.value?.item_id ? TRIES_AT_THE_DOOR : TRIES
    return onceKnown(tries, () => call("GET", `/v1/items/${id}`, {signal: stop}))
  }

  /** Something was refused: whether the link is still what it was. @param {unknown} error */
  doubt(error) {
    if (error instanceof Problem && [401, 403, 404, 410].includes(error.status)) void this.look()
  }

  async #accessToken() {
    const {session} = this
    if (session.value && Date.parse(session.value.expires_at) - MARGIN_MS < Date.now()) await this.#renew(session.value.access_token)
    return session.value?.access_token ?? ""
  }

  /** @param {string} spent */
  async #renew(spent) {
    if (this.session.value?.access_token !== spent) return
    this.renewing ??= this.#goOn(spent).finally(() => (this.renewing = null))
    await this.renewing
  }

  /** The same visitor, by a new token. @param {string} spent */
  async #goOn(spent) {
    try {
      const body = {password: this.password, session: spent}
      this.session.value = await call("POST", `${this.path}/unlock`, {body, anonymous: true})
    } catch (error) {
      if (error instanceof Problem && error.code === "link_password_required") this.phase.value = "locked"
      else this.#end(error)
      throw error
    }
  }

  /** @param {unknown} error */
  #end(error) {
    // Whoever cannot be reached for a moment has shut nothing.
    if (this.phase.value === "inside" && !(error instanceof Problem && [404, 410].includes(error.status))) return
    batch(() => {
      this.error.value = error
      this.phase.value = "shut"
    })
  }

  /**
   * Leave to download, which is counted.
   * @param {import("./item.js").Item[]} items
   * @param {boolean} archive
   */
  async #leave(items, archive) {
    const ids = items.map(item => item.id)
    try {
      const body = archive ? {item_ids: ids, use: "archive"} : {item_id: ids[0], use: "content"}
      const {tickets, downloads_left} = await call("POST", `${this.path}/tickets`, {body})
      this.left.value = downloads_left
      return {"Coffer-Ticket": tickets[0].ticket}
    } catch (error) {
      if (error instanceof Problem && error.code === "link_exhausted") this.left.value = 0
      else this.doubt(error)
      throw error
    }
  }
}
