/** What is asked before something of somebody is shut for them, or given back. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Dialog} from "../../parts/dialog.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"

/**
 * What can be shut, by the name that its texts begin with.
 * @typedef {"link" | "hook"} Kind
 * @typedef {{kind: Kind, id: string, name: string, close: () => void, done: (changed: any) => void}} Asked
 */

/** @type {Record<Kind, string>} */
const PATHS = {link: "/v1/admin/sharing/links", hook: "/v1/admin/notifier/webhooks"}

/** @param {Asked} of */
export function TakeDown({kind, id, name, close, done}) {
  const reason = useSignal("")
  const sending = useSending(async () => {
    done(await call("POST", `${PATHS[kind]}/${id}/takedown`, {body: {reason: reason.value.trim()}}))
    say(t(`operate.${kind}_is_down`))
    close()
  })
  const actions = html`
    <${Button} onClick=${close}>${t("action.cancel")}<//>
    <${Button} kind="danger" type="submit" busy=${sending.busy} disabled=${!reason.value.trim()}>${t(`operate.take_down_${kind}`)}<//>
  `
  return html`
    <${Dialog} title="${t(`operate.take_down_${kind}`)}: ${name}" close=${close} submit=${sending.send} actions=${actions}>
      <p>${t(`operate.take_down_${kind}_sure`)}</p>
      <${Field} label=${t("operate.reason")} hint=${t("operate.take_down_reason")} maxlength="2000" value=${reason.value} change=${(/** @type {string} */ text) => (reason.value = text)} error=${sending.at("/reason")} autocomplete="off" focus />
      ${sending.words && html`<p class="wrong" role="alert">${sending.words}</p>`}
    <//>
  `
}

/** @param {Asked} of */
export function PutBack({kind, id, name, close, done}) {
  const sending = useSending(async () => {
    done(await call("DELETE", `${PATHS[kind]}/${id}/takedown`))
    say(t(`operate.${kind}_is_back`))
    close()
  })
  const actions = html`<${Button} onClick=${close}>${t("action.cancel")}<//><${Button} kind="main" type="submit" busy=${sending.busy}>${t(`operate.put_back_${kind}`)}<//>`
  return html`
    <${Dialog} title="${t(`operate.put_back_${kind}`)}: ${name}" close=${close} submit=${sending.send} actions=${actions}>
      <p>${t(`operate.put_back_${kind}_sure`)}</p>
      ${sending.words && html`<p class="wrong" role="alert">${sending.words}</p>`}
    <//>
  `
}
