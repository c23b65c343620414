/** Webhooks and queues of everybody that are in trouble, and any that somebody complains of: found by its id, turned off, given back. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {Problem} from "../../core/problem.js"
import {go, query} from "../../core/router.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {Field} from "../../parts/field.js"
import {Table} from "../../parts/table.js"
import {useSending} from "../form.js"
import {Choice, Frame, More, Nothing, Sheet, Sign, Unread, When} from "./frame.js"
import {PutBack, TakeDown} from "./takedown-dialogs.js"
import {usePages} from "./use-reading.js"
import {number, word} from "./words.js"

const PATH = "/v1/admin/notifier/webhooks"
const TROUBLES = ["failing", "turned_off", "taken_down"]

/** @param {any} hook */
const nameOf = hook => hook.host || hook.queue_arn.split(":").at(-1)

export function ReceiversPage() {
  const trouble = TROUBLES.find(name => name === query.value.get("trouble")) ?? ""
  const hooks = usePages(PATH, {trouble, limit: 30})
  const id = useSignal("")
  const found = useSignal(/** @type {any} */ (null))
  const finding = useSending(async () => {
    found.value = null
    found.value = await call("GET", `${PATH}/${encodeURIComponent(id.value.trim())}`)
  })
  const missing = finding.error.value instanceof Problem && finding.error.value.status === 404
  const done = (/** @type {any} */ hook) => {
    if (found.value?.id === hook.id) found.value = hook
    hooks.again()
  }
  const choose = (/** @type {string} */ name) => go(`/app/operate/receivers${name ? `?trouble=${name}` : ""}`, {replace: true})
  const actions = html`<${Choice} label=${t("operate.state")} value=${trouble} choices=${[["", t("operate.any")], ...TROUBLES.map(name => [name, word("hook", name)])]} change=${choose} />`
  return html`
    <${Frame} of="receivers" actions=${actions}>
      <form class="filters" role="search" onSubmit=${finding.send} noValidate>
        <${Field} label=${t("operate.hook_id")} value=${id.value} change=${(/** @type {string} */ text) => (id.value = text)} error=${missing ? t("operate.no_hook") : (finding.words ?? undefined)} autocomplete="off" spellcheck=${false} />
        <${Button} kind="main" type="submit" busy=${finding.busy} disabled=${!id.value.trim()}>${t("operate.find")}<//>
      </form>
      <p class="hint lead">${t("operate.hooks_lead")}</p>
      ${found.value && html`<${Found} hook=${found.value} done=${done} />`}
      <${Sheet} title=${t("operate.hooks_trouble")} more=${html`<${Button} icon="retry" onClick=${hooks.again}>${t("operate.read_again")}<//>`}>
        <${Unread} error=${hooks.error} again=${hooks.again} />
        ${hooks.items && (hooks.items.length ? html`<${Hooks} hooks=${hooks} done=${done} />` : html`<${Nothing}>${t(trouble ? "operate.no_such_hooks" : "operate.no_hooks")}<//>`)}
      <//>
    <//>
  `
}

/** @param {{hook: any, done: (hook: any) => void, wide?: boolean}} of */
function Act({hook, done, wide = false}) {
  const name = nameOf(hook)
  const Asking = hook.taken_down ? PutBack : TakeDown
  const label = t(hook.taken_down ? "operate.put_back_hook" : "operate.take_down_hook")
  return html`<${Button} kind=${wide && !hook.taken_down ? "danger" : undefined} aria-label=${wide ? undefined : `${label}: ${name}`} onClick=${() => ask(close => html`<${Asking} kind="hook" id=${hook.id} name=${name} close=${close} done=${done} />`)}>${label}<//>`
}

/** @param {{of: any}} hook */
const Standing = ({of}) => {
  if (of.trouble) return html`<${Sign} grade=${of.trouble === "failing" ? "watch" : "wrong"}>${word("hook", of.trouble)}<//>`
  return html`<${Sign} grade=${of.enabled ? "good" : "off"}>${t(of.enabled ? "operate.hook_working" : "operate.hook_off")}<//>`
}

/** @param {{hook: any, done: (hook: any) => void}} of */
function Found({hook, done}) {
  const down = hook.taken_down
  return html`
    <${Sheet} title=${nameOf(hook)} more=${html`<${Standing} of=${hook} />`}>
      <dl class="facts wide-facts">
        <div><dt>${t("operate.owner")}</dt><dd><a href="/app/operate/people/${hook.owner_id}">${hook.owner_id.slice(-12)}</a></dd></div>
        <div><dt>${t("operate.hook_kind")}</dt><dd>${t(hook.queue_arn ? "operate.hook_kind_queue" : "operate.hook_kind_webhook")}</dd></div>
        ${hook.queue_arn && html`<div><dt>${t("operate.receiver")}</dt><dd><code>${hook.queue_arn}</code></dd></div>`}
        <div><dt>${t("operate.waiting")}</dt><dd>${number(hook.waiting)}</dd></div>
        ${hook.failing_since && html`<div><dt>${t("operate.hook_failing_since")}</dt><dd><${When} at=${hook.failing_since} /></dd></div>`}
        ${hook.last_error && html`<div><dt>${t("operate.last_error")}</dt><dd>${hook.last_error}</dd></div>`}
        ${down && html`<div><dt>${t("operate.hook_down_since")}</dt><dd><${When} at=${down.at} /></dd></div><div><dt>${t("operate.reason")}</dt><dd>${down.reason}</dd></div>`}
      </dl>
      <div class="acts"><${Act} hook=${hook} done=${done} wide /></div>
    <//>
  `
}

/** @param {{hooks: ReturnType<typeof usePages>, done: (hook: any) => void}} of */
function Hooks({hooks, done}) {
  const columns = [
    {title: t("operate.receiver"), main: true, cell: (/** @type {any} */ hook) => nameOf(hook)},
    {title: t("operate.state"), cell: (/** @type {any} */ hook) => html`<${Standing} of=${hook} />`},
    {title: t("operate.owner"), cell: (/** @type {any} */ hook) => html`<a href="/app/operate/people/${hook.owner_id}"><code>${hook.owner_id.slice(-12)}</code></a>`},
    {title: t("operate.since"), cell: (/** @type {any} */ hook) => html`<${When} at=${hook.taken_down?.at ?? hook.failing_since} ago />`},
    {title: t("operate.waiting"), number: true, cell: (/** @type {any} */ hook) => number(hook.waiting)},
    {title: t("operate.last_error"), cell: (/** @type {any} */ hook) => hook.taken_down?.reason ?? hook.last_error ?? "–"},
    {title: t("operate.acts"), cell: (/** @type {any} */ hook) => html`<${Act} hook=${hook} done=${done} />`},
  ]
  return html`<${Table} label=${t("operate.hooks_trouble")} columns=${columns} rows=${hooks.items ?? []} named=${(/** @type {any} */ hook) => hook.id} /><${More} more=${hooks.more} busy=${hooks.busy} />`
}
