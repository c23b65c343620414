/** The story of one upload. While it goes on it is read again. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {Icon} from "../../parts/icon.js"
import {Confirm} from "../confirm.js"
import {Sheet, Unread, When} from "./frame.js"
import {UploadState} from "./states.js"
import {useReading} from "./use-reading.js"
import {exactly, lasting, word} from "./words.js"

const EVERY_MS = 2000

/** @param {{id: string}} of */
export function Timeline({id}) {
  const going = useSignal(true)
  const read = async (/** @type {AbortSignal} */ signal) => {
    const story = await call("GET", `/v1/admin/files/uploads/${id}/timeline`, {signal})
    going.value = Boolean(story.waiting)
    return story
  }
  const {value, error, again} = useReading(read, [id], {every: going.value ? EVERY_MS : 0})
  const story = value.value
  return html`
    <p><a href="/app/operate/uploads">${t("operate.all_uploads")}</a></p>
    <${Unread} error=${error.value} again=${again} />
    ${story && html`<${Story} story=${story} again=${again} />`}
  `
}

/** @param {{story: any, again: () => void}} of */
function Story({story, again}) {
  const {waiting, next} = story
  return html`
    <${Sheet} title=${t("operate.where")} more=${html`<${UploadState} state=${story.state} />`}>
      <p><code>${story.id}</code></p>
      ${story.reason && html`<p><strong>${story.reason.replaceAll("_", " ")}</strong>${story.detail && html` <span lang="en">${story.detail}</span>`}</p>`}
      ${waiting &&
      html`
        <p class="now" role="status">
          <${Icon} name="clock" size=${18} />
          <span><strong>${word("waits", waiting.what)}</strong> ${t("operate.for", {time: lasting(waiting.seconds)})}. <span class="hint" lang="en">${waiting.sentence}</span></span>
        </p>
      `}
      ${next && html`<p class="hint"><strong>${word("next", next.what)}</strong> <${When} at=${next.at} />. <span lang="en">${next.sentence}</span></p>`}
      ${story.state === "rejected" && html`<${Refused} id=${story.id} again=${again} />`}
      <p class="hint">${t("operate.took", {time: exactly(story.total_ms)})}</p>
    <//>
    <${Sheet} title=${t("operate.steps")}>
      <ol class="timeline">
        ${story.steps.map(
          (/** @type {any} */ step) => html`
            <li>
              <span class="step"><strong>${word("step", step.step)}</strong>${step.detail && html` <span class="hint" lang="en">${step.detail}</span>`}</span>
              <${When} at=${step.at} />
              ${step.ms !== null && html`<span class="gap-after hint">${t("operate.then", {time: exactly(step.ms)})}</span>`}
            </li>
          `,
        )}
      </ol>
    <//>
  `
}

/** @param {{id: string, again: () => void}} of */
function Refused({id, again}) {
  const path = `/v1/admin/files/quarantine/${id}`
  const act = (/** @type {string} */ name, /** @type {() => Promise<unknown>} */ run) => () =>
    ask(
      close => html`<${Confirm} title=${t(`operate.${name}`)} text=${t(`operate.${name}_sure`)} action=${t(`operate.${name}`)} close=${close} run=${async () => {
        await run()
        say(t(`operate.${name}_done`))
        again()
      }} />`,
    )
  return html`
    <div class="acts">
      <${Button} onClick=${act("release", () => call("POST", `${path}/release`))}>${t("operate.release")}<//>
      <${Button} onClick=${act("discard", () => call("DELETE", path))}>${t("operate.discard")}<//>
    </div>
  `
}
