/** Signing in: name and password, then a code where a second factor is on. */

import {useSignal} from "@preact/signals"
import {html} from "../core/html.js"
import {Problem} from "../core/problem.js"
import {signIn} from "../core/session.js"
import {t} from "../core/texts.js"
import {Button} from "../parts/button.js"
import {Field} from "../parts/field.js"
import {later} from "../parts/later.js"
import {useSending} from "./form.js"
import {Front} from "./front.js"

const CodeForm = later(() => import("./code.js").then(module => module.CodeForm))

export function SignIn() {
  const mfaToken = useSignal(/** @type {string | null} */ (null))
  if (mfaToken.value !== null) {
    return html`
      <${Front} title=${t("code.title")} lead=${t("code.lead")}>
        <${CodeForm} mfaToken=${mfaToken.value} back=${() => (mfaToken.value = null)} />
      <//>
    `
  }
  const below = html`${t("sign_in.no_account")} <a href="/app/sign-up">${t("sign_up.title")}</a>`
  return html`
    <${Front} title=${t("sign_in.title")} below=${below}>
      <${PasswordForm} needsCode=${(/** @type {string} */ token) => (mfaToken.value = token)} />
    <//>
  `
}

/** @param {{needsCode: (mfaToken: string) => void, fixedLogin?: string}} of */
export function PasswordForm({needsCode, fixedLogin}) {
  const login = useSignal(fixedLogin ?? "")
  const password = useSignal("")
  const form = useSending(async () => {
    try {
      await signIn(login.value.trim(), password.value)
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "mfa_required") throw error
      needsCode(error.body.mfa_token)
    }
  })
  return html`
    <form class="form" onSubmit=${form.send} noValidate>
      <${Field}
        label=${t("sign_in.login")}
        name="username"
        autocomplete="username"
        autocapitalize="none"
        spellcheck=${false}
        required
        readOnly=${fixedLogin !== undefined}
        focus=${fixedLogin === undefined}
        value=${login.value}
        change=${(/** @type {string} */ value) => (login.value = value)}
      />
      <${Field}
        label=${t("sign_in.password")}
        type="password"
        name="password"
        autocomplete="current-password"
        required
        focus=${fixedLogin !== undefined}
        value=${password.value}
        change=${(/** @type {string} */ value) => (password.value = value)}
      />
      ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
      <${Button} kind="main" type="submit" busy=${form.busy}>${t("sign_in.action")}<//>
      ${fixedLogin === undefined && html`<a class="quiet-link" href="/app/forgot">${t("sign_in.forgot")}</a>`}
    </form>
  `
}
