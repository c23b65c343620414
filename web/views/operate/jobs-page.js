/** Long work of everybody, upkeep that can be done now, and comparisons of the bucket with the store. */

import {call} from "../../core/api.js"
import {bytes} from "../../core/format.js"
import {html} from "../../core/html.js"
import {go, query} from "../../core/router.js"
import {t} from "../../core/texts.js"
import {say, sayWrong} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {Table} from "../../parts/table.js"
import {Choice, Frame, More, Nothing, Sheet, Sign, Unread, When} from "./frame.js"
import {Regenerate} from "./previews-dialog.js"
import {usePages, useReading} from "./use-reading.js"
import {number, word} from "./words.js"

const EVERY_MS = 5000
const STATES = ["queued", "running", "succeeded", "failed", "cancelled"]
const UPKEEP = ["purge_old", "recount", "repair_counts"]
const PATH = "/v1/admin/files/jobs"

export function JobsPage() {
  const state = STATES.find(name => name === query.value.get("state")) ?? ""
  const jobs = usePages(PATH, {state, limit: 30})
  const run = (/** @type {string} */ kind) => () =>
    call("POST", `${PATH}/${kind}/run`).then(() => {
      say(t("operate.job_begun", {name: word("job", kind)}))
      jobs.again()
    }, sayWrong)
  const choose = (/** @type {string} */ name) => go(`/app/operate/jobs${name ? `?state=${name}` : ""}`, {replace: true})
  const actions = html`<${Choice} label=${t("operate.state")} value=${state} choices=${[["", t("operate.any")], ...STATES.map(name => [name, word("state", name)])]} change=${choose} />`
  return html`
    <${Frame} of="jobs" actions=${actions}>
      <${Sheet} title=${t("operate.upkeep")}>
        <p class="hint">${t("operate.upkeep_lead")}</p>
        <div class="acts">${UPKEEP.map(kind => html`<${Button} onClick=${run(kind)}>${word("job", kind)}<//>`)}<${Button} onClick=${() => ask(close => html`<${Regenerate} close=${close} done=${jobs.again} />`)}>${t("operate.job_regenerate_previews")}<//></div>
      <//>
      <${Unread} error=${jobs.error} again=${jobs.again} />
      ${jobs.items && html`<${Sheet} title=${t("operate.tab_jobs")} more=${html`<${Button} icon="retry" onClick=${jobs.again}>${t("operate.read_again")}<//>`}>${jobs.items.length ? html`<${Jobs} jobs=${jobs} />` : html`<${Nothing}>${t("operate.no_jobs")}<//>`}<//>`}
      <${Comparisons} />
    <//>
  `
}

/** @param {{jobs: ReturnType<typeof usePages>}} of */
function Jobs({jobs}) {
  const cancel = (/** @type {any} */ job) =>
    call("DELETE", `${PATH}/${job.id}`).then(() => {
      say(t("operate.job_cancelled"))
      jobs.again()
    }, sayWrong)
  const columns = [
    {title: t("operate.replay"), main: true, cell: (/** @type {any} */ job) => word("job", job.kind)},
    {title: t("operate.state"), cell: (/** @type {any} */ job) => html`<${Sign} grade=${job.state === "failed" ? "wrong" : job.state === "succeeded" ? "good" : "off"}>${word("state", job.state)}<//>`},
    {title: t("operate.progress"), number: true, cell: (/** @type {any} */ job) => (job.progress.total === null ? number(job.progress.done) : t("operate.sent_of", {sent: number(job.progress.done), total: number(job.progress.total)}))},
    {title: t("operate.owner"), cell: (/** @type {any} */ job) => html`<a href="/app/operate/people/${job.asked_by}"><code>${job.asked_by.slice(-12)}</code></a>`},
    {title: t("operate.begun"), cell: (/** @type {any} */ job) => html`<${When} at=${job.created_at} ago />`},
    {title: t("operate.last_error"), cell: (/** @type {any} */ job) => job.error ?? job.problem?.detail ?? "–"},
    {title: t("operate.acts"), cell: (/** @type {any} */ job) => (job.ended_at ? "–" : html`<${Button} onClick=${() => cancel(job)}>${t("action.cancel")}<//>`)},
  ]
  return html`
    <${Table} label=${t("operate.tab_jobs")} columns=${columns} rows=${jobs.items ?? []} named=${(/** @type {any} */ job) => job.id} />
    <${More} more=${jobs.more} busy=${jobs.busy} />
  `
}

function Comparisons() {
  const path = "/v1/admin/files/reconciliations"
  const {value, error, again} = useReading(signal => call("GET", path, {query: {limit: 5}, signal}), [], {every: EVERY_MS})
  const begin = () =>
    call("POST", "/v1/admin/files/reconcile", {body: {}}).then(() => {
      say(t("operate.comparing"))
      again()
    }, sayWrong)
  const rows = value.value?.items ?? []
  const columns = [
    {title: t("operate.begun"), main: true, cell: (/** @type {any} */ run) => html`<${When} at=${run.requested_at} />`},
    {title: t("operate.state"), cell: (/** @type {any} */ run) => word("run", run.state)},
    {title: t("operate.objects"), number: true, cell: (/** @type {any} */ run) => number(run.counts.objects)},
    {title: t("operate.missing_objects"), number: true, cell: (/** @type {any} */ run) => html`<span class=${run.counts.missing + run.counts.mismatched ? "bad" : ""}>${number(run.counts.missing + run.counts.mismatched)}</span>`},
    {title: t("operate.orphans"), number: true, cell: (/** @type {any} */ run) => `${number(run.counts.orphans)} (${bytes(run.counts.orphan_bytes)})`},
    {title: t("operate.last_error"), cell: (/** @type {any} */ run) => run.error ?? "–"},
  ]
  return html`
    <${Sheet} title=${t("operate.comparisons")} more=${html`<${Button} onClick=${begin}>${t("operate.compare")}<//>`}>
      <p class="hint">${t("operate.comparisons_lead")}</p>
      <${Unread} error=${error.value} again=${again} />
      ${rows.length > 0 && html`<${Table} label=${t("operate.comparisons")} columns=${columns} rows=${rows} named=${(/** @type {any} */ run) => run.id} />`}
    <//>
  `
}
