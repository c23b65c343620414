/** The second factor: an authenticator app, and codes for the day it is lost. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {wholeMoment} from "../../core/format.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"
import {codeIn, proved} from "../step-up.js"
import {Read, useReading} from "./reading.js"
import {Secret} from "./secret.js"
import {Section} from "./section.js"

/** @typedef {"begin" | "rotate" | "off" | ""} Doing */

export function Factor() {
  const reading = useReading("/v1/me/mfa")
  const doing = useSignal(/** @type {Doing} */ (""))
  const codes = useSignal(/** @type {string[]} */ ([]))
  const done = () => {
    doing.value = ""
    reading.look()
  }
  const told = (/** @type {{recovery_codes: string[]}} */ answer) => {
    codes.value = answer.recovery_codes
    done()
  }
  if (codes.value.length) {
    return html`
      <${Section} title=${t("factor.title")}>
        <${Secret} title=${t("factor.codes")} hint=${t("factor.codes_hint")} text=${codes.value.join("\n")} done=${() => (codes.value = [])} />
      <//>
    `
  }
  return html`
    <${Section} title=${t("factor.title")} hint=${t("factor.hint")}>
      <${Read} reading=${reading}>
        ${(/** @type {any} */ factor) => html`
          <p>${factor.totp_enabled ? t("factor.on", {time: wholeMoment(factor.totp_since)}) : t("factor.off")}</p>
          ${factor.totp_enabled && html`<p class="hint">${t("factor.left", {count: factor.recovery_codes_left})}</p>`}
          ${doing.value === "" &&
          html`
            <div class="row-of-buttons">
              ${factor.totp_enabled
                ? html`<${Button} onClick=${() => (doing.value = "rotate")}>${t("factor.rotate")}<//><${Button} onClick=${() => (doing.value = "off")}>${t("factor.turn_off")}<//>`
                : html`<${Button} onClick=${() => (doing.value = "begin")}>${t("factor.begin")}<//>`}
            </div>
          `}
          ${doing.value === "begin" && html`<${Setup} told=${told} cancel=${() => (doing.value = "")} />`}
          ${doing.value === "rotate" && html`<${Rotate} told=${told} cancel=${() => (doing.value = "")} />`}
          ${doing.value === "off" && html`<${TurnOff} done=${done} cancel=${() => (doing.value = "")} />`}
        `}
      <//>
    <//>
  `
}

/** @param {{told: (answer: any) => void, cancel: () => void}} of */
function Setup({told, cancel}) {
  const [password, code] = [useSignal(""), useSignal("")]
  const setup = useSignal(/** @type {{secret: string, otpauth_uri: string, qr_svg: string} | null} */ (null))
  const form = useSending(async () => {
    if (setup.value) told(await proved(() => call("POST", "/v1/me/mfa/totp/confirm", {body: {code: code.value.replaceAll(" ", "")}})))
    else setup.value = await call("POST", "/v1/me/mfa/totp", {body: {password: password.value}})
  })
  const {secret, otpauth_uri: address, qr_svg: picture} = setup.value ?? {secret: "", otpauth_uri: "", qr_svg: ""}
  return html`
    <form class="form" onSubmit=${form.send} noValidate>
      ${setup.value
        ? html`
            <p>${t("factor.scan")}</p>
            <img class="qr" src=${`data:image/svg+xml,${encodeURIComponent(picture)}`} alt=${t("factor.qr")} />
            <p class="hint">${t("factor.by_hand")} <code>${secret}</code> <a href=${address}>${t("factor.open_app")}</a></p>
            <${Field} key="code" ...${{label: t("code.code"), name: "code", autocomplete: "one-time-code", inputMode: "numeric", required: true, focus: true}} value=${code.value} change=${(/** @type {string} */ value) => (code.value = value)} />
          `
        : html`<${PasswordField} password=${password} focus />`}
      <${Foot} form=${form} action=${setup.value ? t("factor.confirm") : t("factor.go_on")} cancel=${cancel} />
    </form>
  `
}

/** @param {{told: (answer: any) => void, cancel: () => void}} of */
function Rotate({told, cancel}) {
  const code = useSignal("")
  const form = useSending(async () => told(await proved(() => call("POST", "/v1/me/mfa/recovery-codes", {body: {code: code.value.replaceAll(" ", "")}}))))
  return html`
    <form class="form" onSubmit=${form.send} noValidate>
      <p>${t("factor.rotate_hint")}</p>
      <${Field} ...${{label: t("code.code"), name: "code", autocomplete: "one-time-code", inputMode: "numeric", required: true, focus: true}} value=${code.value} change=${(/** @type {string} */ value) => (code.value = value)} />
      <${Foot} form=${form} action=${t("factor.rotate")} cancel=${cancel} />
    </form>
  `
}

/** @param {{done: () => void, cancel: () => void}} of */
function TurnOff({done, cancel}) {
  const [password, code] = [useSignal(""), useSignal("")]
  const form = useSending(async () => {
    await call("DELETE", "/v1/me/mfa/totp", {body: {password: password.value, ...codeIn(code.value)}})
    say(t("factor.off"))
    done()
  })
  return html`
    <form class="form" onSubmit=${form.send} noValidate>
      <${PasswordField} password=${password} focus />
      <${Field} ...${{label: t("step_up.code"), name: "code", autocomplete: "one-time-code", required: true, hint: t("step_up.code_hint")}} value=${code.value} change=${(/** @type {string} */ value) => (code.value = value)} />
      <${Foot} form=${form} action=${t("factor.turn_off")} cancel=${cancel} danger />
    </form>
  `
}

/** @param {{password: import("@preact/signals").Signal<string>, focus?: boolean}} of */
const PasswordField = ({password, focus}) => html`
  <${Field}
    ...${{label: t("sign_in.password"), type: "password", name: "password", autocomplete: "current-password", required: true, focus}}
    ...${{value: password.value, change: (/** @type {string} */ value) => (password.value = value)}}
  />
`

/** @param {{form: ReturnType<typeof useSending>, action: string, cancel: () => void, danger?: boolean}} of */
const Foot = ({form, action, cancel, danger}) => html`
  ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
  <div class="row-of-buttons">
    <${Button} kind=${danger ? "danger" : "main"} type="submit" busy=${form.busy}>${action}<//>
    <${Button} onClick=${cancel}>${t("action.cancel")}<//>
  </div>
`
