/** Sending all dead letters that fit again, or giving them up: each says first how many they are. */

import {useSignal} from "@preact/signals"
import {call, oneKey} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Dialog} from "../../parts/dialog.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"
import {Unread} from "./frame.js"
import {useReading} from "./use-reading.js"

/** @typedef {{base: string, filter: Record<string, string>, close: () => void, done: () => void}} Given */

const PER_SECOND = "50"

/** @param {Given} of */
export function RedriveAll({base, filter, close, done}) {
  const counted = useReading(() => call("POST", `${base}/redrive`, {body: {filter, dry_run: true}}), [base])
  const rate = useSignal(PER_SECOND)
  const key = useSignal(oneKey()).value
  const sending = useSending(async () => {
    const {count} = await call("POST", `${base}/redrive`, {body: {filter, rate_per_second: Number(rate.value)}, headers: key})
    say(t("operate.redriving", {count}))
    done()
    close()
  })
  const count = counted.value.value?.count
  const actions = html`
    <${Button} onClick=${close}>${t("action.cancel")}<//>
    <${Button} kind="main" type="submit" busy=${sending.busy} disabled=${!count}>${t("operate.redrive")}<//>
  `
  return html`
    <${Dialog} title=${t("operate.redrive_all")} close=${close} submit=${sending.send} actions=${actions}>
      <${Unread} error=${counted.error.value} again=${counted.again} />
      ${count !== undefined && html`<p>${t("operate.redrive_sure", {count})}</p>`}
      <${Field} label=${t("operate.rate")} type="number" min="0.1" step="any" inputmode="decimal" value=${rate.value} change=${(/** @type {string} */ text) => (rate.value = text)} error=${sending.at("/rate_per_second")} hint=${t("operate.rate_hint")} focus />
      ${sending.words && html`<p class="wrong" role="alert">${sending.words}</p>`}
    <//>
  `
}

/** @param {Given} of */
export function DropAll({base, filter, close, done}) {
  const counted = useReading(() => call("POST", `${base}/drop`, {body: {filter, dry_run: true}}), [base])
  const typed = useSignal("")
  const sending = useSending(async () => {
    const {count} = await call("POST", `${base}/drop`, {body: {filter, confirm: typed.value.trim()}})
    say(t("operate.dropped", {count}))
    done()
    close()
  })
  const count = counted.value.value?.count
  // The server asks for this phrase in this language.
  const phrase = `drop ${count}`
  const actions = html`
    <${Button} onClick=${close}>${t("action.cancel")}<//>
    <${Button} kind="danger" type="submit" busy=${sending.busy} disabled=${!count || typed.value.trim() !== phrase}>${t("operate.drop_for_good")}<//>
  `
  return html`
    <${Dialog} title=${t("operate.drop_all")} close=${close} submit=${sending.send} actions=${actions}>
      <${Unread} error=${counted.error.value} again=${counted.again} />
      ${count !== undefined && html`<p>${t("operate.drop_all_sure", {count})}</p>`}
      ${Boolean(count) && html`<${Field} label=${t("operate.type_phrase", {phrase})} value=${typed.value} change=${(/** @type {string} */ text) => (typed.value = text)} error=${sending.at("/confirm")} autocomplete="off" focus />`}
      ${sending.words && html`<p class="wrong" role="alert">${sending.words}</p>`}
    <//>
  `
}
