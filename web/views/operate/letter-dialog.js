/** One dead letter: why it died, what it says, and sending it again or giving it up. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {bytes} from "../../core/format.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Dialog} from "../../parts/dialog.js"
import {useSending} from "../form.js"
import {Unread, When} from "./frame.js"
import {useReading} from "./use-reading.js"
import {number} from "./words.js"

/** @param {{base: string, id: string, close: () => void, done: () => void}} of */
export function LetterDialog({base, id, close, done}) {
  const {value, error, again} = useReading(signal => call("GET", `${base}/${id}`, {signal}), [base, id])
  const sure = useSignal(false)
  const acting = useSending(async () => {
    // One is named by its id; the word stands between a slip and what cannot be undone.
    if (sure.value) await call("POST", `${base}/${id}/drop`, {body: {confirm: "drop 1"}})
    else await call("POST", `${base}/${id}/redrive`)
    say(t(sure.value ? "operate.dropped_one" : "operate.redriven"))
    done()
    close()
  })
  const letter = value.value
  const waits = letter?.state === "waiting"
  const actions = !waits
    ? html`<${Button} onClick=${close}>${t("action.close")}<//>`
    : sure.value
      ? html`<${Button} onClick=${() => (sure.value = false)}>${t("action.back")}<//><${Button} kind="danger" type="submit" busy=${acting.busy}>${t("operate.drop_for_good")}<//>`
      : html`<${Button} onClick=${() => (sure.value = true)}>${t("operate.drop")}<//><${Button} kind="main" type="submit" busy=${acting.busy}>${t("operate.redrive")}<//>`
  return html`
    <${Dialog} wide title=${letter?.type ?? t("operate.letter")} close=${close} submit=${acting.send} actions=${actions}>
      <${Unread} error=${error.value} again=${again} />
      ${acting.words && html`<p class="wrong" role="alert">${acting.words}</p>`}
      ${sure.value && html`<p role="alert">${t("operate.drop_sure")}</p>`}
      ${letter && html`<${Told} letter=${letter} />`}
    <//>
  `
}

/** @param {{letter: any}} of */
const Told = ({letter}) => html`
  <dl class="facts">
    <div><dt>${t("operate.reason")}</dt><dd>${letter.reason}</dd></div>
    <div><dt>${t("operate.error_class")}</dt><dd>${letter.error_class ?? "–"}</dd></div>
    <div><dt>${t("operate.handler")}</dt><dd>${letter.handler ?? "–"}</dd></div>
    <div><dt>${t("operate.queue")}</dt><dd>${letter.queue}</dd></div>
    <div><dt>${t("operate.receives")}</dt><dd>${number(letter.receives)}</dd></div>
    <div><dt>${t("operate.died")}</dt><dd><${When} at=${letter.dead_at} /></dd></div>
    ${letter.settled_at && html`<div><dt>${t(`operate.letters_${letter.state}`)}</dt><dd><${When} at=${letter.settled_at} />${letter.settled_by ? ` (${letter.settled_by})` : ""}</dd></div>`}
    <div><dt>${t("operate.body")}</dt><dd>${bytes(letter.body_bytes)}</dd></div>
  </dl>
  ${letter.unreadable && html`<p class="hint">${t("operate.unreadable", {why: letter.unreadable})}</p>`}
  <pre class="source" tabindex="0" role="group" aria-label=${t("operate.body")}>${letter.event ? JSON.stringify(letter.event, null, 2) : letter.body}</pre>
  <h3>${t("operate.attributes")}</h3>
  <pre class="source" tabindex="0" role="group" aria-label=${t("operate.attributes")}>${JSON.stringify(letter.attributes, null, 2)}</pre>
`
