/** The places of the drive, and how full it is. On phones a bar at the bottom. */

import {html} from "../core/html.js"
import {bytes} from "../core/format.js"
import {place} from "../core/router.js"
import {user} from "../core/session.js"
import {t} from "../core/texts.js"
import {usage} from "../drive/usage.js"
import {Icon} from "../parts/icon.js"
import {Mark} from "./mark.js"
import {NewButton} from "./new-button.js"

const PLACES = /** @type {const} */ ([
  ["files", "folder"],
  ["recent", "clock"],
  ["favourites", "star"],
  ["shared", "people"],
  ["trash", "trash"],
])
const OF_OPERATORS = /** @type {const} */ ([["operate", "pulse"]])

export function Sidebar() {
  const [first = "files"] = place.value
  const places = user.value?.roles.includes("operator") ? [...PLACES, ...OF_OPERATORS] : PLACES
  return html`
    <nav class="sidebar" aria-label=${t("nav.label")}>
      <a class="brand" href="/app/files"><${Mark} /><span>Coffer</span></a>
      <${NewButton} />
      <ul class="places">
        ${places.map(
          ([name, icon]) => html`
            <li>
              <a href="/app/${name}" aria-current=${first === name ? "page" : undefined}>
                <${Icon} name=${icon} filled=${first === name} /><span>${t(`nav.${name}`)}</span>
              </a>
            </li>
          `,
        )}
      </ul>
      <${Storage} />
    </nav>
  `
}

function Storage() {
  const known = usage.value
  if (!known) return null
  const share = Math.min(100, (known.used / Math.max(1, known.limit)) * 100)
  return html`
    <div class="storage">
      <div class="meter ${share > 90 ? "full" : ""}" role="meter" aria-label=${t("usage.label")} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(share)}>
        <div style=${{inlineSize: `${Math.max(share, known.used ? 1 : 0)}%`}}></div>
      </div>
      <p><a href="/app/settings/storage">${t("usage.of", {used: bytes(known.used), limit: bytes(known.limit)})}</a></p>
    </div>
  `
}
