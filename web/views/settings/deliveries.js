/** What a webhook was sent, and what became of it. Looks again now and then, sooner while something is on its way. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {Failed} from "../empty.js"
import {Delivery} from "./delivery.js"

const PAGE = 25
const STATES = ["delivered", "queued", "sending", "failed", "held"]
const SOON_MS = 1000
const LATER_MS = 5000

/**
 * @param {{path: string, sent: number}} of
 */
export function Deliveries({path, sent}) {
  const status = useSignal("")
  const items = useSignal(/** @type {any[] | null} */ (null))
  const next = useSignal(/** @type {string | null} */ (null))
  const error = useSignal(/** @type {unknown} */ (null))
  const asked = useSignal(0)
  /** @param {string | null} cursor */
  const read = async cursor => {
    const wanted = status.value
    try {
      const page = await call("GET", path, {query: {status: wanted, cursor, limit: PAGE}})
      if (wanted !== status.value) return
      items.value = cursor ? [...(items.value ?? []), ...page.items] : page.items
      next.value = page.next_cursor
      error.value = null
    } catch (caught) {
      error.value = caught
    }
  }
  useEffect(() => void read(null), [path, status.value, sent, asked.value])
  const open = items.value?.some(one => one.status === "sending" || (one.status === "queued" && Date.parse(one.next_attempt_at) < Date.now() + 10_000))
  useEffect(() => {
    // Whoever went on to older ones is not thrown back.
    if ((items.value?.length ?? 0) > PAGE) return
    const timer = setTimeout(() => asked.value++, open ? SOON_MS : LATER_MS)
    return () => clearTimeout(timer)
  }, [open, items.value, error.value])
  const choose = (/** @type {string} */ name) => {
    items.value = null
    status.value = name
  }
  return html`
    <div class="chips" role="group" aria-label=${t("deliveries.filter")}>
      ${["", ...STATES].map(name => html`<button type="button" class="chip" aria-pressed=${status.value === name} onClick=${() => choose(name)}>${name ? t(`delivery.${name}`) : t("deliveries.all")}</button>`)}
    </div>
    ${error.value !== null && html`<${Failed} error=${error.value} again=${() => read(null)} />`}
    ${items.value === null && error.value === null && html`<span class="spinner" role="status" aria-label=${t("loading")}></span>`}
    ${items.value?.length === 0 && html`<p class="hint">${t("deliveries.none")}</p>`}
    <ul class="deliveries">
      ${items.value?.map(one => html`<${Delivery} key=${one.id} path=${path} delivery=${one} again=${() => asked.value++} />`)}
    </ul>
    ${next.value && html`<${Button} onClick=${() => read(next.value)}>${t("deliveries.more")}<//>`}
  `
}
