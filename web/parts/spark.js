/** A small line of how something went lately; what it says is in its name. */

import {html} from "../core/html.js"

const WIDTH = 120
const HEIGHT = 28
const MOST = 60

/** @param {{label: string, values: number[]}} of oldest first */
export function Spark({label, values}) {
  const top = Math.max(1, ...values)
  const step = WIDTH / (MOST - 1)
  const from = WIDTH - (values.length - 1) * step
  const points = values.map((value, index) => `${(from + index * step).toFixed(1)},${(HEIGHT - 2 - (value / top) * (HEIGHT - 4)).toFixed(1)}`)
  return html`
    <svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
      <path class="spark-ground" d="M0 ${HEIGHT - 2}H${WIDTH}" />
      ${values.length > 1 && html`<polyline points=${points.join(" ")} />`}
    </svg>
  `
}
