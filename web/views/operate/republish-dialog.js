/** Publishing events of a service again: for a reader that lost some, or all of them. */

import {useSignal} from "@preact/signals"
import {call, oneKey} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Dialog} from "../../parts/dialog.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"

const PER_SECOND = "50"

/** @param {{service: string, close: () => void, done: () => void}} of */
export function Republish({service, close, done}) {
  const asked = useSignal({since: "", until: "", types: "", consumer: "", rate: PER_SECOND})
  const counted = useSignal(/** @type {number | null} */ (null))
  const key = useSignal(oneKey()).value
  const set = (/** @type {string} */ name) => (/** @type {string} */ value) => {
    asked.value = {...asked.value, [name]: value}
    counted.value = null
  }
  const sending = useSending(async () => {
    const path = `/v1/admin/${service}/republish`
    if (counted.value === null) {
      counted.value = (await call("POST", path, {body: {...wanted(asked.value), dry_run: true}})).count
      return
    }
    const {count} = await call("POST", path, {body: wanted(asked.value), headers: key})
    say(t("operate.republishing", {count}))
    done()
    close()
  })
  const ready = counted.value !== null
  const actions = html`
    <${Button} onClick=${close}>${t("action.cancel")}<//>
    <${Button} kind="main" type="submit" busy=${sending.busy} disabled=${counted.value === 0}>${t(ready ? "operate.republish" : "operate.count_first")}<//>
  `
  return html`
    <${Dialog} title="${t("operate.republish")}: ${service}" close=${close} submit=${sending.send} actions=${actions}>
      <p class="hint">${t("operate.republish_lead")}</p>
      <${Field} label=${t("operate.since_time")} type="datetime-local" value=${asked.value.since} change=${set("since")} error=${sending.at("/since")} focus />
      <${Field} label=${t("operate.until_time")} type="datetime-local" value=${asked.value.until} change=${set("until")} error=${sending.at("/until")} />
      <${Field} label=${t("operate.republish_types")} value=${asked.value.types} change=${set("types")} error=${sending.at("/types")} autocomplete="off" />
      <${Field} label=${t("operate.republish_consumer")} value=${asked.value.consumer} change=${set("consumer")} error=${sending.at("/consumer")} autocomplete="off" />
      <${Field} label=${t("operate.rate")} type="number" min="0.1" step="any" inputmode="decimal" value=${asked.value.rate} change=${set("rate")} error=${sending.at("/rate_per_second")} />
      <p role="status">${ready && (counted.value ? t("operate.republish_sure", {count: counted.value}) : t("operate.republish_none"))}</p>
      ${sending.words && html`<p class="wrong" role="alert">${sending.words}</p>`}
    <//>
  `
}

/** @param {{since: string, until: string, types: string, consumer: string, rate: string}} asked */
const wanted = ({since, until, types, consumer, rate}) => ({
  ...(since && {since: new Date(since).toISOString()}),
  ...(until && {until: new Date(until).toISOString()}),
  ...(types.trim() && {types: types.split(/[\s,]+/).filter(Boolean)}),
  ...(consumer.trim() && {consumer: consumer.trim()}),
  rate_per_second: Number(rate),
})
