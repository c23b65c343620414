/** The session ended while somebody works: the password above the page, which stays as it is and goes on afterwards. */

import {useSignal} from "@preact/signals"
import {html} from "../core/html.js"
import {signOut, user} from "../core/session.js"
import {t} from "../core/texts.js"
import {Dialog} from "../parts/dialog.js"
import {CodeForm} from "./code.js"
import {PasswordForm} from "./sign-in.js"

export function SignInAgain() {
  const mfaToken = useSignal(/** @type {string | null} */ (null))
  const leave = () => signOut().finally(() => location.assign("/app/sign-in"))
  return html`
    <${Dialog} title=${t("again.title")} plain>
      <p>${t("again.lead")}</p>
      ${mfaToken.value === null
        ? html`<${PasswordForm} fixedLogin=${user.value?.username} needsCode=${(/** @type {string} */ token) => (mfaToken.value = token)} />`
        : html`<${CodeForm} mfaToken=${mfaToken.value} back=${() => (mfaToken.value = null)} />`}
      <button type="button" class="quiet-link" onClick=${leave}>${t("again.leave")}</button>
    <//>
  `
}
