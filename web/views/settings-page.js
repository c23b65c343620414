/** What somebody may set: how things look, and who they are. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../core/api.js"
import {moment} from "../core/format.js"
import {html} from "../core/html.js"
import {user} from "../core/session.js"
import {choose, language, LANGUAGES, t} from "../core/texts.js"
import {theme, THEMES} from "../core/theme.js"
import {say, sayWrong} from "../core/toasts.js"
import {Button} from "../parts/button.js"
import {Avatar} from "./avatar.js"
import {useTitle} from "./title.js"

export function SettingsPage() {
  useTitle(t("nav.settings"))
  return html`
    <div class="page settings">
      <div class="page-head"><div class="page-title"><h1>${t("nav.settings")}</h1></div></div>
      <div class="page-body">
        <${Profile} />
        <${Looks} />
        <${Sessions} />
      </div>
    </div>
  `
}

function Profile() {
  const me = user.value
  if (!me) return null
  const mailed = useSignal(false)
  const again = () =>
    call("POST", "/v1/auth/verify-email/resend").then(() => {
      mailed.value = true
      say(t("settings.mailed", {email: me.email}))
    }, sayWrong)
  return html`
    <section>
      <h2>${t("settings.profile")}</h2>
      <div class="profile">
        <${Avatar} person=${me} />
        <div><strong>${me.display_name || me.username}</strong><span>${me.email}</span></div>
      </div>
      ${!me.email_verified && html`<p class="hint">${t("settings.unverified")}</p><${Button} disabled=${mailed.value} onClick=${again}>${t("settings.mail_again")}<//>`}
    </section>
  `
}

const Looks = () => html`
  <section>
    <h2>${t("settings.looks")}</h2>
    <div class="chips" role="group" aria-label=${t("settings.looks")}>
      ${THEMES.map(name => html`<button type="button" class="chip" aria-pressed=${theme.value === name} onClick=${() => (theme.value = name)}>${t(`theme.${name}`)}</button>`)}
    </div>
    <h2>${t("settings.language")}</h2>
    <div class="chips" role="group" aria-label=${t("settings.language")}>
      ${Object.entries(LANGUAGES).map(([tag, name]) => html`<button type="button" class="chip" lang=${tag} aria-pressed=${language.value === tag} onClick=${() => choose(tag)}>${name}</button>`)}
    </div>
  </section>
`

function Sessions() {
  const sessions = useSignal(/** @type {any[]} */ ([]))
  const read = () => call("GET", "/v1/sessions").then(page => (sessions.value = page.items ?? page.sessions ?? page.devices ?? []), sayWrong)
  useEffect(() => void read(), [])
  const end = (/** @type {string} */ id) => call("DELETE", `/v1/sessions/${id}`).then(read, sayWrong)
  return html`
    <section>
      <h2>${t("settings.sessions")}</h2>
      <ul class="sessions">
        ${sessions.value.map(
          session => html`
            <li key=${session.id}>
              <div>
                <strong>${session.device_name ?? session.device ?? t("settings.some_device")}</strong>
                <span class="hint">${session.current ? t("settings.this_device") : moment(session.last_seen_at ?? session.created_at)}</span>
              </div>
              ${!session.current && html`<${Button} onClick=${() => end(session.id)}>${t("settings.end_session")}<//>`}
            </li>
          `,
        )}
      </ul>
    </section>
  `
}
