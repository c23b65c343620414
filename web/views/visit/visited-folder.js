/** A folder behind a public link: looked through like any other, with what the link allows. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {html} from "../../core/html.js"
import {query} from "../../core/router.js"
import {t} from "../../core/texts.js"
import {download, givesBytes} from "../../drive/deeds.js"
import {addressOf} from "../../drive/item.js"
import {folderSource} from "../../drive/sources.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {Icon} from "../../parts/icon.js"
import {later} from "../../parts/later.js"
import {filesIn} from "../../uploads/dropped.js"
import {Browser} from "../browser.js"
import {Failed} from "../empty.js"
import {order, trailTo} from "../folder-page.js"
import {NewFolder} from "../new-folder.js"
import {shownListing} from "../shown-listing.js"
import {useTitle} from "../title.js"
import {useListing} from "../use-listing.js"
import {Picker, SentList, useRequested} from "./sending.js"
import {VisitFrame} from "./visit-frame.js"

const Lightbox = later(() => import("../lightbox.js").then(module => module.Lightbox))

/**
 * @typedef {import("../../drive/item.js").Item} Item
 * @typedef {import("../../drive/visit.js").Visit} Visit
 * @typedef {import("../../drive/visit.js").Session} Session
 * @typedef {import("../../uploads/requested.js").Requested} Requested
 */

/** @param {{visit: Visit, session: Session}} of */
export function VisitedFolder({visit, session}) {
  const id = query.value.get("in") ?? session.item_id
  const open = query.value.get("open")
  const trail = useSignal(/** @type {Item[]} */ ([]))
  const error = useSignal(/** @type {unknown} */ (null))
  useEffect(() => {
    const stop = new AbortController()
    error.value = null
    visit
      .item(session.item_id, stop.signal)
      .then(() => trailTo(id, stop.signal))
      .then(
        found => (trail.value = found),
        caught => {
          if (stop.signal.aborted) return
          error.value = caught
          visit.doubt(caught)
        },
      )
    return () => stop.abort()
  }, [id])
  // Whoever goes on to another folder goes on sending.
  const sending = useRequested({folders: true, landed: () => void shownListing.value?.again(), refused: caught => visit.doubt(caught)})
  const folder = trail.value.at(-1)
  const root = trail.value[0]
  useTitle(folder?.name ?? session.name)
  const deeds = givesBytes.value && root && html`<${Button} icon="download" onClick=${() => download([root])}>${t("visit.everything")}<//>`
  return html`
    <${VisitFrame} visit=${visit} deeds=${deeds}>
      ${error.value !== null && html`<${Failed} error=${error.value} again=${() => location.reload()} />`}
      ${folder && error.value === null ? html`<${Inside} key=${folder.id} ...${{visit, trail: trail.value, folder, session, sending}} />` : html`<div class="page" aria-busy=${error.value === null}></div>`}
      ${sending.entries.value.length > 0 && html`<section class="tray" aria-label=${t("tray.label")}><${SentList} sending=${sending} /></section>`}
      ${open && html`<${Lightbox} id=${open} />`}
    <//>
  `
}

/** @param {{visit: Visit, trail: Item[], folder: Item, session: Session, sending: Requested}} of */
function Inside({visit, trail, folder, session, sending}) {
  const {listing, selection} = useListing(() => folderSource(folder.id, order.value), [folder.id, order.value])
  const adds = session.mode === "edit" && folder.permissions.write
  const failed = listing.state.value === "failed" ? listing.error.value : null
  useEffect(() => failed !== null && visit.doubt(failed), [failed])
  const sort = (/** @type {import("../../drive/order.js").Order["by"]} */ by) => {
    const {by: before, descending} = order.value
    order.value = {by, descending: by === before ? !descending : by !== "name"}
  }
  const add = (/** @type {import("../../uploads/dropped.js").Found[]} */ found) => sending.add(found, folder.id)
  const dropped = (/** @type {DataTransfer} */ transfer) => void filesIn(transfer).then(add)
  const head = html`
    <div class="page-title">
      <nav class="crumbs" aria-label=${t("crumbs.label")}>
        <ol>
          ${trail.map(one =>
            one === folder
              ? html`<li key=${one.id}><h1 aria-current="page">${one.name}</h1></li>`
              : html`<li key=${one.id}><a href=${addressOf(one)}>${one.name}</a><${Icon} name="chevron" size=${16} /></li>`,
          )}
        </ol>
      </nav>
      ${adds &&
      html`
        <span class="gap"></span>
        <${Button} icon="folder" onClick=${() => ask(close => html`<${NewFolder} into=${{id: folder.id, listing}} close=${close} />`)}>${t("new.folder")}<//>
        <${Picker} label=${t("new.files")} picked=${add} />
      `}
    </div>
  `
  return html`<${Browser} ...${{listing, selection, kind: "visit", folder, order: order.value, sort, head}} dropped=${adds ? dropped : undefined} />`
}
