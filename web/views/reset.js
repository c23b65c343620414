/** Setting another password with the link of a mail. */

import {useSignal} from "@preact/signals"
import {useMemo} from "preact/hooks"
import {call} from "../core/api.js"
import {html} from "../core/html.js"
import {takeToken} from "../core/router.js"
import {t} from "../core/texts.js"
import {Button} from "../parts/button.js"
import {Field} from "../parts/field.js"
import {useSending} from "./form.js"
import {Front} from "./front.js"

export function Reset() {
  const token = useMemo(takeToken, [])
  const password = useSignal("")
  const done = useSignal(false)
  const form = useSending(async () => {
    await call("POST", "/v1/auth/password/reset", {body: {token, new_password: password.value}, anonymous: true})
    done.value = true
  })
  const entrance = html`<a href="/app/sign-in">${t("sign_in.action")}</a>`
  if (!token) return html`<${Front} title=${t("link.broken")} lead=${t("link.broken_lead")} below=${entrance} />`
  if (done.value) {
    // Every session ended with the old password, this browser's too: the page begins anew.
    const on = () => location.assign("/app/sign-in")
    return html`
      <${Front} title=${t("reset.done")} lead=${t("reset.done_lead")}><${Button} kind="main" onClick=${on}>${t("sign_in.action")}<//><//>
    `
  }
  return html`
    <${Front} title=${t("reset.title")} below=${entrance}>
      <form class="form" onSubmit=${form.send} noValidate>
        <${Field}
          ...${{label: t("reset.password"), type: "password", name: "password", autocomplete: "new-password", required: true, focus: true}}
          ...${{value: password.value, change: (/** @type {string} */ value) => (password.value = value)}}
          ...${{error: form.at("/new_password"), hint: t("sign_up.password_hint")}}
        />
        ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
        <${Button} kind="main" type="submit" busy=${form.busy}>${t("reset.action")}<//>
      </form>
    <//>
  `
}
