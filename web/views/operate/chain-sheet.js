/** How far the chain of the audit goes, and holding all of it against its hashes in this browser. */

import {useSignal} from "@preact/signals"
import {call, send} from "../../core/api.js"
import {html} from "../../core/html.js"
import {Problem, wordsFor} from "../../core/problem.js"
import {t} from "../../core/texts.js"
import {linesOf, verify} from "../../house/chain.js"
import {Button} from "../../parts/button.js"
import {Sheet, Sign, Unread} from "./frame.js"
import {useReading} from "./use-reading.js"
import {number} from "./words.js"

const SHOWN = 20

export function Chain() {
  const {value, error, again} = useReading(signal => call("GET", "/v1/audit/anchors", {query: {limit: 400}, signal}), [])
  const busy = useSignal(false)
  const count = useSignal(0)
  const verdict = useSignal(/** @type {import("../../house/chain.js").Verdict | null} */ (null))
  const wrong = useSignal(/** @type {unknown} */ (null))
  const check = async () => {
    busy.value = true
    count.value = 0
    verdict.value = wrong.value = null
    try {
      // Asked anew: what is anchored by now must be in what is exported after it.
      const {head, items, begins_after: begins} = await call("GET", "/v1/audit/anchors", {query: {limit: 400}})
      const answer = await send("GET", "/v1/audit/export", {})
      if (!answer.ok) throw await Problem.from(answer)
      verdict.value = await verify(linesOf(answer), begins, [head, ...items], heard => (count.value = heard))
    } catch (caught) {
      wrong.value = caught
    }
    busy.value = false
  }
  const head = value.value?.head
  // Browsers hash only where the connection is secure.
  const can = Boolean(globalThis.crypto?.subtle)
  return html`
    <${Sheet} title=${t("operate.chain")} more=${html`<${Button} busy=${busy.value} disabled=${!can || !head} onClick=${check}>${t("operate.verify")}<//>`}>
      <p class="hint">${t(can ? "operate.chain_lead" : "operate.chain_insecure")}</p>
      <${Unread} error=${error.value} again=${again} />
      ${head && html`<p>${t("operate.chain_head", {count: head.position})} <code>${head.hash.slice(0, 16)}…</code></p>`}
      <div role="status">
        ${busy.value && t("operate.verifying", {count: count.value})}
        ${verdict.value && html`<${Found} verdict=${verdict.value} />`}
        ${Boolean(wrong.value) && html`<p class="wrong">${wordsFor(wrong.value)}</p>`}
      </div>
    <//>
  `
}

/** @param {{verdict: import("../../house/chain.js").Verdict}} of */
const Found = ({verdict: {count, wrong}}) =>
  wrong.length === 0
    ? html`<${Sign} grade="good">${t("operate.chain_whole", {count})}<//>`
    : html`
        <${Sign} grade="wrong">${t("operate.chain_broken", {count: wrong.length})}<//>
        <ul>${wrong.slice(0, SHOWN).map(({kind, position}) => html`<li>${t(`operate.chain_${kind}`, {position: number(position)})}</li>`)}</ul>
      `
