/** What is asked before a public link is shut for its maker, or given back. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Dialog} from "../../parts/dialog.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"

const pathOf = (/** @type {string} */ id) => `/v1/admin/sharing/links/${id}/takedown`

/** @param {{link: any, close: () => void, done: (link: any) => void}} of */
export function TakeDown({link, close, done}) {
  const reason = useSignal("")
  const sending = useSending(async () => {
    done(await call("POST", pathOf(link.id), {body: {reason: reason.value.trim()}}))
    say(t("operate.link_is_down"))
    close()
  })
  const actions = html`
    <${Button} onClick=${close}>${t("action.cancel")}<//>
    <${Button} kind="danger" type="submit" busy=${sending.busy} disabled=${!reason.value.trim()}>${t("operate.take_down")}<//>
  `
  return html`
    <${Dialog} title="${t("operate.take_down")}: ${link.item.name}" close=${close} submit=${sending.send} actions=${actions}>
      <p>${t("operate.take_down_sure")}</p>
      <${Field} label=${t("operate.reason")} hint=${t("operate.take_down_reason")} maxlength="2000" value=${reason.value} change=${(/** @type {string} */ text) => (reason.value = text)} error=${sending.at("/reason")} autocomplete="off" focus />
      ${sending.words && html`<p class="wrong" role="alert">${sending.words}</p>`}
    <//>
  `
}

/** @param {{id: string, name: string, close: () => void, done: (link: any) => void}} of */
export function PutBack({id, name, close, done}) {
  const sending = useSending(async () => {
    done(await call("DELETE", pathOf(id)))
    say(t("operate.link_is_back"))
    close()
  })
  const actions = html`<${Button} onClick=${close}>${t("action.cancel")}<//><${Button} kind="main" type="submit" busy=${sending.busy}>${t("operate.put_back")}<//>`
  return html`
    <${Dialog} title="${t("operate.put_back")}: ${name}" close=${close} submit=${sending.send} actions=${actions}>
      <p>${t("operate.put_back_sure")}</p>
      ${sending.words && html`<p class="wrong" role="alert">${sending.words}</p>`}
    <//>
  `
}
