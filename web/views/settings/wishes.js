/** By what somebody wants to be told of what, when mail is to wait, and in what language it is. Every choice is kept at once. */

import {useSignal} from "@preact/signals"
import {useEffect, useMemo} from "preact/hooks"
import {send} from "../../core/api.js"
import {html} from "../../core/html.js"
import {Problem} from "../../core/problem.js"
import {known, LANGUAGES, t} from "../../core/texts.js"
import {say, sayWrong} from "../../core/toasts.js"
import {Failed} from "../empty.js"
import {QuietHours} from "./quiet-hours.js"
import {Section} from "./section.js"

/**
 * @typedef {{in_app: boolean, email: boolean}} Channels
 * @typedef {{start: string, end: string, timezone: string}} Quiet
 * @typedef {{notices: Record<string, Channels>, quiet_hours: Quiet | null, locale: string | null}} Wish
 * @typedef {Wish & {locked: string[], languages: string[]}} Wishes
 */

const PATH = "/v1/notifications/preferences"
const CHANNELS = /** @type {const} */ (["in_app", "email"])
/** @type {[string, string[]][]} What belongs together; what is not named here stands at the end. */
const GROUPS = [
  ["sharing", ["share_received", "share_changed", "share_revoked", "share_expired", "share_left"]],
  ["comments", ["comment_mentioned", "comment_replied", "comment_added"]],
  ["files", ["files_uploaded", "files_changed"]],
  ["links", ["link_uploaded", "link_expired", "link_taken_down"]],
  ["uploads", ["upload_done", "upload_conflict", "upload_rejected", "upload_failed", "upload_expired"]],
]

export function Wishes() {
  const wishes = useSignal(/** @type {Wishes | null} */ (null))
  const error = useSignal(/** @type {unknown} */ (null))
  const keeping = useMemo(() => keeper(wishes), [])
  const look = () => keeping.look().then(() => (error.value = null), caught => (error.value = caught))
  useEffect(() => void look(), [])
  const shown = wishes.value
  if (!shown) return error.value ? html`<${Failed} error=${error.value} again=${look} />` : html`<span class="spinner" role="status" aria-label=${t("loading")}></span>`
  const known = new Set(GROUPS.flatMap(([, types]) => types))
  const others = Object.keys(shown.notices).filter(type => !known.has(type))
  const groups = [...GROUPS, /** @type {[string, string[]]} */ (["account", others])]
  /**
   * @param {string} type
   * @param {"in_app" | "email"} channel
   */
  const toggle = (type, channel) => {
    const by = shown.notices[type]
    keeping.keep({notices: {...shown.notices, [type]: {...by, [channel]: !by[channel]}}})
  }
  return html`
    <${Section} title=${t("section.notifications")} hint=${t("wishes.hint")}>
      <table class="wishes">
        <thead>
          <tr><th scope="col"><span class="unseen">${t("wishes.what")}</span></th>${CHANNELS.map(channel => html`<th scope="col">${t(`wishes.${channel}`)}</th>`)}</tr>
        </thead>
        ${groups.map(
          ([group, types]) => html`
            <tbody key=${group}>
              <tr class="group"><th scope="rowgroup" colspan="3">${t(`wishes.${group}`)}</th></tr>
              ${types.filter(type => type in shown.notices).map(type => html`<${Row} key=${type} type=${type} by=${shown.notices[type]} locked=${shown.locked.includes(type)} toggle=${toggle} />`)}
            </tbody>
          `,
        )}
      </table>
      <p class="hint">${t("wishes.locked")}</p>
    <//>
    <${QuietHours} quiet=${shown.quiet_hours} keep=${(/** @type {Quiet | null} */ quiet) => keeping.keep({quiet_hours: quiet})} />
    <${Section} title=${t("wishes.language")} hint=${t("wishes.language_hint")}>
      <label class="pick">
        <span class="unseen">${t("wishes.language")}</span>
        <select value=${shown.locale ?? ""} onChange=${(/** @type {any} */ event) => keeping.keep({locale: event.currentTarget.value || null})}>
          <option value="">${t("wishes.as_account")}</option>
          ${shown.languages.map(tag => html`<option value=${tag} lang=${tag}>${LANGUAGES[/** @type {"en"} */ (tag)] ?? tag}</option>`)}
        </select>
      </label>
    <//>
  `
}

/** @param {{type: string, by: Channels, locked: boolean, toggle: (type: string, channel: "in_app" | "email") => void}} of */
function Row({type, by, locked, toggle}) {
  const name = known(`told.${type}`) ? t(`told.${type}`) : type.replaceAll("_", " ")
  return html`
    <tr>
      <th scope="row">${name}</th>
      ${CHANNELS.map(
        channel => html`
          <td><label><input type="checkbox" checked=${by[channel]} disabled=${locked} aria-label=${`${name}: ${t(`wishes.${channel}`)}`} onChange=${() => toggle(type, channel)} /></label></td>
        `,
      )}
    </tr>
  `
}

/**
 * One wish after the other reaches the server, each with all that was wanted by then.
 * @param {import("@preact/signals").Signal<Wishes | null>} wishes
 */
function keeper(wishes) {
  let etag = ""
  /** As the server has it. */
  let stands = wishes.value
  let before = Promise.resolve()
  /** How many wishes are on their way: what the server says of an earlier one must not undo a later. */
  let pending = 0
  /** @param {Response} answer */
  const take = async answer => {
    if (!answer.ok) throw await Problem.from(answer)
    etag = answer.headers.get("ETag") ?? ""
    stands = await answer.json()
    if (pending <= 1) wishes.value = stands
  }
  const look = async () => take(await send("GET", PATH))
  const put = async () => {
    const {notices, quiet_hours, locale, locked} = /** @type {Wishes} */ (wishes.value)
    const free = Object.fromEntries(Object.entries(notices).filter(([type]) => !locked.includes(type)))
    try {
      await take(await send("PUT", PATH, {body: {notices: free, quiet_hours, locale}, headers: {"If-Match": etag}}))
    } catch (error) {
      wishes.value = stands
      await look().catch(() => undefined)
      throw error
    }
  }
  /** @param {Partial<Wish>} change */
  const keep = change => {
    wishes.value = {.../** @type {Wishes} */ (wishes.value), ...change}
    pending++
    const kept = before.then(put).finally(() => pending--)
    before = kept.then(
      () => undefined,
      error => (error instanceof Problem && error.status === 412 ? say(t("wishes.elsewhere"), undefined, "wrong") : sayWrong(error)),
    )
    return kept
  }
  return {look, keep}
}
