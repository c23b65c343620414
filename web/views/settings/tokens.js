/** Personal access tokens: for programs that act for somebody. */

import {useSignal} from "@preact/signals"
import {call, oneKey} from "../../core/api.js"
import {moment, wholeMoment} from "../../core/format.js"
import {html} from "../../core/html.js"
import {user} from "../../core/session.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {Field} from "../../parts/field.js"
import {Confirm} from "../confirm.js"
import {useSending} from "../form.js"
import {proved} from "../step-up.js"
import {Read, useReading} from "./reading.js"
import {Secret} from "./secret.js"
import {Section} from "./section.js"

const SCOPES = ["files:read", "files:write", "shares:write", "account:read", "account:write", "events:read", "webhooks:write"]
const OPERATORS_SCOPES = ["admin:read", "admin:write"]
const DAYS = [7, 30, 90, 365]
const DAY_MS = 86_400_000
const MOST = 50

/** @param {string} scope */
const scopeText = scope => t(`scope.${scope.replace(":", "_")}`)

export function Tokens() {
  const reading = useReading("/v1/me/tokens", {limit: String(MOST)})
  const made = useSignal(/** @type {{name: string, token: string} | null} */ (null))
  const making = useSignal(false)
  const taken = (/** @type {{name: string, token: string}} */ answer) => {
    made.value = answer
    making.value = false
    reading.look()
  }
  /** @param {any} token */
  const revoke = async token => {
    await proved(() => call("DELETE", `/v1/me/tokens/${token.id}`))
    say(t("tokens.revoked", {name: token.name}))
    reading.look()
  }
  /** @param {any} token */
  const asking = token =>
    ask(close => html`<${Confirm} title=${t("tokens.revoke")} text=${t("tokens.revoke_sure", {name: token.name})} action=${t("tokens.revoke")} run=${() => revoke(token)} close=${close} />`)
  return html`
    <${Section} title=${t("section.tokens")} hint=${t("tokens.hint")}>
      ${made.value && html`<${Secret} title=${t("tokens.made", {name: made.value.name})} hint=${t("tokens.made_hint")} text=${made.value.token} done=${() => (made.value = null)} />`}
      ${making.value && html`<${NewToken} taken=${taken} cancel=${() => (making.value = false)} />`}
      ${!making.value && !made.value && html`<${Button} icon="add" onClick=${() => (making.value = true)}>${t("tokens.new")}<//>`}
      <${Read} reading=${reading}>
        ${(/** @type {{items: any[]}} */ {items}) =>
          items.length
            ? html`<ul class="cards">${items.map(token => html`<${Token} key=${token.id} token=${token} revoke=${() => asking(token)} />`)}</ul>`
            : html`<p class="hint">${t("tokens.none")}</p>`}
      <//>
    <//>
  `
}

/** @param {{token: any, revoke: () => void}} of */
const Token = ({token, revoke}) => html`
  <li>
    <div>
      <strong>${token.name}</strong>
      <span class="hint">${token.scopes.map(scopeText).join(" · ")}</span>
      <span class="hint">
        <time datetime=${token.expires_at} title=${wholeMoment(token.expires_at)}>${t("tokens.until", {time: moment(token.expires_at)})}</time>
        ${" · "}${token.last_used_at ? t("tokens.used", {time: moment(token.last_used_at)}) : t("tokens.never")}
      </span>
    </div>
    <${Button} aria-label=${t("tokens.revoke_one", {name: token.name})} onClick=${revoke}>${t("tokens.revoke")}<//>
  </li>
`

/** @param {{taken: (answer: any) => void, cancel: () => void}} of */
function NewToken({taken, cancel}) {
  const [name, days, chosen] = [useSignal(""), useSignal(90), useSignal(new Set(["files:read"]))]
  const form = useSending(async () => {
    const body = {name: name.value, scopes: [...chosen.value], expires_at: new Date(Date.now() + days.value * DAY_MS).toISOString()}
    const headers = oneKey()
    taken(await proved(() => call("POST", "/v1/me/tokens", {body, headers})))
  })
  const all = user.value?.roles.includes("operator") ? [...SCOPES, ...OPERATORS_SCOPES] : SCOPES
  /** @param {string} scope */
  const toggle = scope => {
    const next = new Set(chosen.value)
    if (!next.delete(scope)) next.add(scope)
    chosen.value = next
  }
  return html`
    <form class="form panel" onSubmit=${form.send} noValidate>
      <${Field} ...${{label: t("tokens.name"), name: "name", required: true, maxlength: 128, focus: true, hint: t("tokens.name_hint")}} value=${name.value} change=${(/** @type {string} */ value) => (name.value = value)} error=${form.at("/name")} />
      <fieldset>
        <legend>${t("tokens.scopes")}</legend>
        ${all.map(scope => html`<label class="choice"><input type="checkbox" checked=${chosen.value.has(scope)} onChange=${() => toggle(scope)} /><span>${scopeText(scope)}</span></label>`)}
        ${form.at("/scopes") && html`<p class="wrong" role="alert">${t("tokens.scopes_wrong")}</p>`}
      </fieldset>
      <label class="pick">
        <span>${t("tokens.life")}</span>
        <select value=${days.value} onChange=${(/** @type {any} */ event) => (days.value = Number(event.currentTarget.value))}>
          ${DAYS.map(count => html`<option value=${count}>${t("tokens.days", {count})}</option>`)}
        </select>
      </label>
      ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
      <div class="row-of-buttons">
        <${Button} kind="main" type="submit" busy=${form.busy}>${t("tokens.make")}<//>
        <${Button} onClick=${cancel}>${t("action.cancel")}<//>
      </div>
    </form>
  `
}
