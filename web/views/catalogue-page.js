/** Every type of event that Coffer publishes: what it means, who hears it, its fields, its schema, and an example. For everybody. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../core/api.js"
import {html} from "../core/html.js"
import {place} from "../core/router.js"
import {isIn} from "../core/session.js"
import {t} from "../core/texts.js"
import {envelopeOf, fieldsOf} from "../house/schema.js"
import {Button} from "../parts/button.js"
import {Field} from "../parts/field.js"
import {Table} from "../parts/table.js"
import {Failed} from "./empty.js"
import {Mark} from "./mark.js"
import {useTitle} from "./title.js"

/** Within the drive for those who are in it, by itself for all others. */
export function CataloguePage() {
  const type = place.value[1]
  const page = type ? html`<${OneType} key=${type} type=${type} />` : html`<${AllTypes} />`
  if (isIn.value) return page
  return html`
    <div class="open-page">
      <header><a class="brand" href="/app/events"><${Mark} /><span>Coffer</span></a><a href="/app/sign-in">${t("sign_in.action")}</a></header>
      <main id="content">${page}</main>
    </div>
  `
}

/**
 * @param {string} path
 */
function useAnswer(path) {
  const value = useSignal(/** @type {any} */ (null))
  const error = useSignal(/** @type {unknown} */ (null))
  const read = () => {
    error.value = null
    return call("GET", path, {anonymous: true}).then(
      found => (value.value = found),
      caught => (error.value = caught),
    )
  }
  useEffect(() => void read(), [path])
  return {value, error, read}
}

/** @param {{title: string, children?: any, lead?: any}} of */
const Page = ({title, children, lead}) => html`
  <div class="page operate catalogue">
    <div class="page-head"><div class="page-title"><h1>${title}</h1></div></div>
    <div class="page-body" tabindex="0" role="group" aria-label=${title}>${lead}${children}</div>
  </div>
`

function AllTypes() {
  const title = t("events.title")
  useTitle(title)
  const {value, error, read} = useAnswer("/v1/events/types")
  const words = useSignal("")
  const hooks = useSignal(false)
  const types = /** @type {any[]} */ (value.value?.items ?? [])
  const wanted = words.value.trim().toLowerCase()
  const shown = types.filter(one => (!hooks.value || one.webhooks) && (one.type.includes(wanted) || one.meaning.toLowerCase().includes(wanted)))
  const producers = [...new Set(shown.map(one => one.producer))]
  const lead = html`
    <p class="lead">${t("events.lead")} <a href="/schema/asyncapi.json" target="_blank" rel="noopener">AsyncAPI</a></p>
    <div class="filters">
      <${Field} label=${t("events.find")} type="search" value=${words.value} change=${(/** @type {string} */ text) => (words.value = text)} autocomplete="off" />
      <button type="button" class="chip" aria-pressed=${hooks.value} onClick=${() => (hooks.value = !hooks.value)}>${t("events.only_webhooks")}</button>
      <span class="hint" role="status">${value.value ? t("events.count", {count: shown.length}) : ""}</span>
    </div>
  `
  return html`
    <${Page} title=${title} lead=${lead}>
      ${Boolean(error.value) && html`<${Failed} error=${error.value} again=${read} />`}
      ${producers.map(
        producer => html`
          <section class="sheet" key=${producer}>
            <header><h2>${producer}</h2></header>
            <ul class="types">
              ${shown.filter(one => one.producer === producer).map(one => html`<li key=${one.type}><a href="/app/events/${one.type}"><code>${one.type}</code></a><${Marks} of=${one} /><p lang="en">${one.meaning}</p></li>`)}
            </ul>
          </section>
        `,
      )}
    <//>
  `
}

/** @param {{of: any}} what */
const Marks = ({of}) => html`
  ${of.webhooks && html`<span class="mark-word">${t("events.webhooks")}</span>`}
  ${of.newer && html`<span class="mark-word old">${t("events.succeeded")}</span>`}
`

/** @param {{type: string}} of */
function OneType({type}) {
  useTitle(type)
  const {value, error, read} = useAnswer(`/v1/events/types/${encodeURIComponent(type)}`)
  const found = value.value
  const lead = html`<p><a href="/app/events">${t("events.all")}</a></p>`
  return html`
    <${Page} title=${type} lead=${lead}>
      ${Boolean(error.value) && html`<${Failed} error=${error.value} again=${read} />`}
      ${found && html`<${About} of=${found} /><${Fields} of=${found} /><${Source} title=${t("events.example")} value=${found.example} /><${Source} title=${t("events.schema")} value=${found.schema} />`}
    <//>
  `
}

/** @param {{of: any}} what */
const About = ({of}) => html`
  <section class="sheet">
    <p lang="en">${of.meaning}</p>
    <dl class="facts wide-facts">
      <div><dt>${t("events.producer")}</dt><dd>${of.producer}</dd></div>
      <div><dt>${t("events.subject")}</dt><dd><code>${of.subject}</code></dd></div>
      <div><dt>${t("events.major")}</dt><dd>${of.major}</dd></div>
      <div><dt>${t("events.consumers")}</dt><dd>${of.consumers.map((/** @type {any} */ one) => one.queue).join(", ") || t("events.nobody")}</dd></div>
      <div><dt>${t("events.webhooks")}</dt><dd>${t(of.webhooks ? "events.told" : "events.not_told")}</dd></div>
      ${of.newer && html`<div><dt>${t("events.newer")}</dt><dd><a href="/app/events/${of.newer}">${of.newer}</a></dd></div>`}
      ${of.older.length > 0 && html`<div><dt>${t("events.older")}</dt><dd>${of.older.map((/** @type {string} */ one) => html`<a href="/app/events/${one}">${one}</a> `)}</dd></div>`}
    </dl>
  </section>
`

/** @param {{of: any}} what */
function Fields({of}) {
  const columns = [
    {title: t("events.field"), main: true, cell: (/** @type {any} */ field) => html`<code>${field.path}</code>`},
    {title: t("events.type"), cell: (/** @type {any} */ field) => html`<code>${field.type}</code>`},
    {title: t("events.required"), cell: (/** @type {any} */ field) => t(field.required ? "events.always" : "events.perhaps")},
    {title: t("events.meaning"), cell: (/** @type {any} */ field) => html`<span lang="en">${field.meaning || "–"}</span>`},
  ]
  const named = (/** @type {any} */ field) => field.path
  return html`
    <section class="sheet">
      <header><h2>${t("events.data")}</h2></header>
      <${Table} label=${t("events.data")} columns=${columns} rows=${fieldsOf(of.schema)} named=${named} />
      <details>
        <summary>${t("events.envelope")}</summary>
        <${Table} label=${t("events.envelope")} columns=${columns} rows=${envelopeOf(of.schema)} named=${named} />
      </details>
    </section>
  `
}

/** @param {{title: string, value: unknown}} of */
function Source({title, value}) {
  const text = JSON.stringify(value, null, 2)
  const copied = useSignal(false)
  const copy = () => navigator.clipboard.writeText(text).then(() => (copied.value = true))
  // Browsers let nobody write there over a plain connection.
  const can = Boolean(navigator.clipboard)
  return html`
    <section class="sheet">
      <header><h2>${title}</h2>${can && html`<${Button} onClick=${copy}>${t(copied.value ? "events.copied" : "events.copy")}<//>`}</header>
      <pre class="source" tabindex="0" role="group" aria-label=${title}>${text}</pre>
    </section>
  `
}
