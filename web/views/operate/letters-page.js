/** Messages that failed for good: what died alike, each with why, and what can be done about it. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {go, query} from "../../core/router.js"
import {t} from "../../core/texts.js"
import {say, sayWrong} from "../../core/toasts.js"
import {SERVICES} from "../../house/services.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {Table} from "../../parts/table.js"
import {Choice, Filter, Frame, More, Nothing, Sheet, Unread, When} from "./frame.js"
import {LetterDialog} from "./letter-dialog.js"
import {DropAll, RedriveAll} from "./letters-dialogs.js"
import {Replays} from "./replays.js"
import {usePages, useReading} from "./use-reading.js"
import {number} from "./words.js"

const FILTERS = /** @type {const} */ (["queue", "type", "error_class", "handler", "reason"])
const STATES = ["waiting", "redriven", "dropped"]

/** @param {Record<string, string | null>} changes of the address */
function choose(changes) {
  const next = new URLSearchParams(query.value)
  for (const [name, value] of Object.entries(changes)) value ? next.set(name, value) : next.delete(name)
  go(`/app/operate/letters?${next}`, {replace: true})
}

export function LettersPage() {
  const asked = query.value
  const service = SERVICES.find(name => name === asked.get("service")) ?? "files"
  const state = STATES.find(name => name === asked.get("state")) ?? "waiting"
  const filter = Object.fromEntries(FILTERS.map(name => [name, asked.get(name)]).filter(([, value]) => value))
  const base = `/v1/admin/${service}/dead-letters`
  const letters = usePages(base, {...filter, state, limit: 50})
  const groups = useReading(signal => call("GET", `${base}/groups`, {query: {...filter, state}, signal}), [base, state, JSON.stringify(filter)])
  const begun = useSignal(0)
  const reread = () => {
    letters.again()
    groups.again()
  }
  const about = {base, filter, service}
  const redriving = () => ask(close => html`<${RedriveAll} ...${about} close=${close} done=${() => ((begun.value += 1), reread())} />`)
  const dropping = () => ask(close => html`<${DropAll} ...${about} close=${close} done=${reread} />`)
  const some = state === "waiting" && Boolean(letters.items?.length)
  const actions = some && html`<${Button} icon="retry" kind="main" onClick=${redriving}>${t("operate.redrive_all")}<//><${Button} onClick=${dropping}>${t("operate.drop_all")}<//>`
  return html`
    <${Frame} of="letters" title=${t("operate.dead_letters")} actions=${actions}>
      <div class="filters">
        <${Choice} label=${t("operate.service")} value=${service} choices=${SERVICES.map(name => [name, name])} change=${(/** @type {string} */ name) => go(`/app/operate/letters?service=${name}`, {replace: true})} />
        <${Choice} label=${t("operate.state")} value=${state} choices=${STATES.map(name => [name, t(`operate.letters_${name}`)])} change=${(/** @type {string} */ name) => choose({state: name})} />
        ${Object.entries(filter).map(([name, value]) => html`<${Filter} name=${t(`operate.${name}`)} value=${String(value)} off=${() => choose({[name]: null})} />`)}
      </div>
      <${Unread} error=${letters.error ?? groups.error.value} again=${reread} />
      <${Groups} groups=${groups.value.value} />
      <${Letters} letters=${letters} about=${about} state=${state} reread=${reread} />
      <${Sheet}><${Replays} key=${service} service=${service} fresh=${begun.value} ended=${reread} /><//>
    <//>
  `
}

/** @param {{groups: any}} of */
function Groups({groups}) {
  if (!groups || groups.items.length < 2) return null
  const columns = [
    {title: t("operate.reason"), main: true, cell: (/** @type {any} */ group) => group.reason},
    {title: t("operate.queue"), cell: (/** @type {any} */ group) => group.queue},
    {title: t("operate.type"), cell: (/** @type {any} */ group) => group.type ?? "–"},
    {title: t("operate.error_class"), cell: (/** @type {any} */ group) => group.error_class ?? "–"},
    {title: t("operate.count"), number: true, cell: (/** @type {any} */ group) => number(group.count)},
    {title: t("operate.newest"), cell: (/** @type {any} */ group) => html`<${When} at=${group.newest_at} ago />`},
    {title: "", cell: (/** @type {any} */ group) => html`<${Button} onClick=${() => choose({queue: group.queue, type: group.type, error_class: group.error_class, handler: group.handler, reason: group.reason})}>${t("operate.these")}<//>`},
  ]
  return html`
    <${Sheet} title=${t("operate.groups")}>
      <${Table} label=${t("operate.groups")} columns=${columns} rows=${groups.items} named=${(/** @type {any} */ _group, /** @type {number} */ index) => String(index)} />
      ${groups.more && html`<p class="hint">${t("operate.groups_more")}</p>`}
    <//>
  `
}

/** @param {{letters: ReturnType<typeof usePages>, about: {base: string, service: string}, state: string, reread: () => void}} of */
function Letters({letters, about, state, reread}) {
  if (!letters.items) return null
  if (!letters.items.length) return html`<${Nothing}>${t(`operate.letters_none_${state}`)}<//>`
  const redrive = (/** @type {any} */ letter) =>
    call("POST", `${about.base}/${letter.id}/redrive`).then(() => {
      say(t("operate.redriven"))
      reread()
    }, sayWrong)
  const look = (/** @type {any} */ letter) => ask(close => html`<${LetterDialog} base=${about.base} id=${letter.id} close=${close} done=${reread} />`)
  const columns = [
    {title: t("operate.reason"), main: true, cell: (/** @type {any} */ letter) => letter.reason},
    {title: t("operate.type"), cell: (/** @type {any} */ letter) => letter.type ?? letter.unreadable ?? "–"},
    {title: t("operate.queue"), cell: (/** @type {any} */ letter) => letter.queue},
    {title: t("operate.handler"), cell: (/** @type {any} */ letter) => letter.handler ?? "–"},
    {title: t("operate.receives"), number: true, cell: (/** @type {any} */ letter) => number(letter.receives)},
    {title: t("operate.died"), cell: (/** @type {any} */ letter) => html`<${When} at=${letter.dead_at} ago />`},
    {
      title: t("operate.acts"),
      cell: (/** @type {any} */ letter) => html`
        <span class="acts">
          <${Button} onClick=${() => look(letter)} aria-label=${t("operate.look_at", {name: letter.type ?? letter.id})}>${t("operate.look")}<//>
          ${letter.state === "waiting" && html`<${Button} onClick=${() => redrive(letter)} aria-label=${t("operate.redrive_one", {name: letter.type ?? letter.id})}>${t("operate.redrive")}<//>`}
        </span>
      `,
    },
  ]
  return html`
    <${Sheet} title=${t("operate.letters")}>
      <${Table} label=${t("operate.letters")} columns=${columns} rows=${letters.items} named=${(/** @type {any} */ letter) => letter.id} />
      <${More} more=${letters.more} busy=${letters.busy} />
    <//>
  `
}
