/** The drive around whatever page is open: places at the side, search and account above, uploads and pictures on top. */

import {computed} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {html} from "../core/html.js"
import {place, query} from "../core/router.js"
import {learn, t} from "../core/texts.js"
import {later, newer} from "../parts/later.js"
import {begun, lookBack} from "../uploads/door.js"
import {FolderPage} from "./folder-page.js"
import {Sidebar} from "./sidebar.js"
import {TopBar} from "./top-bar.js"

const CataloguePage = later(() => Promise.all([import("./catalogue-page.js"), learn("operating")]).then(([module]) => module.CataloguePage))
const CollectionPage = later(() => import("./collection-page.js").then(module => module.CollectionPage))
const Incoming = later(() => import("./incoming.js").then(module => module.Incoming))
const ItemPage = later(() => import("./item-page.js").then(module => module.ItemPage))
const Lightbox = later(() => import("./lightbox.js").then(module => module.Lightbox))
const OperatePage = later(() => Promise.all([import("./operate/operate-page.js"), learn("operating")]).then(([module]) => module.OperatePage))
const SettingsPage = later(() => import("./settings-page.js").then(module => module.SettingsPage))
const Story = later(() => import("./story.js").then(module => module.Story))
const Tray = later(() => import("./tray.js").then(module => module.Tray))

const COLLECTIONS = ["recent", "favourites", "shared", "trash", "search"]

const page = computed(() => {
  const [first = "files", second] = place.value
  if (first === "items" && second) return html`<${ItemPage} key=${second} id=${second} />`
  if (first === "events") return html`<${CataloguePage} />`
  if (first === "operate") return html`<${OperatePage} />`
  if (first === "uploads" && second) return html`<${Story} key=${second} id=${second} />`
  if (first === "settings") return html`<${SettingsPage} />`
  if (COLLECTIONS.includes(first)) return html`<${CollectionPage} key=${first + query.value.get("q")} of=${first} />`
  return html`<${FolderPage} key=${second ?? "root"} id=${second ?? "root"} />`
})

export function Shell() {
  useEffect(() => void lookBack().catch(newer), [])
  const open = query.value.get("open")
  return html`
    <a class="skip" href="#content" onClick=${skip}>${t("nav.skip")}</a>
    <div class="shell">
      <${Sidebar} />
      <${TopBar} />
      <main id="content" tabindex="-1">${page.value}</main>
    </div>
    ${begun.value && html`<${Tray} />`}
    ${query.value.has("shared") && html`<${Incoming} />`}
    ${open && html`<${Lightbox} id=${open} />`}
  `
}

function skip(/** @type {Event} */ event) {
  event.preventDefault()
  const content = document.querySelector("[role=grid]") ?? document.getElementById("content")
  if (content instanceof HTMLElement) content.focus()
}
