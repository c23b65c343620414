/** How much the whole installation is used: people, uploads, what is stored, what was refused. */

import {call} from "../../core/api.js"
import {bytes} from "../../core/format.js"
import {html} from "../../core/html.js"
import {go, query} from "../../core/router.js"
import {known, language, t} from "../../core/texts.js"
import {sayWrong} from "../../core/toasts.js"
import {largest} from "../../house/scale.js"
import {Button} from "../../parts/button.js"
import {Chart} from "../../parts/chart.js"
import {Choice, Frame, Unread, When} from "./frame.js"
import {keep} from "./keep.js"
import {useReading} from "./use-reading.js"
import {number} from "./words.js"

/** How far back, and in what steps one looks at it. */
const RANGES = /** @type {const} */ ({7: "day", 30: "day", 90: "week", 365: "month"})
const STEPS = ["day", "week", "month"]
const KINDS = 4
/** What was stored may become less. */
const signedBytes = (/** @type {number} */ count) => (count < 0 ? `−${bytes(-count)}` : bytes(count))

/** @typedef {{start: string} & Record<string, any>} Point */

/** @param {number} days */
const daysAgo = days => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)

export function UsagePage() {
  const range = query.value.get("range") ?? "30"
  const days = range in RANGES ? Number(range) : 30
  const step = STEPS.find(name => name === query.value.get("step")) ?? RANGES[/** @type {keyof typeof RANGES} */ (days)]
  const span = {scope: "house", from: daysAgo(days - 1), to: daysAgo(0)}
  const {value, error, again} = useReading(signal => call("GET", "/v1/analytics", {query: {...span, step}, signal}), [days, step])
  const choose = (/** @type {Record<string, string>} */ changes) => go(`/app/operate/usage?${new URLSearchParams({range: String(days), ...changes})}`, {replace: true})
  const fetching = () => keep("/v1/analytics/export", {...span, format: "csv"}, `coffer-usage-${span.from}-${span.to}.csv`).catch(sayWrong)
  const actions = html`
    <${Choice} label=${t("operate.range")} value=${String(days)} choices=${Object.keys(RANGES).map(name => [name, t("operate.days", {count: Number(name)})])} change=${(/** @type {string} */ name) => choose({range: name})} />
    <${Choice} label=${t("operate.step")} value=${step} choices=${STEPS.map(name => [name, t(`operate.step_${name}`)])} change=${(/** @type {string} */ name) => choose({step: name})} />
    <${Button} icon="download" onClick=${fetching}>CSV<//>
  `
  const figures = value.value
  return html`
    <${Frame} of="usage" actions=${actions}>
      <${Unread} error=${error.value} again=${again} />
      ${figures && html`<div class="charts"><${Charts} points=${figures.points} step=${figures.step} /></div><p class="hint">${t("operate.utc")} ${figures.counted_at && html`${t("operate.counted_at")} <${When} at=${figures.counted_at} />.`}</p>`}
    <//>
  `
}

/** @param {{points: Point[], step: string}} of */
function Charts({points, step}) {
  const starts = points.map(point => point.start)
  const startTitle = t(`operate.step_${step}`)
  const dayOf = (/** @type {string} */ start) => dated(start, step)
  const base = {starts, startTitle, dayOf, format: number}
  const of = (/** @type {(point: Point) => number | undefined} */ read) => points.map(point => read(point) ?? 0)
  const one = (/** @type {string} */ name, /** @type {(point: Point) => number | undefined} */ read) => ({name, values: of(read)})
  const total = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0)
  const uploads = byPart(points, point => point.uploads?.by_kind, "count")
  const bytesIn = byPart(points, point => point.uploads?.by_kind, "bytes")
  const stored = byPart(points, point => point.stored?.by_kind, "bytes")
  const rejects = byPart(points, point => point.rejects?.by_reason, "count", reasonName)
  const last = points.at(-1)
  return html`
    <${Chart} ...${base} title=${t("operate.chart_people")} sentence=${t("operate.chart_people_more", {count: total(of(point => point.users?.registered))})} series=${[one(t("operate.active"), point => point.users?.active)]} />
    <${Chart} ...${base} title=${t("operate.chart_uploads")} sentence=${t("operate.chart_uploads_more", {count: total(of(point => point.uploads?.count))})} series=${uploads} />
    <${Chart} ...${base} title=${t("operate.chart_bytes")} sentence=${t("operate.chart_bytes_more", {size: bytes(total(of(point => point.uploads?.bytes)))})} series=${bytesIn} format=${bytes} />
    <${Chart} ...${base} kind="area" title=${t("operate.chart_stored")} sentence=${t("operate.chart_stored_more", {size: bytes(last?.stored?.bytes ?? 0), count: last?.stored?.files ?? 0})} series=${stored} format=${bytes} />
    <${Chart} ...${base} title=${t("operate.chart_growth")} sentence=${t("operate.chart_growth_more", {size: signedBytes(total(of(point => point.stored?.bytes_added)))})} series=${[one(t("operate.growth"), point => point.stored?.bytes_added)]} format=${signedBytes} />
    <${Chart} ...${base} title=${t("operate.chart_rejects")} sentence=${t("operate.chart_rejects_more", {count: total(of(point => point.rejects?.count))})} series=${rejects} />
    <${Chart} ...${base} title=${t("operate.chart_previews")} sentence=${t("operate.chart_previews_more", {count: total(of(point => point.previews?.failed))})} series=${[one(t("operate.made"), point => point.previews?.made), one(t("operate.omitted"), point => point.previews?.omitted), one(t("operate.state_failed"), point => point.previews?.failed)]} />
    <${Chart} ...${base} title=${t("operate.chart_sharing")} sentence=${t("operate.chart_sharing_more", {count: total(of(point => point.shares?.created))})} series=${[one(t("operate.shares"), point => point.shares?.created), one(t("operate.links"), point => point.links?.created), one(t("operate.comments"), point => point.comments?.created)]} />
    <${Chart} ...${base} title=${t("operate.chart_downloads")} sentence=${t("operate.chart_downloads_more", {size: bytes(total(of(point => point.downloads?.bytes)))})} series=${[one(t("operate.downloads"), point => point.downloads?.count)]} />
  `
}

/**
 * One series for each of the largest parts, and one for all others.
 * @param {Point[]} points
 * @param {(point: Point) => Record<string, any> | undefined} read
 * @param {"count" | "bytes"} what
 * @param {(part: string) => string} [nameOf]
 */
function byPart(points, read, what, nameOf = kindName) {
  const amount = (/** @type {any} */ part) => Math.max(0, typeof part === "number" ? part : (part?.[what] ?? 0))
  const maps = points.map(point => Object.fromEntries(Object.entries(read(point) ?? {}).map(([name, part]) => [name, amount(part)])))
  const {names, rest} = largest(maps, KINDS)
  const series = names.map(name => ({name: nameOf(name), values: maps.map(map => map[name] ?? 0)}))
  if (rest) {
    const others = maps.map(map => Object.entries(map).reduce((sum, [name, value]) => (names.includes(name) ? sum : sum + value), 0))
    series.push({name: t("operate.others"), values: others})
  }
  return series.length ? series : [{name: t("operate.count"), values: maps.map(() => 0)}]
}

const kindName = (/** @type {string} */ kind) => (known(`kind.${kind}`) ? t(`kind.${kind}`) : kind)
const reasonName = (/** @type {string} */ reason) => reason.replaceAll("_", " ")

/**
 * Days are days in UTC.
 * @param {string} start
 * @param {string} step
 */
const dated = (start, step) =>
  new Intl.DateTimeFormat(language.value, {timeZone: "UTC", month: "short", ...(step === "month" ? {year: "numeric"} : {day: "numeric"})}).format(new Date(`${start}T00:00:00Z`))
