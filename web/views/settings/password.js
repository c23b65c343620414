/** Another password. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {user} from "../../core/session.js"
import {Button} from "../../parts/button.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"
import {proved} from "../step-up.js"
import {Section} from "./section.js"

export function Password() {
  const [current, next] = [useSignal(""), useSignal("")]
  const form = useSending(async () => {
    await proved(() => call("POST", "/v1/me/password", {body: {current: current.value, new: next.value}}))
    current.value = next.value = ""
    say(t("password.changed"))
  })
  const changing = (/** @type {import("@preact/signals").Signal<string>} */ signal) => (/** @type {string} */ value) => (signal.value = value)
  return html`
    <${Section} title=${t("sign_in.password")} hint=${t("password.hint")}>
      <form class="form" onSubmit=${form.send} noValidate>
        <input class="unseen" type="text" autocomplete="username" value=${user.value?.username} readonly tabindex="-1" aria-hidden="true" />
        <${Field}
          ...${{label: t("password.current"), type: "password", name: "current", autocomplete: "current-password", required: true}}
          ...${{value: current.value, change: changing(current), error: form.at("/current")}}
        />
        <${Field}
          ...${{label: t("reset.password"), type: "password", name: "new", autocomplete: "new-password", required: true}}
          ...${{value: next.value, change: changing(next), error: form.at("/new"), hint: t("sign_up.password_hint")}}
        />
        ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
        <${Button} type="submit" busy=${form.busy}>${t("password.action")}<//>
      </form>
    <//>
  `
}
