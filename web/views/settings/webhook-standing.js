/** Whether a webhook is told anything at all, in a word. */

import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"

/** @param {{of: {enabled: boolean, disabled_for: string | null, taken_down?: object | null, failing_since: string | null, state?: string}}} webhook */
export function Standing({of}) {
  const name = of.state === "unconfirmed" ? "unconfirmed" : of.disabled_for || of.taken_down ? "turned_off" : !of.enabled ? "off" : of.failing_since ? "failing" : "on"
  return html`<span class="standing ${name}">${t(`standing.${name}`)}</span>`
}
