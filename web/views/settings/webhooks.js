/** Programs that are told what happens: webhooks, and queues of one's own. One of them in full below its own address. */

import {useSignal} from "@preact/signals"
import {html} from "../../core/html.js"
import {go} from "../../core/router.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {Read, useReading} from "./reading.js"
import {Secret} from "./secret.js"
import {Section} from "./section.js"
import {QueuePage} from "./queue-page.js"
import {Queues} from "./queues.js"
import {WebhookForm} from "./webhook-form.js"
import {WebhookPage} from "./webhook-page.js"
import {Standing} from "./webhook-standing.js"

/** @param {{id?: string}} of */
export const Webhooks = ({id}) => (id ? html`<${One} id=${id} />` : html`<${All} /><${Queues} />`)

/** @param {{id: string}} of */
function One({id}) {
  const reading = useReading(`/v1/subscriptions/${id}`)
  const {found, look} = reading
  return html`
    <p><a href="/app/settings/webhooks">${t("webhooks.back")}</a></p>
    <${Read} reading=${reading}>
      ${(/** @type {any} */ one) =>
        one.kind === "queue" ? html`<${QueuePage} queue=${one} changed=${(/** @type {any} */ next) => (found.value = next)} look=${look} />` : html`<${WebhookPage} id=${id} />`}
    <//>
  `
}

function All() {
  const reading = useReading("/v1/webhooks")
  const making = useSignal(false)
  const made = useSignal(/** @type {any} */ (null))
  const taken = (/** @type {any} */ webhook) => {
    made.value = webhook
    making.value = false
    reading.look()
  }
  return html`
    <${Section} title=${t("section.webhooks")} hint=${t("webhooks.hint")}>
      ${made.value && html`<${Secret} title=${t("webhooks.secret")} hint=${t("webhooks.secret_hint")} text=${made.value.secret} done=${() => go(`/app/settings/webhooks/${made.value.id}`)} />`}
      ${making.value && html`<${WebhookForm} taken=${taken} cancel=${() => (making.value = false)} />`}
      ${!making.value && !made.value && html`<${Button} icon="add" onClick=${() => (making.value = true)}>${t("webhooks.new")}<//>`}
      <${Read} reading=${reading}>
        ${(/** @type {{items: any[]}} */ {items}) =>
          items.length
            ? html`
                <ul class="cards">
                  ${items.map(
                    webhook => html`
                      <li key=${webhook.id}>
                        <div>
                          <strong><a href="/app/settings/webhooks/${webhook.id}">${webhook.description || webhook.url}</a></strong>
                          ${webhook.description && html`<span class="hint">${webhook.url}</span>`}
                          <span class="hint">${webhook.event_types.join(", ")}</span>
                        </div>
                        <${Standing} of=${webhook} />
                      </li>
                    `,
                  )}
                </ul>
              `
            : html`<p class="hint">${t("webhooks.none")}</p>`}
      <//>
    <//>
  `
}
