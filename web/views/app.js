/** Which page is shown, and the layers above every page. */

import {computed} from "@preact/signals"
import {html} from "../core/html.js"
import {go, place, visiting} from "../core/router.js"
import {isIn, state} from "../core/session.js"
import {learn} from "../core/texts.js"
import {close, dialog} from "../parts/dialogs.js"
import {later} from "../parts/later.js"
import {MenuLayer} from "../parts/menu.js"
import {ToastList} from "../parts/toast-list.js"

const CataloguePage = later(() => Promise.all([import("./catalogue-page.js"), learn("operating")]).then(([module]) => module.CataloguePage))
const Forgot = later(() => import("./forgot.js").then(module => module.Forgot))
const Reset = later(() => import("./reset.js").then(module => module.Reset))
export const Shell = later(() => import("./shell.js").then(module => module.Shell))
export const SignIn = later(() => import("./sign-in.js").then(module => module.SignIn))
const SignInAgain = later(() => import("./sign-in-again.js").then(module => module.SignInAgain))
const SignUp = later(() => import("./sign-up.js").then(module => module.SignUp))
const VisitPage = later(() => import("./visit/visit-page.js").then(module => module.VisitPage))
const Verify = later(() => import("./verify.js").then(module => module.Verify))

/** @type {Record<string, any>} Pages for everybody, signed in or not. */
const OPEN = {reset: Reset, verify: Verify}
/** @type {Record<string, any>} Pages for those who are not. */
const OUTSIDE = {"sign-in": SignIn, "sign-up": SignUp, register: SignUp, forgot: Forgot}

const page = computed(() => {
  if (visiting) return VisitPage
  const [first] = place.value
  if (first in OPEN) return OPEN[first]
  if (isIn.value) return Shell
  if (first === "events") return CataloguePage
  return OUTSIDE[first] ?? SignIn
})

export function App() {
  const Page = page.value
  if (isIn.value && place.value[0] in OUTSIDE) queueMicrotask(() => go("/app/files", {replace: true}))
  return html`
    <${Page} />
    <${MenuLayer} />
    ${dialog.value?.(close)}
    ${state.value === "expired" && html`<${SignInAgain} />`}
    <${ToastList} />
  `
}
