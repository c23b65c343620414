/** Public links that somebody complains of: found by their address, shut, and given back. Links are listed to their makers only. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {Problem} from "../../core/problem.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {Field} from "../../parts/field.js"
import {Table} from "../../parts/table.js"
import {useSending} from "../form.js"
import {Frame, Nothing, Sheet, Sign, Unread, When} from "./frame.js"
import {PutBack, TakeDown} from "./takedown-dialogs.js"
import {useReading} from "./use-reading.js"
import {number} from "./words.js"

const EVERY_MS = 5000
const ACTS = ["link.taken_down", "link.put_back"]
const SHOWN = 50

/**
 * Acts on links as the audit has them, the newest first, each with whether it is what holds now.
 * @param {AbortSignal} signal
 */
async function readActs(signal) {
  const pages = await Promise.all(ACTS.map(action => call("GET", "/v1/audit", {query: {action, limit: SHOWN}, signal})))
  const acts = pages.flatMap(page => page.items).sort((a, b) => Date.parse(b.time) - Date.parse(a.time))
  const seen = new Set()
  return acts.map(act => {
    const newest = !seen.has(act.resource.id)
    seen.add(act.resource.id)
    return {...act, holds: newest && act.action === ACTS[0]}
  })
}

export function LinksPage() {
  // Whoever has the address is let in by it: it stays out of the address of this page.
  const address = useSignal("")
  const found = useSignal(/** @type {any} */ (null))
  const acts = useReading(readActs, [], {every: EVERY_MS})
  const finding = useSending(async () => {
    found.value = null
    found.value = await call("POST", "/v1/admin/sharing/links/lookup", {body: {address: address.value.trim()}})
  })
  const missing = finding.error.value instanceof Problem && finding.error.value.status === 404
  const done = (/** @type {any} */ link) => {
    if (found.value?.id === link.id) found.value = link
    acts.again()
  }
  return html`
    <${Frame} of="links">
      <form class="filters" role="search" onSubmit=${finding.send} noValidate>
        <${Field} label=${t("operate.link_address")} value=${address.value} change=${(/** @type {string} */ text) => (address.value = text)} error=${finding.at("/address") ?? (missing ? t("operate.no_link") : (finding.words ?? undefined))} autocomplete="off" spellcheck=${false} />
        <${Button} kind="main" type="submit" busy=${finding.busy} disabled=${!address.value.trim()}>${t("operate.find")}<//>
      </form>
      <p class="hint lead">${t("operate.links_lead")}</p>
      ${found.value && html`<${Found} link=${found.value} done=${done} />`}
      <${Sheet} title=${t("operate.links_acts")}>
        <${Unread} error=${acts.error.value} again=${acts.again} />
        ${acts.value.value && (acts.value.value.length ? html`<${Acts} acts=${acts.value.value} done=${done} />` : html`<${Nothing}>${t("operate.no_links_acts")}<//>`)}
      <//>
    <//>
  `
}

/** @param {{link: any, done: (link: any) => void}} of */
function Found({link, done}) {
  const down = link.taken_down
  const grade = down ? "wrong" : link.state === "active" ? "good" : "off"
  return html`
    <${Sheet} title=${link.item.name} more=${html`<${Sign} grade=${grade}>${t(`link_state.${link.state}`)}<//>`}>
      <dl class="facts wide-facts">
        <div><dt>${t("operate.owner")}</dt><dd><${Person} of=${link.item.owner} /></dd></div>
        <div><dt>${t("operate.made_by")}</dt><dd><${Person} of=${link.created_by} /></dd></div>
        <div><dt>${t("operate.link_mode")}</dt><dd>${t(`link_mode.${link.mode}`)}</dd></div>
        <div><dt>${t("operate.link_downloads")}</dt><dd>${number(link.downloads)}</dd></div>
        <div><dt>${t("operate.since")}</dt><dd><${When} at=${link.created_at} /></dd></div>
        ${link.expires_at && html`<div><dt>${t("operate.until")}</dt><dd><${When} at=${link.expires_at} /></dd></div>`}
        ${down && html`<div><dt>${t("operate.down_since")}</dt><dd><${When} at=${down.at} /></dd></div><div><dt>${t("operate.reason")}</dt><dd>${down.reason}</dd></div>`}
      </dl>
      <div class="acts">
        ${down
          ? html`<${Button} onClick=${() => ask(close => html`<${PutBack} kind="link" id=${link.id} name=${link.item.name} close=${close} done=${done} />`)}>${t("operate.put_back_link")}<//>`
          : html`<${Button} kind="danger" onClick=${() => ask(close => html`<${TakeDown} kind="link" id=${link.id} name=${link.item.name} close=${close} done=${done} />`)}>${t("operate.take_down_link")}<//>`}
      </div>
    <//>
  `
}

/** @param {{of: any}} person */
const Person = ({of}) => html`<a href="/app/operate/people/${of.id}">${of.username ?? of.id.slice(-12)}</a>`

/** @param {{acts: any[], done: (link: any) => void}} of */
function Acts({acts, done}) {
  const short = (/** @type {any} */ act) => act.resource.id.slice(-12)
  const asking = (/** @type {any} */ act) => ask(close => html`<${PutBack} kind="link" id=${act.resource.id} name=${short(act)} close=${close} done=${done} />`)
  const columns = [
    {title: t("operate.link"), main: true, cell: (/** @type {any} */ act) => html`<code>${short(act)}</code>`},
    {title: t("operate.what"), cell: (/** @type {any} */ act) => t(act.action === ACTS[0] ? "operate.taken_down" : "operate.was_put_back")},
    {title: t("operate.reason"), cell: (/** @type {any} */ act) => act.detail.reason ?? "–"},
    {title: t("operate.time"), cell: (/** @type {any} */ act) => html`<${When} at=${act.time} />`},
    {title: t("operate.owner"), cell: (/** @type {any} */ act) => (act.resource.owner_id ? html`<a href="/app/operate/people/${act.resource.owner_id}"><code>${act.resource.owner_id.slice(-12)}</code></a>` : "–")},
    {title: t("operate.acts"), cell: (/** @type {any} */ act) => (act.holds ? html`<${Button} aria-label=${t("operate.put_back_one", {name: short(act)})} onClick=${() => asking(act)}>${t("operate.put_back_link")}<//>` : "–")},
  ]
  return html`<${Table} label=${t("operate.links_acts")} columns=${columns} rows=${acts} named=${(/** @type {any} */ act) => act.id} />`
}
