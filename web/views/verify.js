/** Proving an address with the link of a mail. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../core/api.js"
import {html} from "../core/html.js"
import {Problem, wordsFor} from "../core/problem.js"
import {takeToken} from "../core/router.js"
import {t} from "../core/texts.js"
import {Front} from "./front.js"

export function Verify() {
  const outcome = useSignal(/** @type {{title: string, lead?: string} | null} */ (null))
  useEffect(() => {
    prove().then(result => (outcome.value = result))
  }, [])
  const on = html`<a href="/app/files">${t("verify.go_on")}</a>`
  const shown = outcome.value ?? {title: t("verify.busy")}
  return html`<${Front} ...${shown} below=${outcome.value && on} />`
}

async function prove() {
  const token = takeToken()
  if (!token) return {title: t("link.broken"), lead: t("link.broken_lead")}
  try {
    const user = await call("POST", "/v1/auth/verify-email", {body: {token}, anonymous: true})
    return {title: t("verify.done"), lead: t("verify.done_lead", {email: user.email})}
  } catch (error) {
    const over = error instanceof Problem && error.code === "link_expired"
    return over ? {title: t("link.broken"), lead: t("link.broken_lead")} : {title: t("link.broken"), lead: wordsFor(error)}
  }
}
