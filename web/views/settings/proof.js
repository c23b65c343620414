/** The proof that a queue is one's own: the policy that it needs, and a code that is read from it. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {Problem} from "../../core/problem.js"
import {known, t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Field} from "../../parts/field.js"
import {Copied} from "../copying.js"
import {useSending} from "../form.js"

/** @param {{path: string, queue: any, changed: (queue: any) => void, look: () => Promise<void>}} of */
export function Proof({path, queue, changed, look}) {
  const code = useSignal("")
  const asking = useSending(async () => {
    try {
      await call("POST", `${path}/code`)
      say(t("queues.code_sent"))
    } catch (error) {
      // Proved in another window, or by the program itself.
      if (error instanceof Problem && error.body.state === "confirmed") return look()
      throw error
    }
  })
  const form = useSending(async () => changed(await call("POST", `${path}/confirm`, {body: {code: code.value.trim()}})))
  return html`
    <ol class="steps">
      <li>
        <p>${t("queues.step_policy")}</p>
        <${Copied} label=${t("queues.policy")} text=${JSON.stringify(queue.policy, null, 2)} action=${t("queues.copy_policy")} />
      </li>
      <li>
        <p>${t("queues.step_code")}</p>
        <${Button} busy=${asking.busy} onClick=${asking.send}>${t("queues.ask_code")}<//>
        ${asking.words && html`<p class="wrong" role="alert">${whyNoCode(asking.error.value) ?? asking.words}</p>`}
      </li>
      <li>
        <form class="form" onSubmit=${form.send} noValidate>
          <${Field} label=${t("queues.code")} required autocomplete="off" spellcheck=${false} hint=${t("queues.code_hint")} value=${code.value} change=${(/** @type {string} */ value) => (code.value = value)} error=${form.at("/code")} />
          ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
          <${Button} kind="main" type="submit" busy=${form.busy}>${t("queues.confirm")}<//>
        </form>
      </li>
    </ol>
  `
}

/** @param {unknown} error */
function whyNoCode(error) {
  const reason = error instanceof Problem ? error.body.state : undefined
  return reason && known(`attempt.${reason}`) ? t("queues.no_code", {why: t(`attempt.${reason}`)}) : undefined
}
