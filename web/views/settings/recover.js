/** Sends again what a webhook missed. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {useSending} from "../form.js"

const HOUR_MS = 3_600_000
const SPANS = /** @type {const} */ ({hour: 1, day: 24, week: 168, month: 720})

/** @param {{path: string, done: () => void}} of */
export function Recover({path, done}) {
  const span = useSignal(/** @type {keyof typeof SPANS} */ ("day"))
  const form = useSending(async () => {
    const since = new Date(Date.now() - SPANS[span.value] * HOUR_MS).toISOString()
    const {queued} = await call("POST", `${path}/recover`, {body: {since}})
    say(t("recover.done", {count: queued}))
    done()
  })
  return html`
    <form class="row-of-buttons" onSubmit=${form.send}>
      <label class="pick">
        <span class="unseen">${t("recover.since")}</span>
        <select value=${span.value} onChange=${(/** @type {any} */ event) => (span.value = event.currentTarget.value)}>
          ${Object.keys(SPANS).map(name => html`<option value=${name}>${t(`span.${name}`)}</option>`)}
        </select>
      </label>
      <${Button} type="submit" busy=${form.busy}>${t("recover.action")}<//>
      ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
    </form>
  `
}
