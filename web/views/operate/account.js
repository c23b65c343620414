/** One account: what is known of it, and what can be done to it. */

import {call} from "../../core/api.js"
import {bytes} from "../../core/format.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {AccountAct, Close, Quota} from "./account-dialogs.js"
import {Frame, Sheet, Unread, When} from "./frame.js"
import {Status} from "./states.js"
import {useReading} from "./use-reading.js"

/** @param {{id: string}} of */
export function Account({id}) {
  const path = `/v1/admin/auth/users/${encodeURIComponent(id)}`
  const {value, error, again} = useReading(signal => call("GET", path, {signal}), [path])
  const person = value.value
  return html`
    <${Frame} of="people" title=${person?.username ?? t("operate.person")}>
      <p><a href="/app/operate/people">${t("operate.all_people")}</a></p>
      <${Unread} error=${error.value} again=${again} />
      ${person && html`<${Facts} person=${person} /><${Acts} person=${person} path=${path} again=${again} />`}
    <//>
  `
}

/** @param {{person: any}} of */
const Facts = ({person}) => html`
  <${Sheet} title=${person.display_name || person.username} more=${html`<${Status} status=${person.status} />`}>
    <dl class="facts wide-facts">
      <div><dt>${t("operate.email")}</dt><dd>${person.email}</dd></div>
      <div><dt>${t("operate.verified")}</dt><dd>${t(person.email_verified ? "operate.yes" : "operate.no")}</dd></div>
      <div><dt>${t("operate.role")}</dt><dd>${t(person.roles.includes("operator") ? "operate.role_operator" : "operate.role_user")}</dd></div>
      <div><dt>${t("operate.quota")}</dt><dd>${person.quota_bytes === null ? t("operate.quota_usual") : bytes(person.quota_bytes)}</dd></div>
      <div><dt>${t("operate.since")}</dt><dd><${When} at=${person.created_at} /></dd></div>
      <div><dt>${t("operate.id")}</dt><dd><code>${person.id}</code></dd></div>
    </dl>
    <p class="acts">
      <a href="/app/operate/uploads?user_id=${person.id}">${t("operate.their_uploads")}</a>
      <a href="/app/operate/audit?user_id=${person.id}">${t("operate.their_audit")}</a>
    </p>
  <//>
`

/** @param {{person: any, path: string, again: () => void}} of */
function Acts({person, path, again}) {
  if (person.status === "deleted") return null
  const change = (/** @type {object} */ body) => () => call("PATCH", path, {body, headers: {"If-Match": person.etag}})
  const post = (/** @type {string} */ what) => () => call("POST", `${path}/${what}`)
  const opens = (/** @type {string} */ name, /** @type {() => Promise<unknown>} */ run) => () =>
    ask(close => html`<${AccountAct} name=${name} person=${person} run=${run} close=${close} done=${again} />`)
  const isOperator = person.roles.includes("operator")
  return html`
    <${Sheet} title=${t("operate.acts")}>
      <div class="acts">
        ${person.status === "active" ? html`<${Button} onClick=${opens("suspend", change({status: "suspended"}))}>${t("operate.suspend")}<//>` : html`<${Button} onClick=${opens("unsuspend", change({status: "active"}))}>${t("operate.unsuspend")}<//>`}
        <${Button} onClick=${opens("sign_out", post("sessions/revoke"))}>${t("operate.sign_out")}<//>
        <${Button} onClick=${() => ask(close => html`<${Quota} person=${person} path=${path} close=${close} done=${again} />`)}>${t("operate.set_quota")}<//>
        <${Button} onClick=${opens("reset_password", post("password/reset"))}>${t("operate.reset_password")}<//>
        <${Button} onClick=${opens("reset_mfa", post("mfa/reset"))}>${t("operate.reset_mfa")}<//>
        ${isOperator ? html`<${Button} onClick=${opens("demote", change({role: "user"}))}>${t("operate.demote")}<//>` : html`<${Button} onClick=${opens("promote", change({role: "operator"}))}>${t("operate.promote")}<//>`}
        <${Button} onClick=${() => ask(close => html`<${Close} person=${person} path=${path} close=${close} done=${again} />`)}>${t("operate.close_account")}<//>
      </div>
    <//>
  `
}
