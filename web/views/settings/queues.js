/** Queues of one's own that are told: how each stands, and a form for another. */

import {useSignal} from "@preact/signals"
import {html} from "../../core/html.js"
import {go} from "../../core/router.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {QueueForm} from "./queue-form.js"
import {Read, useReading} from "./reading.js"
import {Section} from "./section.js"
import {Standing} from "./webhook-standing.js"

export function Queues() {
  const reading = useReading("/v1/subscriptions", {limit: "200"})
  const making = useSignal(false)
  return html`
    <${Section} title=${t("queues.title")} hint=${t("queues.hint")}>
      ${making.value
        ? html`<${QueueForm} taken=${(/** @type {any} */ queue) => go(`/app/settings/webhooks/${queue.id}`)} cancel=${() => (making.value = false)} />`
        : html`<${Button} icon="add" onClick=${() => (making.value = true)}>${t("queues.new")}<//>`}
      <${Read} reading=${reading}>
        ${(/** @type {{items: any[]}} */ {items}) => {
          const queues = items.filter(one => one.kind === "queue")
          if (!queues.length) return html`<p class="hint">${t("queues.none")}</p>`
          return html`<ul class="cards">${queues.map(queue => html`<${Queue} key=${queue.id} queue=${queue} />`)}</ul>`
        }}
      <//>
    <//>
  `
}

/** @param {{queue: any}} of */
const Queue = ({queue}) => html`
  <li>
    <div>
      <strong><a href="/app/settings/webhooks/${queue.id}">${queue.description || queue.address.split(":").pop()}</a></strong>
      <span class="hint">${queue.address}</span>
      <span class="hint">${queue.event_types.join(", ")}</span>
    </div>
    <${Standing} of=${queue} />
  </li>
`
