/** The second step of signing in: a code of an app, or a recovery code. */

import {useSignal} from "@preact/signals"
import {html} from "../core/html.js"
import {signInWithCode} from "../core/session.js"
import {t} from "../core/texts.js"
import {Button} from "../parts/button.js"
import {Field} from "../parts/field.js"
import {useSending} from "./form.js"

/** @param {{mfaToken: string, back: () => void}} of */
export function CodeForm({mfaToken, back}) {
  const code = useSignal("")
  const recovery = useSignal(false)
  const form = useSending(async () => {
    const shown = code.value.trim()
    await signInWithCode(mfaToken, recovery.value ? {recovery_code: shown} : {code: shown.replaceAll(" ", "")})
  })
  const swap = () => {
    recovery.value = !recovery.value
    code.value = ""
    form.error.value = null
  }
  return html`
    <form class="form" onSubmit=${form.send} noValidate>
      <${Field}
        key=${recovery.value}
        label=${recovery.value ? t("code.recovery") : t("code.code")}
        hint=${recovery.value ? t("code.recovery_hint") : undefined}
        name="code"
        autocomplete="one-time-code"
        inputMode=${recovery.value ? "text" : "numeric"}
        required
        focus
        value=${code.value}
        change=${(/** @type {string} */ value) => (code.value = value)}
      />
      ${form.error.value !== null && html`<p class="wrong" role="alert">${form.words ?? t("problem.mfa_invalid")}</p>`}
      <${Button} kind="main" type="submit" busy=${form.busy}>${t("sign_in.action")}<//>
      <button type="button" class="quiet-link" onClick=${swap}>${recovery.value ? t("code.use_code") : t("code.use_recovery")}</button>
      <button type="button" class="quiet-link" onClick=${back}>${t("action.back")}</button>
    </form>
  `
}
