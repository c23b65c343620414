/** Films, recordings and texts, by bytes that come straight from the storage. What is written is put into the page as text. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {html} from "../core/html.js"
import {visiting} from "../core/router.js"
import {t} from "../core/texts.js"
import {bytesOf} from "../drive/deeds.js"
import {Icon} from "../parts/icon.js"

/** @typedef {import("../drive/item.js").Item} Item */

const TEXT_BYTES = 256 * 1024
/** As long as there may be: of a film most is fetched later. */
const INLINE = /** @type {const} */ ({disposition: "inline", ttl: 900})
/** An address that is about to end is asked for anew. */
const MARGIN_MS = 60_000

/** @type {Map<string, {url: string, until: number}>} by version: visitors who come back to a file do not spend another download */
const kept = new Map()

/** Whether its bytes were asked for a moment ago. @param {Item} item */
export const isKept = item => (kept.get(item.version_id ?? "")?.until ?? 0) > Date.now() + MARGIN_MS

/**
 * Raises Problem.
 * @param {Item} item
 * @param {Parameters<typeof bytesOf>[1]} how
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
async function addressOf(item, how, signal) {
  if (visiting && isKept(item)) return /** @type {any} */ (kept.get(item.version_id ?? "")).url
  // A download that was spent is not given up because somebody turned a page.
  const {url, expires_at} = await bytesOf(item, how, visiting ? undefined : signal)
  if (visiting && item.version_id) kept.set(item.version_id, {url, until: Date.parse(expires_at)})
  return url
}

/** Whether this browser may be able to play it. @param {Item} item */
export const plays = item => document.createElement(item.type === "video" ? "video" : "audio").canPlayType(item.mime_type ?? "") !== ""

/**
 * What is fetched while an item is shown, null until it is there, and whether there is none.
 * @param {Item} item
 * @param {(signal: AbortSignal) => Promise<string>} load
 * @param {((error: unknown) => void) | undefined} failed
 */
function useFetched(item, load, failed) {
  const found = useSignal(/** @type {string | null} */ (null))
  const gone = useSignal(false)
  useEffect(() => {
    const stop = new AbortController()
    load(stop.signal).then(
      loaded => (found.value = loaded),
      error => {
        if (stop.signal.aborted) return
        gone.value = true
        failed?.(error)
      },
    )
    return () => stop.abort()
  }, [item.id])
  return {found, gone}
}

/** @param {{item: Item, nothing: any, begin?: boolean, failed?: (error: unknown) => void}} of `begin` without being asked once more */
export function Media({item, nothing, begin = false, failed}) {
  const {found: address, gone} = useFetched(item, signal => addressOf(item, INLINE, signal), failed)
  if (gone.value) return nothing
  if (address.value === null) return html`<span class="spinner" role="status" aria-label=${t("loading")}></span>`
  const broken = () => (gone.value = true)
  return item.type === "video"
    ? html`<video class="whole" src=${address.value} controls playsinline autoplay=${begin} aria-label=${item.name} poster=${item.preview.thumbnail_url ?? undefined} onError=${broken} />`
    : html`<div class="listening"><${Icon} name="audio" size=${72} /><audio src=${address.value} controls autoplay=${begin} aria-label=${item.name} onError=${broken} /></div>`
}

/** @param {{item: Item, nothing: any, failed?: (error: unknown) => void}} of */
export function Text({item, nothing, failed}) {
  const {found: text, gone} = useFetched(item, signal => textOf(item, signal), failed)
  if (gone.value) return nothing
  if (text.value === null) return html`<span class="spinner" role="status" aria-label=${t("loading")}></span>`
  return html`<${Written} item=${item} text=${text.value} more=${(item.size ?? 0) > TEXT_BYTES} />`
}

/** @param {{item: Item, text: string, more: boolean}} of */
export const Written = ({item, text, more}) => html`<pre class="reading" tabindex="0" role="group" aria-label=${item.name}>${text}${more ? "\n…" : ""}</pre>`

/**
 * The beginning of a text. Raises Problem, and Error if the storage does not give it.
 * @param {Item} item
 * @param {AbortSignal} signal
 */
async function textOf(item, signal) {
  const url = await addressOf(item, {}, signal)
  const headers = (item.size ?? 0) > TEXT_BYTES ? {Range: `bytes=0-${TEXT_BYTES - 1}`} : undefined
  const answer = await fetch(url, {headers, signal})
  if (!answer.ok) throw new Error(`the storage answered ${answer.status}`)
  return new TextDecoder().decode(await answer.arrayBuffer())
}
