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
import {Media, plays, Text} from "./content.js"
import {Beginning, Offered} from "./offered.js"

/** @typedef {import("../drive/item.js").Item} Item */

const TRIES = 8

/** @param {{item: Item}} of */
export function Viewer({item}) {
  const picture = item.preview.status === "ready" || item.preview.status === "pending" ? html`<${Pages} item=${item} />` : null
  const nothing = html`<${Nothing} item=${item} />`
  if (item.type === "text" && !item.flags.includes("active_content")) {
    const shown = visiting ? Beginning : Text
    return html`<${shown} item=${item} nothing=${nothing} />`
  }
  if (item.type === "video" || item.type === "audio") {
    if (!visiting) return html`<${Media} item=${item} nothing=${nothing} />`
    if (givesBytes.value && plays(item)) return html`<${Offered} item=${item} picture=${picture} nothing=${nothing} />`
  }
  return picture ?? nothing
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
const Nothing = ({item}) => html`
  <div class="nothing">
    <${Icon} name=${iconOf(item)} size=${72} />
    <p>${kindOf(item)} · ${bytes(item.size)}</p>
    <p class="hint">${t("lightbox.none")}</p>
    ${givesBytes.value && html`<${Button} kind="main" icon="download" onClick=${() => download([item])}>${t("action.download")}<//>`}
  </div>
`
