/** When mail waits, every day. */

import {useSignal} from "@preact/signals"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"
import {Section} from "./section.js"

/** @typedef {import("./wishes.js").Quiet} Quiet */

/** @param {{quiet: Quiet | null, keep: (quiet: Quiet | null) => Promise<void>}} of */
export function QuietHours({quiet, keep}) {
  const [on, start, end] = [useSignal(quiet !== null), useSignal(quiet?.start ?? "22:00"), useSignal(quiet?.end ?? "07:00")]
  const zone = quiet?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  const form = useSending(async () => {
    await keep(on.value ? {start: start.value, end: end.value, timezone: zone} : null)
    say(t("quiet.kept"))
  })
  return html`
    <${Section} title=${t("quiet.title")} hint=${t("quiet.hint", {zone})}>
      <form class="form" onSubmit=${form.send} noValidate>
        <label class="choice"><input type="checkbox" checked=${on.value} onChange=${() => (on.value = !on.value)} /><span>${t("quiet.on")}</span></label>
        ${on.value &&
        html`
          <div class="side-by-side">
            <${Field} label=${t("quiet.start")} type="time" required value=${start.value} change=${(/** @type {string} */ value) => (start.value = value)} error=${form.at("/quiet_hours/start")} />
            <${Field} label=${t("quiet.end")} type="time" required value=${end.value} change=${(/** @type {string} */ value) => (end.value = value)} error=${form.at("/quiet_hours/end") ?? (form.at("/quiet_hours") && t("quiet.empty"))} />
          </div>
        `}
        ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
        <${Button} type="submit" busy=${form.busy}>${t("action.save")}<//>
      </form>
    <//>
  `
}
