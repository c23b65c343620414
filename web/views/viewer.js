/** The content of a file, as far as a browser can show it safely. Bytes come from the storage, never from this page's address. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call, send} from "../core/api.js"
import {bytes} from "../core/format.js"
import {html} from "../core/html.js"
import {visiting} from "../core/router.js"
import {t} from "../core/texts.js"
import {download, givesBytes} from "../drive/deeds.js"
import {iconOf, kindOf} from "../drive/item.js"
import {Button, IconButton} from "../parts/button.js"
import {Icon} from "../parts/icon.js"

/** @typedef {import("../drive/item.js").Item} Item */

const TEXT_BYTES = 256 * 1024
const TRIES = 8

/** @param {{item: Item}} of */
export function Viewer({item}) {
  // Bytes of a link are counted as downloads: visitors look at pictures.
  if (visiting) return item.preview.status === "none" || item.preview.status === "failed" ? html`<${Nothing} item=${item} />` : html`<${Pages} item=${item} />`
  if (item.type === "video" || item.type === "audio") return html`<${Media} item=${item} />`
  if (item.type === "text" && !item.flags.includes("active_content")) return html`<${Text} item=${item} />`
  if (item.preview.status === "ready" || item.preview.status === "pending") return html`<${Pages} item=${item} />`
  return html`<${Nothing} item=${item} />`
}

/** @param {{item: Item}} of */
function Pages({item}) {
  const page = useSignal(1)
  const count = useSignal(1)
  useEffect(() => {
    if (item.type !== "document") return
    const stop = new AbortController()
    call("GET", `/v1/items/${item.id}/preview/info`, {signal: stop.signal}).then(
      info => (count.value = info.facts.page_count ?? 1),
      () => undefined,
    )
    return () => stop.abort()
  }, [item.id])
  return html`
    <${Picture} key=${page.value} item=${item} page=${count.value > 1 ? page.value : undefined} />
    ${count.value > 1 &&
    html`
      <div class="pager">
        <${IconButton} icon="back" label=${t("pages.before")} disabled=${page.value === 1} onClick=${() => page.value--} />
        <span role="status">${t("pages.at", {page: page.value, count: count.value})}</span>
        <${IconButton} icon="chevron" label=${t("pages.after")} disabled=${page.value === count.value} onClick=${() => page.value++} />
      </div>
    `}
  `
}

/** @param {{item: Item, page?: number}} of */
function Picture({item, page}) {
  const address = useSignal("")
  const gone = useSignal(false)
  useEffect(() => {
    const stop = new AbortController()
    let made = ""
    picture(item.id, page, stop.signal).then(
      blob => (address.value = made = URL.createObjectURL(blob)),
      () => stop.signal.aborted || (gone.value = true),
    )
    return () => {
      stop.abort()
      URL.revokeObjectURL(made)
    }
  }, [item.id, page])
  if (gone.value) return html`<${Nothing} item=${item} />`
  if (address.value) return html`<img class="whole" src=${address.value} alt=${item.name} />`
  const {thumbnail_url: small} = item.preview
  return small ? html`<img class="whole soft" src=${small} alt="" />` : html`<span class="spinner" role="status" aria-label=${t("loading")}></span>`
}

/**
 * The big preview; waits while it is being made. Raises Error if there is none.
 * @param {string} id
 * @param {number | undefined} page
 * @param {AbortSignal} signal
 */
async function picture(id, page, signal) {
  for (let tries = 0; tries < TRIES; tries++) {
    const answer = await send("GET", `/v1/items/${id}/preview`, {query: {size: "large", page}, signal})
    if (answer.status === 200) return answer.blob()
    if (answer.status !== 202) break
    const seconds = Number(answer.headers.get("Retry-After")) || 1
    await new Promise(go => setTimeout(go, seconds * 1000))
  }
  throw new Error("no picture")
}

/** @param {{item: Item}} of */
function Media({item}) {
  const address = useSignal("")
  const gone = useSignal(false)
  useEffect(() => {
    const stop = new AbortController()
    call("GET", `/v1/items/${item.id}/download-url`, {query: {disposition: "inline", ttl: 900}, signal: stop.signal}).then(
      found => (address.value = found.url),
      () => stop.signal.aborted || (gone.value = true),
    )
    return () => stop.abort()
  }, [item.id])
  if (gone.value) return html`<${Nothing} item=${item} />`
  if (!address.value) return html`<span class="spinner" role="status" aria-label=${t("loading")}></span>`
  const failed = () => (gone.value = true)
  return item.type === "video"
    ? html`<video class="whole" src=${address.value} controls playsinline poster=${item.preview.thumbnail_url ?? undefined} onError=${failed} />`
    : html`<div class="listening"><${Icon} name="audio" size=${72} /><audio src=${address.value} controls aria-label=${item.name} onError=${failed} /></div>`
}

/** @param {{item: Item}} of */
function Text({item}) {
  const text = useSignal(/** @type {string | null} */ (null))
  const gone = useSignal(false)
  useEffect(() => {
    const stop = new AbortController()
    textOf(item, stop.signal).then(
      found => (text.value = found),
      () => stop.signal.aborted || (gone.value = true),
    )
    return () => stop.abort()
  }, [item.id])
  if (gone.value) return html`<${Nothing} item=${item} />`
  if (text.value === null) return html`<span class="spinner" role="status" aria-label=${t("loading")}></span>`
  return html`<pre class="reading" tabindex="0" aria-label=${item.name}>${text.value}${(item.size ?? 0) > TEXT_BYTES ? "\n…" : ""}</pre>`
}

/**
 * The beginning of a text. Raises Error if the storage does not give it.
 * @param {Item} item
 * @param {AbortSignal} signal
 */
async function textOf(item, signal) {
  const {url} = await call("GET", `/v1/items/${item.id}/download-url`, {signal})
  const headers = (item.size ?? 0) > TEXT_BYTES ? {Range: `bytes=0-${TEXT_BYTES - 1}`} : undefined
  const answer = await fetch(url, {headers, signal})
  if (!answer.ok) throw new Error(`the storage answered ${answer.status}`)
  return new TextDecoder().decode(await answer.arrayBuffer())
}

/** @param {{item: Item}} of */
const Nothing = ({item}) => html`
  <div class="nothing">
    <${Icon} name=${iconOf(item)} size=${72} />
    <p>${kindOf(item)} · ${bytes(item.size)}</p>
    <p class="hint">${t("lightbox.none")}</p>
    ${givesBytes.value && html`<${Button} kind="main" icon="download" onClick=${() => download([item])}>${t("action.download")}<//>`}
  </div>
`
