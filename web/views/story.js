/** The story of an upload: its steps, what it waits for, and what comes next by itself. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../core/api.js"
import {duration, wholeMoment} from "../core/format.js"
import {html} from "../core/html.js"
import {onNews} from "../core/live.js"
import {known, t} from "../core/texts.js"
import {sayWrong} from "../core/toasts.js"
import {Button} from "../parts/button.js"
import {Icon} from "../parts/icon.js"
import {FailedPage} from "./empty.js"
import {useTitle} from "./title.js"

const LOOK_MS = 4000
/** @type {Record<string, string>} */
const SIGNS = {committed: "check", preview_ready: "check", rejected: "warning", failed: "warning", conflict: "warning", expired: "warning", aborted: "close"}

/** @param {{id: string}} of */
export function Story({id}) {
  const upload = useSignal(/** @type {any} */ (null))
  const story = useSignal(/** @type {any} */ (null))
  const error = useSignal(/** @type {unknown} */ (null))
  const read = async () => {
    try {
      const [found, told] = await Promise.all([call("GET", `/v1/uploads/${id}`), call("GET", `/v1/uploads/${id}/timeline`)])
      upload.value = found
      story.value = told
      error.value = null
    } catch (caught) {
      // What is on the screen stays true for a while.
      if (!story.value) error.value = caught
    }
  }
  useEffect(() => {
    read()
    const stop = onNews(({event, data}) => void (event === "upload" && data.upload_id === id && read()))
    const timer = setInterval(() => story.value?.waiting && read(), LOOK_MS)
    return () => (stop(), clearInterval(timer))
  }, [id])
  useTitle(upload.value?.resolved_name ?? t("story.title"))
  if (error.value) return html`<${FailedPage} error=${error.value} again=${read} />`
  if (!story.value) return html`<div class="page" aria-busy="true"></div>`
  return html`<${Told} upload=${upload.value} story=${story.value} read=${read} />`
}

/** @param {{upload: any, story: any, read: () => Promise<void>}} of */
function Told({upload, story, read}) {
  const again = () => call("POST", `/v1/uploads/${upload.id}/retry`).then(read, sayWrong)
  return html`
    <div class="page story-page">
      <div class="page-head"><div class="page-title"><h1>${upload.resolved_name}</h1></div></div>
      <div class="page-body">
        <section aria-label=${t("story.title")}>
          <h2>${t("story.title")}</h2>
          <ol class="story">${story.steps.map((/** @type {any} */ step) => html`<${Step} step=${step} />`)}</ol>
          ${story.waiting && html`<p role="status">${t(`waits.${story.waiting.what}`)} · ${t("story.since", {time: duration(story.waiting.seconds)})}</p>`}
          ${story.next && html`<p class="hint">${t(`happens.${story.next.what}`, {time: wholeMoment(story.next.at)})}</p>`}
          ${story.retry && html`<${Button} disabled=${Date.parse(story.retry.not_before ?? 0) > Date.now()} onClick=${again}>${t("action.retry")}<//>`}
          ${story.state === "committed" && upload.item_id && html`<a href="/app/items/${upload.item_id}">${t("story.open")}</a>`}
        </section>
      </div>
    </div>
  `
}

/** @param {{step: {step: string, at: string, detail: string | null, ms: number | null}}} of */
const Step = ({step: {step, at, detail, ms}}) => html`
  <li class=${step}>
    <${Icon} name=${SIGNS[step] ?? "clock"} size=${18} />
    <span>${known(`step.${step}`) ? t(`step.${step}`) : step}${detail && html` <span class="hint">${known(`reason.${detail}`) ? t(`reason.${detail}`) : detail}</span>`}</span>
    <time datetime=${at} title=${wholeMoment(at)}>${ms === null ? wholeMoment(at) : t("story.took", {time: took(ms)})}</time>
  </li>
`

/** @param {number} ms */
const took = ms => (ms < 1000 ? t("story.ms", {count: Math.max(1, Math.round(ms))}) : duration(ms / 1000))
