/** Who somebody is to others, and how things look here. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {user} from "../../core/session.js"
import {choose, language, LANGUAGES, t} from "../../core/texts.js"
import {theme, THEMES} from "../../core/theme.js"
import {say, sayWrong} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"
import {Photo} from "./photo.js"
import {Section} from "./section.js"

export function Profile() {
  const me = user.value
  return me && html`<${Me} me=${me} /><${Looks} />`
}

/** @param {{me: import("../../core/session.js").User}} of */
function Me({me}) {
  const name = useSignal(me.display_name)
  const mailed = useSignal(false)
  const form = useSending(async () => {
    user.value = {...me, ...(await call("PATCH", "/v1/me", {body: {display_name: name.value.trim()}}))}
    say(t("profile.kept"))
  })
  const again = () =>
    call("POST", "/v1/auth/verify-email/resend").then(() => {
      mailed.value = true
      say(t("settings.mailed", {email: me.email}))
    }, sayWrong)
  return html`
    <${Section} title=${t("settings.profile")}>
      <${Photo} me=${me} />
      <p>${t("profile.account", {name: me.username, email: me.email})}</p>
      ${!me.email_verified && html`<p class="hint">${t("settings.unverified")}</p><${Button} disabled=${mailed.value} onClick=${again}>${t("settings.mail_again")}<//>`}
      <form class="form" onSubmit=${form.send} noValidate>
        <${Field} ...${{label: t("profile.name"), name: "display_name", autocomplete: "name", required: true, hint: t("profile.name_hint")}} value=${name.value} change=${(/** @type {string} */ value) => (name.value = value)} error=${form.at("/display_name")} />
        ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
        <${Button} type="submit" busy=${form.busy} disabled=${name.value.trim() === me.display_name}>${t("action.save")}<//>
      </form>
    <//>
  `
}

const Looks = () => html`
  <${Section} title=${t("settings.looks")}>
    <div class="chips" role="group" aria-label=${t("settings.looks")}>
      ${THEMES.map(name => html`<button type="button" class="chip" aria-pressed=${theme.value === name} onClick=${() => (theme.value = name)}>${t(`theme.${name}`)}</button>`)}
    </div>
  <//>
  <${Section} title=${t("settings.language")}>
    <div class="chips" role="group" aria-label=${t("settings.language")}>
      ${Object.entries(LANGUAGES).map(([tag, name]) => html`<button type="button" class="chip" lang=${tag} aria-pressed=${language.value === tag} onClick=${() => choose(tag)}>${name}</button>`)}
    </div>
  <//>
`
