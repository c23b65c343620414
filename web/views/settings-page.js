/** What somebody may set, in sections with an address each. */

import {useEffect, useRef} from "preact/hooks"
import {html} from "../core/html.js"
import {place} from "../core/router.js"
import {t} from "../core/texts.js"
import {later} from "../parts/later.js"
import {useTitle} from "./title.js"

/** @type {[string, any][]} The last part of the address -> what stands there. */
const SECTIONS = [
  ["profile", later(() => import("./settings/profile.js").then(module => module.Profile))],
  ["notifications", later(() => import("./settings/wishes.js").then(module => module.Wishes))],
  ["security", later(() => import("./settings/security.js").then(module => module.Security))],
  ["tokens", later(() => import("./settings/tokens.js").then(module => module.Tokens))],
  ["webhooks", later(() => import("./settings/webhooks.js").then(module => module.Webhooks))],
  ["storage", later(() => import("./settings/storage.js").then(module => module.Storage))],
]

export function SettingsPage() {
  const [, asked, id] = place.value
  const [name, Section] = SECTIONS.find(([one]) => one === asked) ?? SECTIONS[0]
  const tabs = useRef(/** @type {HTMLElement | null} */ (null))
  // On telephones not all of them are on the screen.
  useEffect(() => tabs.current?.querySelector("[aria-current]")?.scrollIntoView({inline: "center", block: "nearest"}), [name])
  useTitle(`${t(`section.${name}`)} – ${t("nav.settings")}`)
  return html`
    <div class="page settings">
      <div class="page-head">
        <div class="page-title"><h1>${t("nav.settings")}</h1></div>
        <nav ref=${tabs} class="tabs sections" aria-label=${t("nav.settings")}>
          ${SECTIONS.map(([one]) => html`<a href="/app/settings/${one}" aria-current=${one === name ? "page" : undefined}>${t(`section.${one}`)}</a>`)}
        </nav>
      </div>
      <div class="page-body" key=${name + (id ?? "")}><${Section} id=${id} /></div>
    </div>
  `
}
