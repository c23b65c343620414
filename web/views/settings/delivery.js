/** One delivery: its attempts, what was answered, what was sent. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../../core/api.js"
import {moment, wholeMoment} from "../../core/format.js"
import {html} from "../../core/html.js"
import {known, t} from "../../core/texts.js"
import {say, sayWrong} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"

/** @param {string | null} error a stable word, as `status_500` or `timeout` */
const reasonOf = error => {
  if (!error) return ""
  if (error.startsWith("status_")) return t("attempt.status", {status: error.slice("status_".length)})
  return known(`attempt.${error}`) ? t(`attempt.${error}`) : error
}

/** @param {{path: string, delivery: any, again: () => void}} of */
export function Delivery({path, delivery, again}) {
  const open = useSignal(false)
  const whole = useSignal(/** @type {any} */ (null))
  const stamp = `${delivery.status} ${delivery.attempts}`
  useEffect(() => {
    if (open.value) call("GET", `${path}/${delivery.id}`).then(found => (whole.value = found), sayWrong)
  }, [open.value, stamp])
  const redeliver = () =>
    call("POST", `${path}/${delivery.id}/redeliver`).then(() => {
      say(t("deliveries.sent_again"))
      again()
    }, sayWrong)
  const facts = [
    t("deliveries.attempts", {count: delivery.attempts}),
    delivery.response_status && t("attempt.status", {status: String(delivery.response_status)}),
    delivery.latency_ms !== null && t("attempt.latency", {ms: delivery.latency_ms}),
    !delivery.response_status && reasonOf(delivery.error),
    delivery.next_attempt_at && delivery.attempts > 0 && t("deliveries.next", {time: moment(delivery.next_attempt_at)}),
  ]
  return html`
    <li>
      <details onToggle=${(/** @type {any} */ event) => (open.value = event.currentTarget.open)}>
        <summary>
          <span class="standing ${delivery.status}">${t(`delivery.${delivery.status}`)}</span>
          <code>${delivery.event_type}</code>
          <time datetime=${delivery.created_at} title=${wholeMoment(delivery.created_at)}>${moment(delivery.created_at)}</time>
          <span class="hint">${facts.filter(Boolean).join(" · ")}</span>
        </summary>
        ${whole.value && html`<${Whole} of=${whole.value} id=${path.startsWith("/v1/webhooks") ? "webhook-id" : "id"} />`}
        <${Button} onClick=${redeliver}>${t("deliveries.again")}<//>
      </details>
    </li>
  `
}

/** @param {{of: any, id: string}} delivery `id` is what its id is called among what was sent beside it */
const Whole = ({of, id}) => html`
  <p class="hint">${id} <code>${of.event_id}</code></p>
  ${of.log.length > 0 &&
  html`
    <ol class="attempts">
      ${of.log.map(
        (/** @type {any} */ attempt) => html`
          <li key=${attempt.attempt}>
            <span>
              ${t("attempt.title", {count: attempt.attempt})} · <time datetime=${attempt.at}>${wholeMoment(attempt.at)}</time> ·
              ${" "}${attempt.response_status ? t("attempt.status", {status: String(attempt.response_status)}) : reasonOf(attempt.error)} · ${t("attempt.latency", {ms: attempt.latency_ms})}
            </span>
            ${attempt.response_head && html`<pre tabindex="0" aria-label=${t("attempt.head")}>${attempt.response_head}</pre>`}
          </li>
        `,
      )}
    </ol>
  `}
  <h4>${t("deliveries.payload")}</h4>
  ${of.payload ? html`<pre tabindex="0" aria-label=${t("deliveries.payload")}>${JSON.stringify(of.payload, null, 2)}</pre>` : html`<p class="hint">${t("deliveries.no_payload")}</p>`}
`
