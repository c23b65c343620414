/** What a service sends again in the background, how far it is, and ending it. */

import {useSignal} from "@preact/signals"
import {useEffect, useRef} from "preact/hooks"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say, sayWrong} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Table} from "../../parts/table.js"
import {When} from "./frame.js"
import {useReading} from "./use-reading.js"
import {number, word} from "./words.js"

const FAST_MS = 2000
const SLOW_MS = 15_000
const SHOWN = 5

/** @param {{service: string, fresh?: unknown, ended?: () => void}} of `fresh` changes when one was begun; `ended` hears of ends */
export function Replays({service, fresh, ended}) {
  const path = `/v1/admin/${service}/republish`
  const running = useSignal(false)
  const read = async (/** @type {AbortSignal} */ signal) => {
    const page = await call("GET", path, {query: {limit: SHOWN}, signal})
    running.value = page.items.some((/** @type {any} */ replay) => !replay.ended_at)
    return page
  }
  const reading = useReading(read, [path, fresh], {every: running.value ? FAST_MS : SLOW_MS})
  const rows = reading.value.value?.items ?? []
  const ran = useRef(false)
  useEffect(() => {
    if (ran.current && !running.value) ended?.()
    ran.current = running.value
  }, [running.value])
  if (!rows.length) return null
  const cancel = (/** @type {any} */ replay) =>
    call("POST", `${path}/${replay.id}/cancel`).then(() => {
      say(t("operate.replay_cancelled"))
      reading.again()
    }, sayWrong)
  const columns = [
    {title: t("operate.replay"), main: true, cell: (/** @type {any} */ replay) => word("replay", replay.kind)},
    {title: t("operate.state"), cell: (/** @type {any} */ replay) => word("state", replay.state)},
    {title: t("operate.sent"), number: true, cell: (/** @type {any} */ replay) => t("operate.sent_of", {sent: number(replay.sent), total: number(replay.total)})},
    {title: t("operate.left_out"), number: true, cell: (/** @type {any} */ replay) => number(replay.skipped + replay.missing)},
    {title: t("operate.begun"), cell: (/** @type {any} */ replay) => html`<${When} at=${replay.created_at} ago />`},
    {title: t("operate.last_error"), cell: (/** @type {any} */ replay) => replay.last_error ?? "–"},
    {title: "", cell: (/** @type {any} */ replay) => !replay.ended_at && html`<${Button} onClick=${() => cancel(replay)}>${t("action.cancel")}<//>`},
  ]
  return html`
    <h3>${t("operate.replays")}</h3>
    <${Table} label=${t("operate.replays_of", {service})} columns=${columns} rows=${rows} named=${(/** @type {any} */ replay) => replay.id} />
  `
}
