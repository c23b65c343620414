/** How much anybody may ask for, who is held back now, and letting them go on. */

import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {Problem} from "../../core/problem.js"
import {t} from "../../core/texts.js"
import {say, sayWrong} from "../../core/toasts.js"
import {SERVICES} from "../../house/services.js"
import {Button} from "../../parts/button.js"
import {Table} from "../../parts/table.js"
import {Frame, Nothing, Sheet, Unread, When} from "./frame.js"
import {useReading} from "./use-reading.js"
import {lasting, number} from "./words.js"

const EVERY_MS = 10_000

/** @param {AbortSignal} signal */
async function readAll(signal) {
  const found = await Promise.allSettled(SERVICES.map(name => call("GET", `/v1/admin/${name}/limits`, {signal})))
  signal.throwIfAborted()
  const known = found.flatMap((one, index) => (one.status === "fulfilled" ? [{...one.value, service: SERVICES[index]}] : []))
  if (!known.length) throw found.find(one => one.status === "rejected")?.reason ?? new Problem(0, {code: "offline"})
  return known
}

export function LimitsPage() {
  const {value, error, again} = useReading(readAll, [], {every: EVERY_MS})
  const known = value.value
  const limited = known?.flatMap(({items, service}) => items.map((/** @type {any} */ one) => ({...one, service}))) ?? []
  const lift = (/** @type {any} */ one) =>
    call("POST", `/v1/admin/${one.service}/limits/lift`, {body: {policy: one.policy, who: one.who}}).then(() => {
      say(t("operate.lifted"))
      again()
    }, sayWrong)
  const columns = [
    {title: t("operate.who"), main: true, cell: (/** @type {any} */ one) => html`<${Who} who=${one.who} />`},
    {title: t("operate.service"), cell: (/** @type {any} */ one) => one.service},
    {title: t("operate.policy"), cell: (/** @type {any} */ one) => one.policy},
    {title: t("operate.refusals"), number: true, cell: (/** @type {any} */ one) => number(one.refused)},
    {title: t("operate.since"), cell: (/** @type {any} */ one) => html`<${When} at=${one.since} />`},
    {title: t("operate.until"), cell: (/** @type {any} */ one) => html`<${When} at=${one.until} />`},
    {title: t("operate.acts"), cell: (/** @type {any} */ one) => html`<${Button} aria-label=${t("operate.lift_for", {who: one.who})} onClick=${() => lift(one)}>${t("operate.lift")}<//>`},
  ]
  return html`
    <${Frame} of="limits">
      <${Unread} error=${error.value} again=${again} />
      ${known &&
      html`
        <${Sheet} title=${t("operate.limited")}>
          ${limited.length ? html`<${Table} label=${t("operate.limited")} columns=${columns} rows=${limited} named=${(/** @type {any} */ one) => one.service + one.policy + one.who} />` : html`<${Nothing}>${t("operate.nobody_limited")}<//>`}
        <//>
        <${Policies} known=${known} />
      `}
    <//>
  `
}

/** @param {{who: string}} of `user/<id>`, `address/<network>`, ... */
const Who = ({who}) => (who.startsWith("user/") ? html`<a href="/app/operate/people/${who.slice(5)}"><code>${who}</code></a>` : html`<code>${who}</code>`)

/** @param {{known: any[]}} of */
function Policies({known}) {
  const columns = [
    {title: t("operate.policy"), main: true, cell: (/** @type {any} */ policy) => policy.name},
    {title: t("operate.allowed"), cell: (/** @type {any} */ policy) => (policy.quota ? t("operate.allowed_so", {quota: number(policy.quota), time: lasting(policy.window_seconds)}) : t("operate.unlimited"))},
  ]
  return html`
    <${Sheet} title=${t("operate.policies")}>
      <p class="hint">${t(known[0].counted_in === "process" ? "operate.counted_process" : "operate.counted_shared")}</p>
      <${Table} label=${t("operate.policies")} columns=${columns} rows=${known[0].policies} named=${(/** @type {any} */ policy) => policy.name} />
    <//>
  `
}
