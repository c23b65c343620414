/**
 * Charts of our own, as SVG: bars on one another, or an area, over time. Whoever does not see them reads a table with the same
 * figures. Colours come from classes, because the page allows no styles within markup.
 */

import {useSignal} from "@preact/signals"
import {useId, useLayoutEffect, useRef} from "preact/hooks"
import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {labelled, ticks} from "../house/scale.js"
import {Table} from "./table.js"

/**
 * @typedef {{name: string, values: number[]}} Series
 * @typedef {{title: string, sentence: string, starts: string[], startTitle: string, series: Series[], format: (value: number) => string,
 *   dayOf: (start: string) => string, kind?: "bars" | "area"}} Given
 *   only a series that is alone may go below nought
 */

const HEIGHT = 190
const EDGE = {top: 10, bottom: 24, start: 58, end: 8}
const LABEL_ROOM = 68

/** @param {Given} given */
export function Chart(given) {
  const {title, sentence, starts, series, format, dayOf} = given
  const id = useId()
  const at = useSignal(/** @type {number | null} */ (null))
  const shown = at.value !== null && at.value < starts.length ? at.value : null
  return html`
    <figure class="chart" aria-labelledby="${id}-title">
      <figcaption>
        <h2 id="${id}-title">${title}</h2>
        <p class="hint">${sentence}</p>
      </figcaption>
      <ul class="legend" aria-hidden="true">
        ${series.map(
          ({name, values}, index) => html`
            <li><span class="swatch c${index}"></span>${name}${shown !== null && html` <strong>${format(values[shown])}</strong>`}</li>
          `,
        )}
        ${shown !== null && html`<li class="hint">${dayOf(starts[shown])}</li>`}
      </ul>
      <${Drawing} ...${given} id=${id} at=${at} />
      <details>
        <summary>${t("operate.as_table")}</summary>
        <${Figures} ...${given} />
      </details>
    </figure>
  `
}

/** @param {Given} of */
const Figures = ({title, starts, startTitle, series, format, dayOf}) => html`
  <div class="figures-table" tabindex="0" role="group" aria-label=${title}>
    <${Table}
      label=${title}
      rows=${starts.map((_, index) => index)}
      named=${(/** @type {number} */ index) => starts[index]}
      columns=${[
        {title: startTitle, main: true, cell: (/** @type {number} */ index) => dayOf(starts[index])},
        ...series.map(({name, values}) => ({title: name, number: true, cell: (/** @type {number} */ index) => format(values[index])})),
      ]}
    />
  </div>
`

/** @param {Given & {id: string, at: import("@preact/signals").Signal<number | null>}} of */
function Drawing({id, sentence, title, starts, series, format, dayOf, kind = "bars", at}) {
  const ref = useRef(/** @type {HTMLDivElement | null} */ (null))
  const width = useSignal(0)
  useLayoutEffect(() => {
    const box = /** @type {HTMLDivElement} */ (ref.current)
    const measure = new ResizeObserver(() => (width.value = Math.floor(box.clientWidth)))
    width.value = Math.floor(box.clientWidth)
    measure.observe(box)
    return () => measure.disconnect()
  }, [])
  const inner = Math.max(1, width.value - EDGE.start - EDGE.end)
  const slot = inner / Math.max(1, starts.length)
  const sums = starts.map((_, index) => series.reduce((total, {values}) => total + values[index], 0))
  const steps = ticks(Math.min(...sums), Math.max(...sums))
  const bottom = steps[0]
  const whole = steps[steps.length - 1] - bottom
  const y = (/** @type {number} */ value) => EDGE.top + (HEIGHT - EDGE.top - EDGE.bottom) * (1 - (value - bottom) / whole)
  const x = (/** @type {number} */ index) => EDGE.start + index * slot
  const pointed = (/** @type {PointerEvent & {currentTarget: Element}} */ event) => {
    const index = Math.floor((event.clientX - event.currentTarget.getBoundingClientRect().left - EDGE.start) / slot)
    at.value = index >= 0 && index < starts.length ? index : null
  }
  return html`
    <div class="drawing" ref=${ref}>
      ${width.value > 0 &&
      html`
        <svg width=${width.value} height=${HEIGHT} viewBox="0 0 ${width.value} ${HEIGHT}" role="img" aria-labelledby="${id}-name" onPointerMove=${pointed} onPointerLeave=${() => (at.value = null)}>
          <title id="${id}-name">${title}: ${sentence}</title>
          ${steps.map(
            step => html`
              <path class=${step === 0 ? "rule nought" : "rule"} d="M${EDGE.start} ${y(step)}H${EDGE.start + inner}" />
              <text class="axis" x=${EDGE.start - 8} y=${y(step) + 4} text-anchor="end">${format(step)}</text>
            `,
          )}
          ${at.value !== null && html`<rect class="pointed" x=${x(at.value)} y=${EDGE.top} width=${slot} height=${HEIGHT - EDGE.top - EDGE.bottom} />`}
          ${kind === "area" ? areas(series, starts, x, y, slot) : bars(series, starts, x, y, slot)}
          ${labelled(starts.length, inner, LABEL_ROOM).map(
            index => html`<text class="axis" x=${Math.min(x(index) + slot / 2, width.value - 24)} y=${HEIGHT - 6} text-anchor="middle">${dayOf(starts[index])}</text>`,
          )}
        </svg>
      `}
    </div>
  `
}

/**
 * @param {Series[]} series
 * @param {string[]} starts
 * @param {(index: number) => number} x
 * @param {(value: number) => number} y
 * @param {number} slot
 */
function bars(series, starts, x, y, slot) {
  const thick = Math.max(1, Math.min(36, slot * 0.7))
  return starts.map((start, index) => {
    let below = 0
    return html`
      <g key=${start}>
        ${series.map(({values}, number) => {
          const from = below
          below += values[index]
          return (
            values[index] !== 0 &&
            html`<rect class="mark c${number}" x=${x(index) + (slot - thick) / 2} y=${Math.min(y(from), y(below))} width=${thick} height=${Math.max(1, Math.abs(y(from) - y(below)))} />`
          )
        })}
      </g>
    `
  })
}

/**
 * @param {Series[]} series
 * @param {string[]} starts
 * @param {(index: number) => number} x
 * @param {(value: number) => number} y
 * @param {number} slot
 */
function areas(series, starts, x, y, slot) {
  const below = starts.map(() => 0)
  return series.map(({values}, number) => {
    const lower = starts.map((_, index) => `${x(index) + slot / 2} ${y(below[index])}`)
    values.forEach((value, index) => (below[index] += value))
    const upper = starts.map((_, index) => `${x(index) + slot / 2} ${y(below[index])}`)
    return html`<path class="mark area c${number}" d="M${upper.join("L")}L${lower.reverse().join("L")}Z" /><path class="edge c${number}" d="M${upper.join("L")}" />`
  })
}
