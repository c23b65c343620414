/** Having many previews made anew: after a decoder was installed, say. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {say} from "../../core/toasts.js"
import {Button} from "../../parts/button.js"
import {Dialog} from "../../parts/dialog.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"
import {Choice} from "./frame.js"
import {word} from "./words.js"

const STATUSES = ["failed", "none", "ready"]
const KINDS = ["image", "video", "audio", "document", "text", "archive", "other"]
const MOST = "10000"

/** @param {{close: () => void, done: () => void}} of */
export function Regenerate({close, done}) {
  const asked = useSignal({status: "failed", kind: "", reason: "", most: MOST})
  const set = (/** @type {string} */ name) => (/** @type {string} */ value) => (asked.value = {...asked.value, [name]: value})
  const sending = useSending(async () => {
    const {status, kind, reason, most} = asked.value
    const body = {status, most: Number(most), ...(kind && {kind}), ...(status === "failed" && reason.trim() && {reason: reason.trim()})}
    await call("POST", "/v1/admin/files/previews/regenerate", {body})
    say(t("operate.job_begun", {name: word("job", "regenerate_previews")}))
    done()
    close()
  })
  const actions = html`<${Button} onClick=${close}>${t("action.cancel")}<//><${Button} kind="main" type="submit" busy=${sending.busy}>${t("operate.regenerate")}<//>`
  return html`
    <${Dialog} title=${t("operate.job_regenerate_previews")} close=${close} submit=${sending.send} actions=${actions}>
      <p class="hint">${t("operate.regenerate_lead")}</p>
      <${Choice} label=${t("operate.preview_status")} value=${asked.value.status} choices=${STATUSES.map(name => [name, t(`operate.preview_${name}`)])} change=${set("status")} />
      <${Choice} label=${t("operate.file_kind")} value=${asked.value.kind} choices=${[["", t("operate.any")], ...KINDS.map(name => [name, t(`kind.${name}`)])]} change=${set("kind")} />
      ${asked.value.status === "failed" && html`<${Field} label=${t("operate.preview_reason")} hint=${t("operate.preview_reason_hint")} value=${asked.value.reason} change=${set("reason")} error=${sending.at("/reason")} autocomplete="off" />`}
      <${Field} label=${t("operate.preview_most")} type="number" min="1" max="1000000" inputmode="numeric" value=${asked.value.most} change=${set("most")} error=${sending.at("/most")} />
      ${sending.words && html`<p class="wrong" role="alert">${sending.words}</p>`}
    <//>
  `
}
