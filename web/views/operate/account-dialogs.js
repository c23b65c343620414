/** What is asked before something is done to an account. Some acts take a person who has just proved who they are. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {Problem} from "../../core/problem.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Dialog} from "../../parts/dialog.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"
import {Choice} from "./frame.js"

const GIGABYTE = 1_000_000_000

/**
 * Does it, and asks for the password (and a code) where the server wants to know first who it is.
 * @param {() => Promise<unknown>} run
 * @param {() => void} then
 */
function useProved(run, then) {
  const unproved = useSignal(false)
  const password = useSignal("")
  const code = useSignal("")
  const sending = useSending(async () => {
    if (unproved.value) {
      await call("POST", "/v1/auth/step-up", {body: {password: password.value, ...(code.value.trim() && {code: code.value.trim()})}})
      unproved.value = false
    }
    try {
      await run()
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "step_up_required") throw error
      unproved.value = true
      return
    }
    then()
  })
  const fields =
    unproved.value &&
    html`
      <p role="status">${t("operate.prove")}</p>
      <${Field} label=${t("sign_in.password")} type="password" autocomplete="current-password" value=${password.value} change=${(/** @type {string} */ text) => (password.value = text)} focus />
      <${Field} label=${t("operate.code")} inputmode="numeric" autocomplete="one-time-code" value=${code.value} change=${(/** @type {string} */ text) => (code.value = text)} />
    `
  return {sending, fields}
}

/** @param {{words: string | null}} of */
const Refusal = ({words}) => words && html`<p class="wrong" role="alert">${words}</p>`

/** @param {{name: string, person: any, run: () => Promise<unknown>, close: () => void, done: () => void}} of */
export function AccountAct({name, person, run, close, done}) {
  const {sending, fields} = useProved(run, () => {
    say(t("operate.act_done", {act: t(`operate.${name}`), name: person.username}))
    done()
    close()
  })
  const actions = html`
    <${Button} onClick=${close}>${t("action.cancel")}<//>
    <${Button} kind=${["unsuspend", "promote"].includes(name) ? "main" : "danger"} type="submit" busy=${sending.busy}>${t(`operate.${name}`)}<//>
  `
  return html`
    <${Dialog} title="${t(`operate.${name}`)}: ${person.username}" close=${close} submit=${sending.send} actions=${actions}>
      <p>${t(`operate.${name}_sure`)}</p>
      ${fields}
      <${Refusal} words=${sending.words} />
    <//>
  `
}

/** @param {{person: any, path: string, close: () => void, done: () => void}} of */
export function Quota({person, path, close, done}) {
  const room = useSignal(person.quota_bytes === null ? "" : String(person.quota_bytes / GIGABYTE))
  const sending = useSending(async () => {
    const bytes = room.value.trim() === "" ? null : Math.round(Number(room.value) * GIGABYTE)
    await call("PATCH", path, {body: {quota_bytes: bytes}, headers: {"If-Match": person.etag}})
    say(t("operate.act_done", {act: t("operate.set_quota"), name: person.username}))
    done()
    close()
  })
  const actions = html`<${Button} onClick=${close}>${t("action.cancel")}<//><${Button} kind="main" type="submit" busy=${sending.busy}>${t("operate.set_quota")}<//>`
  return html`
    <${Dialog} title="${t("operate.set_quota")}: ${person.username}" close=${close} submit=${sending.send} actions=${actions}>
      <${Field} label=${t("operate.gigabytes")} type="number" min="0" step="any" inputmode="decimal" value=${room.value} change=${(/** @type {string} */ text) => (room.value = text)} error=${sending.at("/quota_bytes")} hint=${t("operate.quota_hint")} focus />
      <${Refusal} words=${sending.words} />
    <//>
  `
}

/** @param {{person: any, path: string, close: () => void, done: () => void}} of */
export function Close({person, path, close, done}) {
  const typed = useSignal("")
  const sending = useSending(async () => {
    await call("DELETE", path, {query: {confirm: typed.value.trim()}})
    say(t("operate.act_done", {act: t("operate.close_account"), name: person.username}))
    done()
    close()
  })
  const actions = html`
    <${Button} onClick=${close}>${t("action.cancel")}<//>
    <${Button} kind="danger" type="submit" busy=${sending.busy} disabled=${typed.value.trim() !== person.username}>${t("operate.close_account")}<//>
  `
  return html`
    <${Dialog} title="${t("operate.close_account")}: ${person.username}" close=${close} submit=${sending.send} actions=${actions}>
      <p>${t("operate.close_account_sure")}</p>
      <${Field} label=${t("operate.type_phrase", {phrase: person.username})} value=${typed.value} change=${(/** @type {string} */ text) => (typed.value = text)} autocomplete="off" focus />
      <${Refusal} words=${sending.words} />
    <//>
  `
}

/** @param {{close: () => void, done: () => void}} of */
export function NewAccount({close, done}) {
  const name = useSignal("")
  const email = useSignal("")
  const role = useSignal("user")
  const make = () => call("POST", "/v1/admin/auth/users", {body: {username: name.value.trim(), email: email.value.trim(), role: role.value}})
  const {sending, fields} = useProved(make, () => {
    say(t("operate.account_made", {email: email.value.trim()}))
    done()
    close()
  })
  const actions = html`<${Button} onClick=${close}>${t("action.cancel")}<//><${Button} kind="main" type="submit" busy=${sending.busy}>${t("action.create")}<//>`
  return html`
    <${Dialog} title=${t("operate.new_account")} close=${close} submit=${sending.send} actions=${actions}>
      <p class="hint">${t("operate.new_account_lead")}</p>
      <${Field} label=${t("sign_up.username")} value=${name.value} change=${(/** @type {string} */ text) => (name.value = text)} error=${sending.at("/username")} autocomplete="off" focus />
      <${Field} label=${t("sign_up.email")} type="email" value=${email.value} change=${(/** @type {string} */ text) => (email.value = text)} error=${sending.at("/email")} autocomplete="off" />
      <${Choice} label=${t("operate.role")} value=${role.value} choices=${["user", "operator"].map(one => [one, t(`operate.role_${one}`)])} change=${(/** @type {string} */ one) => (role.value = one)} />
      ${fields}
      <${Refusal} words=${sending.words} />
    <//>
  `
}
