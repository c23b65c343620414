/** Who did what to the installation, to accounts and to rights; whether the record is whole; and all of it as a file. */

import {useSignal} from "@preact/signals"
import {html} from "../../core/html.js"
import {go, query} from "../../core/router.js"
import {t} from "../../core/texts.js"
import {sayWrong} from "../../core/toasts.js"
import {SERVICES} from "../../house/services.js"
import {Button} from "../../parts/button.js"
import {Dialog} from "../../parts/dialog.js"
import {ask} from "../../parts/dialogs.js"
import {Field} from "../../parts/field.js"
import {Table} from "../../parts/table.js"
import {Chain} from "./chain-sheet.js"
import {Choice, Frame, More, Nothing, Sheet, Sign, Unread, When} from "./frame.js"
import {keep} from "./keep.js"
import {usePages} from "./use-reading.js"
import {word} from "./words.js"

const WORDS = /** @type {const} */ (["family", "action", "actor", "user_id", "resource_id", "request_id"])
const TIMES = /** @type {const} */ (["since", "until"])
const ACTORS = ["user", "token", "link", "operator", "system", "anonymous"]
const OUTCOMES = ["success", "denied", "error"]
const NAMES = [...WORDS, ...TIMES, "actor_type", "service", "outcome"]

/** Filters as the address has them. */
const chosen = () => Object.fromEntries(NAMES.map(name => [name, query.value.get(name) ?? ""]).filter(([, value]) => value))

export function AuditPage() {
  const filter = chosen()
  const records = usePages("/v1/audit", {...filter, limit: 50})
  const fetching = useSignal(false)
  const exporting = async () => {
    fetching.value = true
    await keep("/v1/audit/export", filter, `coffer-audit-${new Date().toISOString().slice(0, 10)}.ndjson`).catch(sayWrong)
    fetching.value = false
  }
  const actions = html`<${Button} icon="download" busy=${fetching.value} onClick=${exporting}>${t("operate.export")}<//>`
  return html`
    <${Frame} of="audit" actions=${actions}>
      <${Chain} />
      <details class="sheet" open=${Object.keys(filter).length > 0}>
        <summary>${t("operate.filter")}</summary>
        <${Filters} key=${JSON.stringify(filter)} filter=${filter} />
      </details>
      <${Unread} error=${records.error} again=${records.again} />
      ${records.items && (records.items.length ? html`<${Records} records=${records} />` : html`<${Nothing}>${t("operate.no_records")}<//>`)}
    <//>
  `
}

/** @param {{filter: Record<string, string>}} of */
function Filters({filter}) {
  const asked = useSignal(/** @type {Record<string, string>} */ ({...filter, ...Object.fromEntries(TIMES.map(name => [name, local(filter[name])]))}))
  const set = (/** @type {string} */ name) => (/** @type {string} */ value) => (asked.value = {...asked.value, [name]: value.trim()})
  const sent = (/** @type {Event} */ event) => {
    event.preventDefault()
    const times = Object.fromEntries(TIMES.map(name => [name, asked.value[name] ? new Date(asked.value[name]).toISOString() : ""]))
    const wanted = Object.entries({...asked.value, ...times}).filter(([, value]) => value)
    go(`/app/operate/audit?${new URLSearchParams(wanted)}`, {replace: true})
  }
  const any = /** @type {[string, string]} */ (["", t("operate.any")])
  const choice = (/** @type {string} */ name, /** @type {readonly string[]} */ values, /** @type {(value: string) => string} */ show) =>
    html`<${Choice} label=${t(`operate.${name}`)} value=${asked.value[name] ?? ""} choices=${[any, ...values.map(value => [value, show(value)])]} change=${set(name)} />`
  return html`
    <form class="filters many" role="search" onSubmit=${sent}>
      ${WORDS.map(name => html`<${Field} label=${t(`operate.audit_${name}`)} value=${asked.value[name] ?? ""} change=${set(name)} autocomplete="off" />`)}
      ${choice("actor_type", ACTORS, value => word("actor", value))}
      ${choice("service", SERVICES, value => value)}
      ${choice("outcome", OUTCOMES, value => word("outcome", value))}
      ${TIMES.map(name => html`<${Field} label=${t(`operate.${name}_time`)} type="datetime-local" value=${asked.value[name] ?? ""} change=${set(name)} />`)}
      <span class="acts"><${Button} kind="main" type="submit">${t("operate.find")}<//>${Object.keys(filter).length > 0 && html`<${Button} onClick=${() => go("/app/operate/audit", {replace: true})}>${t("operate.clear")}<//>`}</span>
    </form>
  `
}

/**
 * As the field of a form takes it, in the time of this place.
 * @param {string | undefined} moment RFC 3339
 */
function local(moment) {
  const at = moment ? new Date(moment) : null
  if (!at || Number.isNaN(at.getTime())) return ""
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

/** @param {{records: ReturnType<typeof usePages>}} of */
function Records({records}) {
  const look = (/** @type {any} */ record) => ask(close => html`<${Whole} record=${record} close=${close} />`)
  const columns = [
    {title: t("operate.action"), main: true, cell: (/** @type {any} */ record) => record.action},
    {title: t("operate.time"), cell: (/** @type {any} */ record) => html`<${When} at=${record.time} />`},
    {title: t("operate.who"), cell: (/** @type {any} */ record) => html`${word("actor", record.actor.type)} <code>${shortly(record.actor.id)}</code>`},
    {title: t("operate.from"), cell: (/** @type {any} */ record) => record.actor.ip ?? "–"},
    {title: t("operate.what"), cell: (/** @type {any} */ record) => html`${record.resource.type} ${record.resource.name_at_time ?? html`<code>${shortly(record.resource.id)}</code>`}`},
    {title: t("operate.outcome"), cell: (/** @type {any} */ record) => html`<${Sign} grade=${record.outcome === "success" ? "good" : "wrong"}>${word("outcome", record.outcome)}<//>`},
    {title: t("operate.acts"), cell: (/** @type {any} */ record) => html`<${Button} aria-label=${t("operate.look_at", {name: record.action})} onClick=${() => look(record)}>${t("operate.look")}<//>`},
  ]
  return html`
    <${Sheet}>
      <${Table} label=${t("operate.tab_audit")} columns=${columns} rows=${records.items ?? []} named=${(/** @type {any} */ record) => record.id} />
      <${More} more=${records.more} busy=${records.busy} />
    <//>
  `
}

/** @param {string | null} id */
const shortly = id => (id && id.length === 36 ? id.slice(-12) : (id ?? ""))

/** @param {{record: any, close: () => void}} of */
const Whole = ({record, close}) => html`
  <${Dialog} wide title=${record.action} close=${close} actions=${html`<${Button} onClick=${close}>${t("action.close")}<//>`}>
    <p class="acts">
      <a href="/app/operate/audit?request_id=${record.request_id}" onClick=${close}>${t("operate.same_request")}</a>
      ${record.actor.id?.length === 36 && html`<a href="/app/operate/audit?actor=${record.actor.id}" onClick=${close}>${t("operate.same_actor")}</a>`}
      ${record.resource.owner_id && html`<a href="/app/operate/people/${record.resource.owner_id}" onClick=${close}>${t("operate.owner")}</a>`}
    </p>
    <pre class="source" tabindex="0" role="group" aria-label=${t("operate.record")}>${JSON.stringify(record, null, 2)}</pre>
  <//>
`
