/** Before security settings change: that it is still the same person in front of the screen. */

import {useSignal} from "@preact/signals"
import {call} from "../core/api.js"
import {html} from "../core/html.js"
import {Problem} from "../core/problem.js"
import {t} from "../core/texts.js"
import {Button} from "../parts/button.js"
import {Dialog} from "../parts/dialog.js"
import {ask} from "../parts/dialogs.js"
import {Field} from "../parts/field.js"
import {useSending} from "./form.js"

/**
 * Do something; if it takes a proof, ask for that and do it once more. Raises Problem, `step_up_required` if none was given.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function proved(work) {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "step_up_required") throw error
    await new Promise((done, refuse) => ask(close => html`<${StepUp} methods=${error.body.methods} done=${done} close=${() => (close(), refuse(error))} leave=${close} />`))
    return work()
  }
}

/**
 * A code of the app has six digits; all others are recovery codes.
 * @param {string} text
 */
export function codeIn(text) {
  const shown = text.replaceAll(" ", "").trim()
  return /^\d{6}$/.test(shown) ? {code: shown} : {recovery_code: shown}
}

/** @param {{methods: string[], done: (value: unknown) => void, close: () => void, leave: () => void}} of */
function StepUp({methods, done, close, leave}) {
  const [password, code] = [useSignal(""), useSignal("")]
  const withCode = methods.includes("totp")
  const form = useSending(async () => {
    await call("POST", "/v1/auth/step-up", {body: {password: password.value, ...(withCode && codeIn(code.value))}})
    leave()
    done(null)
  })
  const actions = html`
    <${Button} onClick=${close}>${t("action.cancel")}<//>
    <${Button} kind="main" type="submit" busy=${form.busy}>${t("step_up.action")}<//>
  `
  return html`
    <${Dialog} title=${t("step_up.title")} close=${close} submit=${form.send} actions=${actions}>
      <p>${t("step_up.lead")}</p>
      <${Field}
        ...${{label: t("sign_in.password"), type: "password", name: "password", autocomplete: "current-password", required: true, focus: true}}
        ...${{value: password.value, change: (/** @type {string} */ value) => (password.value = value)}}
      />
      ${withCode &&
      html`<${Field} ...${{label: t("step_up.code"), name: "code", autocomplete: "one-time-code", required: true, hint: t("step_up.code_hint")}} value=${code.value} change=${(/** @type {string} */ value) => (code.value = value)} />`}
      ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
    <//>
  `
}
