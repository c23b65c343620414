/**
 * What visitors of a public link are offered. Bytes are counted as downloads, so nothing is played or shown whole before somebody
 * asks for it; pictures, and how a text begins, cost nothing.
 */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../core/api.js"
import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {sayWrong} from "../core/toasts.js"
import {givesBytes} from "../drive/deeds.js"
import {iconOf} from "../drive/item.js"
import {Button} from "../parts/button.js"
import {Icon} from "../parts/icon.js"
import {isKept, Media, Text, Written} from "./content.js"

/** @typedef {import("../drive/item.js").Item} Item */

/** Characters with which an excerpt ends. */
const EXCERPT = 500

/** @param {{text: string, icon?: string, run: () => void}} of */
const Offer = ({text, icon, run}) => html`
  <div class="offer"><${Button} kind="main" icon=${icon} onClick=${run}>${text}<//><span class="hint">${t("visit.counts")}</span></div>
`

/** A film or a recording. @param {{item: Item, picture: any, nothing: any}} of */
export function Offered({item, picture, nothing}) {
  const begun = useSignal(isKept(item))
  const failed = (/** @type {unknown} */ error) => {
    begun.value = false
    sayWrong(error)
  }
  if (begun.value) return html`<${Media} item=${item} nothing=${nothing} begin failed=${failed} />`
  return html`
    ${picture ?? html`<${Icon} name=${iconOf(item)} size=${72} />`}
    <${Offer} text=${t("visit.play")} icon="play" run=${() => (begun.value = true)} />
  `
}

/** How a text begins; all of it for whoever spends a download. @param {{item: Item, nothing: any}} of */
export function Beginning({item, nothing}) {
  /** Undefined while it is not known; null if nothing of it is. */
  const head = useSignal(/** @type {string | null | undefined} */ (undefined))
  const whole = useSignal(givesBytes.value && isKept(item))
  useEffect(() => {
    const stop = new AbortController()
    call("GET", `/v1/items/${item.id}/preview/info`, {signal: stop.signal}).then(
      info => (head.value = info.text_excerpt),
      () => stop.signal.aborted || (head.value = null),
    )
    return () => stop.abort()
  }, [item.id])
  const failed = (/** @type {unknown} */ error) => {
    whole.value = false
    sayWrong(error)
  }
  if (whole.value) return html`<${Text} item=${item} nothing=${nothing} failed=${failed} />`
  const text = head.value
  if (text === undefined) return html`<span class="spinner" role="status" aria-label=${t("loading")}></span>`
  if (text === null && (!givesBytes.value || !item.size)) return nothing
  const more = text === null || [...text].length >= EXCERPT
  return html`
    ${text === null ? html`<${Icon} name=${iconOf(item)} size=${72} />` : html`<${Written} item=${item} text=${text} more=${more} />`}
    ${more && (givesBytes.value ? html`<${Offer} text=${t("visit.show_all")} run=${() => (whole.value = true)} />` : html`<p class="hint">${t("visit.only_beginning")}</p>`)}
  `
}
