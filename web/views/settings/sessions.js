/** Where somebody is signed in, and how to end that. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {moment, wholeMoment} from "../../core/format.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say, sayWrong} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {Confirm} from "../confirm.js"
import {proved} from "../step-up.js"
import {Read, useReading} from "./reading.js"
import {Section} from "./section.js"

export function Sessions() {
  const reading = useReading("/v1/sessions")
  const ending = useSignal("")
  /** @param {any[]} sessions */
  const end = async sessions => {
    for (const {id} of sessions) {
      ending.value = id
      await proved(() => call("DELETE", `/v1/sessions/${id}`))
    }
  }
  /** @param {any[]} sessions */
  const endAndSay = sessions =>
    end(sessions)
      .then(() => say(t("sessions.ended", {count: sessions.length})))
      .finally(() => {
        ending.value = ""
        reading.look()
      })
  /** @param {any[]} others */
  const askAll = others =>
    ask(close => html`<${Confirm} title=${t("sessions.end_others")} text=${t("sessions.end_others_sure", {count: others.length})} action=${t("sessions.end_others")} run=${() => endAndSay(others)} close=${close} />`)
  return html`
    <${Section} title=${t("settings.sessions")} hint=${t("sessions.hint")}>
      <${Read} reading=${reading}>
        ${(/** @type {{items: any[]}} */ {items}) => {
          const others = items.filter(session => !session.current)
          return html`
            <ul class="cards">
              ${items.map(session => html`<${Session} key=${session.id} session=${session} busy=${ending.value === session.id} end=${() => endAndSay([session]).catch(sayWrong)} />`)}
            </ul>
            ${others.length > 1 && html`<${Button} onClick=${() => askAll(others)}>${t("sessions.end_others")}<//>`}
          `
        }}
      <//>
    <//>
  `
}

/** @param {{session: any, busy: boolean, end: () => void}} of */
function Session({session, busy, end}) {
  const name = session.device_name || session.agent || t("settings.some_device")
  return html`
    <li>
      <div>
        <strong>${name}</strong>
        <span class="hint">
          ${session.current ? t("settings.this_device") : html`<time datetime=${session.last_seen_at} title=${wholeMoment(session.last_seen_at)}>${t("sessions.seen", {time: moment(session.last_seen_at)})}</time>`}${session.address && ` · ${session.address}`}
        </span>
      </div>
      ${!session.current && html`<${Button} busy=${busy} aria-label=${t("sessions.end_one", {name})} onClick=${end}>${t("settings.end_session")}<//>`}
    </li>
  `
}
