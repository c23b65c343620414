/** Making an account. Whoever made one is signed in at once. */

import {useSignal} from "@preact/signals"
import {call, oneKey} from "../core/api.js"
import {html} from "../core/html.js"
import {signIn} from "../core/session.js"
import {language, t} from "../core/texts.js"
import {say} from "../core/toasts.js"
import {Button} from "../parts/button.js"
import {Field} from "../parts/field.js"
import {useSending} from "./form.js"
import {Front} from "./front.js"

export function SignUp() {
  const [username, email, password] = [useSignal(""), useSignal(""), useSignal("")]
  const form = useSending(async () => {
    const body = {username: username.value.trim(), email: email.value.trim(), password: password.value, locale: language.value}
    await call("POST", "/v1/auth/register", {body, headers: oneKey(), anonymous: true})
    await signIn(body.username, body.password)
    say(t("sign_up.welcome", {email: body.email}))
  })
  const below = html`${t("sign_up.have_account")} <a href="/app/sign-in">${t("sign_in.action")}</a>`
  const changing = (/** @type {import("@preact/signals").Signal<string>} */ signal) => (/** @type {string} */ value) => (signal.value = value)
  return html`
    <${Front} title=${t("sign_up.title")} below=${below}>
      <form class="form" onSubmit=${form.send} noValidate>
        <${Field}
          ...${{label: t("sign_up.username"), name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: false}}
          ...${{required: true, focus: true, value: username.value, change: changing(username), error: form.at("/username")}}
        />
        <${Field}
          ...${{label: t("sign_up.email"), type: "email", name: "email", autocomplete: "email", required: true}}
          ...${{value: email.value, change: changing(email), error: form.at("/email")}}
        />
        <${Field}
          ...${{label: t("sign_in.password"), type: "password", name: "password", autocomplete: "new-password", required: true}}
          ...${{value: password.value, change: changing(password), error: form.at("/password"), hint: t("sign_up.password_hint")}}
        />
        ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
        <${Button} kind="main" type="submit" busy=${form.busy}>${t("sign_up.action")}<//>
      </form>
    <//>
  `
}
