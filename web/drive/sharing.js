/** Who has what on one item: people, invitations and links, as the server has them, and what their owner does about it. */

import {batch, signal} from "@preact/signals"
import {call, oneKey} from "../core/api.js"
import {onChanges} from "../core/changes.js"
import {onceKnown} from "../core/fresh.js"
import {onNews} from "../core/live.js"
import {Problem} from "../core/problem.js"
import {readAll} from "./pages.js"

/**
 * @typedef {import("./item.js").Item["owner"]} Person
 * @typedef {"viewer" | "contributor" | "remover" | "editor"} Role
 * @typedef {object} Share
 * @property {string} id
 * @property {Person} recipient
 * @property {Person} granted_by
 * @property {Role} role
 * @property {string | null} message
 * @property {string | null} expires_at
 * @property {string} created_at
 * @property {string} etag
 * @property {{item_id: string, name: string} | null} [inherited_from]
 *
 * @typedef {Omit<Share, "recipient"> & {email: string, lapses_at: string}} Invitation
 *
 * @typedef {"view" | "download" | "edit" | "upload_only"} Mode
 * @typedef {object} Link
 * @property {string} id
 * @property {string | null} url
 * @property {Mode} mode
 * @property {string | null} name
 * @property {boolean} has_password
 * @property {string | null} expires_at
 * @property {number | null} max_downloads
 * @property {number} downloads
 * @property {boolean} notify_on_upload
 * @property {boolean} disabled
 * @property {{reason: string} | null} taken_down
 * @property {"active" | "disabled" | "expired" | "exhausted" | "taken_down"} state
 * @property {string} created_at
 * @property {string} etag
 *
 * @typedef {{user_id: string} | {username: string} | {email: string}} Named
 */

/** @type {Role[]} */
export const ROLES = ["viewer", "contributor", "remover", "editor"]

const SETTLE_MS = 300
/** At first: each try is one that the server itself waits for. */
const TRIES = 5

export class Sharing {
  state = signal(/** @type {"loading" | "ready" | "failed"} */ ("loading"))
  error = signal(/** @type {unknown} */ (null))
  /** Whether the person may share it; null while that is not known. */
  mayShare = signal(/** @type {boolean | null} */ (null))
  shares = signal(/** @type {Share[]} */ ([]))
  invitations = signal(/** @type {Invitation[]} */ ([]))
  links = signal(/** @type {Link[]} */ ([]))

  /** @param {string} itemId */
  constructor(itemId) {
    this.itemId = itemId
    this.leaving = new AbortController()
  }

  /** Read, and read again whenever somebody may have changed something. @returns {() => void} ends that */
  follow() {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let soon
    const again = () => {
      clearTimeout(soon)
      soon = setTimeout(() => this.read(), SETTLE_MS)
    }
    const stops = [
      onChanges(changes => changes.some(change => change.item_id === this.itemId) && again(), again),
      onNews(({event, data}) => event === "notification" && data.item?.id === this.itemId && again()),
    ]
    this.read()
    return () => {
      clearTimeout(soon)
      for (const stop of stops) stop()
      this.leaving.abort()
    }
  }

  /** Everything anew; what is shown stays until it is there. */
  async read() {
    const {signal} = this.leaving
    try {
      const tries = this.state.value === "loading" ? TRIES : 1
      const shares = await onceKnown(tries, () => readAll("/v1/shares", {item_id: this.itemId}, signal))
      const mine = shares.first.effective.share
      const [invitations, links] = await Promise.all(
        mine ? ["/v1/shares/invitations", "/v1/links"].map(path => readAll(path, {item_id: this.itemId}, signal)) : [null, null],
      )
      batch(() => {
        this.mayShare.value = mine
        this.shares.value = shares.items
        this.invitations.value = invitations?.items ?? []
        this.links.value = links?.items ?? []
        this.state.value = "ready"
      })
    } catch (error) {
      if (signal.aborted) return
      batch(() => {
        this.error.value = error
        if (this.state.value === "loading" || (error instanceof Problem && error.status === 404)) this.state.value = "failed"
      })
    }
  }

  /**
   * With all of them or nobody. Raises Problem.
   * @param {Named[]} recipients
   * @param {{role: Role, message?: string | null, expires_at?: string | null, notify?: boolean}} how
   */
  async give(recipients, how) {
    await call("POST", "/v1/shares", {body: {item_id: this.itemId, recipients, ...how}, headers: oneKey()})
    await this.read()
  }

  /**
   * Raises Problem.
   * @param {Share | Invitation} given
   * @param {{role?: Role, expires_at?: string | null}} change
   */
  change = (given, change) => this.#act("PATCH", pathOf(given), given.etag, change)

  /** Raises Problem. @param {Share | Invitation} given */
  revoke = given => this.#act("DELETE", pathOf(given), given.etag)

  /**
   * Raises Problem.
   * @param {Partial<Link> & {password?: string | null}} wanted
   * @returns {Promise<Link>}
   */
  async makeLink(wanted) {
    const made = await call("POST", "/v1/links", {body: {item_id: this.itemId, ...wanted}, headers: oneKey()})
    await this.read()
    return made
  }

  /**
   * Raises Problem.
   * @param {Link} link
   * @param {Partial<Link> & {password?: string | null}} change
   */
  changeLink = (link, change) => this.#act("PATCH", `/v1/links/${link.id}`, link.etag, change)

  /** For good. Raises Problem. @param {Link} link */
  deleteLink = link => this.#act("DELETE", `/v1/links/${link.id}`, link.etag)

  /**
   * What was decided about a state that is no longer the present one is shown anew, not done.
   * @param {string} method
   * @param {string} path
   * @param {string} etag
   * @param {object} [body]
   */
  async #act(method, path, etag, body) {
    try {
      await call(method, path, {body, headers: {"If-Match": etag}})
    } catch (error) {
      // Drawn again as it is, also where it cannot be read.
      for (const list of [this.shares, this.invitations, this.links]) list.value = /** @type {any} */ (list.value.map(one => ({...one})))
      throw error
    } finally {
      await this.read()
    }
  }
}

/** Give up what was shared with oneself. Raises Problem. @param {string} shareId */
export const leaveShare = shareId => call("POST", `/v1/shares/${shareId}/leave`)

/** @param {Share | Invitation} given */
const pathOf = given => ("email" in given ? `/v1/shares/invitations/${given.id}` : `/v1/shares/${given.id}`)
