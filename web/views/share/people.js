/** The people who have an item: adding some, changing what they may, taking it back; and leaving, for those who were given it. */

import {html} from "../../core/html.js"
import {moment, wholeMoment} from "../../core/format.js"
import {user} from "../../core/session.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {nameOf} from "../../drive/item.js"
import {leaveShare, ROLES} from "../../drive/sharing.js"
import {Button, IconButton} from "../../parts/button.js"
import {Choice} from "../../parts/choice.js"
import {Avatar} from "../avatar.js"
import {AddPeople} from "./add-people.js"

/**
 * @typedef {import("../../drive/sharing.js").Share} Share
 * @typedef {import("../../drive/sharing.js").Invitation} Invitation
 * @typedef {{item: import("../../drive/item.js").Item, sharing: import("../../drive/sharing.js").Sharing, saying: import("./saying.js").Saying, close: () => void}} Given
 */

/** @returns {[string, string][]} */
export const roleChoices = () => ROLES.map(role => [role, t(`share_role.${role}`)])

/** @param {Given} given */
export function People(given) {
  const {sharing, item} = given
  const mine = sharing.mayShare.value
  const people = sharing.shares.value
  const invited = sharing.invitations.value
  return html`
    ${mine && html`<${AddPeople} ...${given} />`}
    <ul class="holders" aria-label=${t("share.who")}>
      <li class="holder">
        <${Avatar} person=${item.owner} />
        <div class="holder-text"><strong>${item.owner.id === user.value?.id ? t("person.me") : nameOf(item.owner)}</strong></div>
        <span class="hint">${t("column.owner")}</span>
      </li>
      ${people.map(share => html`<${Holder} key=${share.id} share=${share} ...${given} />`)}
      ${invited.map(invitation => html`<${Invited} key=${invitation.id} invitation=${invitation} ...${given} />`)}
    </ul>
    ${mine && !people.length && !invited.length && html`<p class="hint">${t("share.nobody")}</p>`}
  `
}

/** @param {Given & {share: Share}} of */
function Holder({share, item, sharing, saying, close}) {
  const {recipient, inherited_from: above} = share
  const name = nameOf(recipient)
  const mine = sharing.mayShare.value
  const me = recipient.id === user.value?.id
  const change = (/** @type {string} */ role) => {
    const before = share.role
    const back = () => {
      const now = sharing.shares.value.find(one => one.id === share.id)
      return now ? sharing.change(now, {role: before}) : sharing.read()
    }
    saying.try(() => sharing.change(share, {role: /** @type {Share["role"]} */ (role)}), t("share.changed", {name}), back)
  }
  const again = () =>
    sharing.give([{user_id: recipient.id}], {role: share.role, message: share.message, expires_at: share.expires_at, notify: false})
  const revoke = () => saying.try(() => sharing.revoke(share), t("share.revoked", {name}), again)
  const leave = () =>
    saying.try(async () => {
      await leaveShare(share.id)
      close()
      say(t("share.left", {name: item.name}))
    })
  return html`
    <li class="holder">
      <${Avatar} person=${recipient} />
      <div class="holder-text">
        <strong>${me ? t("person.me") : name}</strong>
        <span class="hint">
          ${above ? html`${t("share.from_folder", {name: above.name})} · ` : ""}${me ? t("share.given_by", {name: nameOf(share.granted_by)}) : recipient.username ?? ""}${ends(share)}
        </span>
        ${me && share.message && html`<p class="quoted" dir="auto">${share.message}</p>`}
      </div>
      ${mine && !above
        ? html`
            <${Choice} bare label=${t("share.role_of", {name})} value=${share.role} options=${roleChoices()} change=${change} />
            <${IconButton} icon="close" size=${16} label=${t("share.revoke", {name})} onClick=${revoke} />
          `
        : html`<span class="hint">${t(`share_role.${share.role}`)}</span>`}
      ${me && html`<${Button} onClick=${leave}>${t("share.leave")}<//>`}
    </li>
  `
}

/** @param {Share} share */
const ends = share => (share.expires_at ? html` · <span title=${wholeMoment(share.expires_at)}>${t("share.until", {day: moment(share.expires_at)})}</span>` : "")

/** @param {Given & {invitation: Invitation}} of */
function Invited({invitation, sharing, saying}) {
  const name = invitation.email
  const change = (/** @type {string} */ role) =>
    saying.try(() => sharing.change(invitation, {role: /** @type {Share["role"]} */ (role)}), t("share.changed", {name}))
  const again = () =>
    sharing.give([{email: name}], {role: invitation.role, message: invitation.message, expires_at: invitation.expires_at, notify: false})
  const revoke = () => saying.try(() => sharing.revoke(invitation), t("share.revoked", {name}), again)
  return html`
    <li class="holder">
      <${Avatar} person=${{id: "", username: name, display_name: null}} />
      <div class="holder-text">
        <strong>${name}</strong>
        <span class="hint">${t("share.invited", {day: moment(invitation.lapses_at)})}</span>
      </div>
      <${Choice} bare label=${t("share.role_of", {name})} value=${invitation.role} options=${roleChoices()} change=${change} />
      <${IconButton} icon="close" size=${16} label=${t("share.revoke", {name})} onClick=${revoke} />
    </li>
  `
}
