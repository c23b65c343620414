/** Who can see an item, and why: every cause of somebody's rights, and the links by which anybody may come. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../../core/api.js"
import {moment} from "../../core/format.js"
import {html} from "../../core/html.js"
import {wordsFor} from "../../core/problem.js"
import {user} from "../../core/session.js"
import {t} from "../../core/texts.js"
import {nameOf} from "../../drive/item.js"
import {Choice} from "../../parts/choice.js"

/** @param {import("./people.js").Given} of */
export function Why({item, sharing}) {
  const me = user.value?.id ?? ""
  const who = useSignal(me)
  const told = useSignal(/** @type {any} */ (null))
  const wrong = useSignal("")
  useEffect(() => {
    const stop = new AbortController()
    call("GET", "/v1/shares/explain", {query: {item_id: item.id, user_id: who.value}, signal: stop.signal}).then(
      found => ((told.value = found), (wrong.value = "")),
      error => stop.signal.aborted || (wrong.value = wordsFor(error)),
    )
    return () => stop.abort()
  }, [item.id, who.value, sharing.shares.value, sharing.links.value])
  const people = new Map(sharing.shares.value.map(share => [share.recipient.id, nameOf(share.recipient)]))
  /** @type {[string, string][]} */
  const choices = [[me, t("person.me")], ...[...people].filter(([id]) => id !== me)]
  return html`
    ${choices.length > 1 && html`<${Choice} label=${t("why.who")} value=${who.value} options=${choices} change=${(/** @type {string} */ id) => (who.value = id)} />`}
    ${wrong.value && html`<p class="wrong" role="alert">${wrong.value}</p>`}
    ${told.value && html`<${Told} told=${told.value} mine=${who.value === me} />`}
  `
}

/** @param {{told: any, mine: boolean}} of */
function Told({told, mine}) {
  const {causes, links, rights, account} = told
  return html`
    <p role="status"><strong>${sentence(rights)}</strong></p>
    ${account !== "active" && html`<p class="wrong">${t("why.inactive")}</p>`}
    <ul class="causes">
      ${causes.map((/** @type {any} */ cause) => html`<li>${cause.share ? ofShare(cause.share) : t(mine ? "why.mine" : "why.ownership")} <span class="hint">${gives(cause)}</span></li>`)}
      ${!causes.length && html`<li class="hint">${t("why.nothing")}</li>`}
    </ul>
    ${links.length > 0 &&
    html`
      <h3>${t("why.anybody")}</h3>
      <ul class="causes">${links.map((/** @type {any} */ link) => html`<li>${ofLink(link)} <span class="hint">${t(`link_state.${link.state}`)}</span></li>`)}</ul>
    `}
  `
}

/** @param {any} share */
function ofShare(share) {
  const values = {name: nameOf(share.granted_by), day: moment(share.created_at), role: t(`share_role.${share.role}`), folder: share.inherited_from?.name ?? ""}
  return t(share.inherited_from ? "why.share_above" : "why.share", values)
}

/** @param {any} link */
const ofLink = link => [link.name || t("why.link"), t(`link_mode.${link.mode}`), link.inherited_from && t("share.from_folder", {name: link.inherited_from.name})].filter(Boolean).join(" · ")

/** @param {any} cause */
const gives = cause => (sameRights(cause.gives, cause.without) ? t("why.not_alone") : t("why.without", {rest: sentence(cause.without)}))

/** @param {any} a @param {any} b */
const sameRights = (a, b) => ["read", "write", "delete", "share"].every(right => !a[right] || b[right])

/** @param {any} rights */
function sentence(rights) {
  const all = ["read", "write", "delete", "share"].filter(right => rights[right]).map(right => t(`why_may.${right}`))
  return all.length ? all.join(", ") : t("why_may.nothing")
}
