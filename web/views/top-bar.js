/** Search, whether the drive is within reach, and the account. */

import {useSignal} from "@preact/signals"
import {useEffect, useRef} from "preact/hooks"
import {html} from "../core/html.js"
import {connection} from "../core/live.js"
import {go, place, query} from "../core/router.js"
import {signOut, user} from "../core/session.js"
import {t} from "../core/texts.js"
import {theme, THEMES} from "../core/theme.js"
import {sayWrong} from "../core/toasts.js"
import {ask} from "../parts/dialogs.js"
import {Icon} from "../parts/icon.js"
import {later} from "../parts/later.js"
import {openMenu} from "../parts/menu.js"
import {Avatar} from "./avatar.js"

const Bell = later(() => import("./bell/bell.js").then(module => module.Bell))
const Shortcuts = later(() => import("./shortcuts.js").then(module => module.Shortcuts))
const TYPING_MS = 250

export const TopBar = () => html`
  <header class="top-bar">
    <${SearchField} />
    ${connection.value === "away" && html`<span class="away" role="status"><${Icon} name="warning" size=${18} />${t("connection.away")}</span>`}
    <div class="bell"><${Bell} /></div>
    <button type="button" class="account" aria-label=${t("account.label")} aria-haspopup="menu" onClick=${openAccount}>
      <${Avatar} person=${user.value} />
    </button>
  </header>
`

function SearchField() {
  const searching = place.value[0] === "search"
  const words = useSignal(searching ? (query.value.get("q") ?? "") : "")
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined))
  useEffect(() => {
    if (!searching) words.value = ""
  }, [searching])
  const find = () => {
    clearTimeout(timer.current)
    const wanted = words.value.trim()
    if (wanted) go(`/app/search?${new URLSearchParams({q: wanted})}`, {replace: place.value[0] === "search"})
  }
  const typed = (/** @type {any} */ event) => {
    words.value = event.currentTarget.value
    clearTimeout(timer.current)
    timer.current = setTimeout(find, TYPING_MS)
  }
  const sent = (/** @type {Event} */ event) => {
    event.preventDefault()
    find()
  }
  return html`
    <form class="search" role="search" onSubmit=${sent}>
      <${Icon} name="search" />
      <input id="search" type="search" placeholder=${t("search.label")} aria-label=${t("search.label")} autocomplete="off" value=${words.value} onInput=${typed} />
    </form>
  `
}

function openAccount(/** @type {any} */ event) {
  const choices = [
    {text: t("nav.settings"), icon: "settings", run: () => go("/app/settings")},
    {text: t("shortcuts.title"), icon: "keyboard", run: showShortcuts, keys: "?"},
    null,
    ...THEMES.map(name => ({text: t(`theme.${name}`), checked: theme.value === name, run: () => (theme.value = name)})),
    null,
    {text: t("account.sign_out"), run: () => signOut().then(() => location.assign("/app/sign-in"), sayWrong)},
  ]
  openMenu(user.value?.display_name || user.value?.username || "", choices, event.currentTarget)
}

export const showShortcuts = () => ask(close => html`<${Shortcuts} close=${close} />`)
