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
import {filesIn, filesPicked} from "../../uploads/dropped.js"
import {Browser} from "../browser.js"
import {Failed} from "../empty.js"
import {order, trailTo} from "../folder-page.js"
import {NewFolder} from "../new-folder.js"
import {useTitle} from "../title.js"
import {useListing} from "../use-listing.js"
import {Picker, SentList, useRequested} from "./sending.js"
import {VisitFrame} from "./visit-frame.js"

const Lightbox = later(() => import("../lightbox.js").then(module => module.Lightbox))

/**
 * @typedef {import("../../drive/item.js").Item} Item
 * @typedef {import("../../drive/visit.js").Visit} Visit
 * @typedef {import("../../drive/visit.js").Session} Session
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
  const folder = trail.value.at(-1)
  const root = trail.value[0]
  useTitle(folder?.name ?? session.name)
  const deeds = givesBytes.value && root && html`<${Button} icon="download" onClick=${() => download([root])}>${t("visit.everything")}<//>`
  return html`
    <${VisitFrame} visit=${visit} deeds=${deeds}>
      ${error.value !== null && html`<${Failed} error=${error.value} again=${() => location.reload()} />`}
      ${folder && error.value === null ? html`<${Inside} key=${folder.id} ...${{visit, trail: trail.value, folder, session}} />` : html`<div class="page" aria-busy=${error.value === null}></div>`}
      ${open && html`<${Lightbox} id=${open} />`}
    <//>
  `
}

/** @param {{visit: Visit, trail: Item[], folder: Item, session: Session}} of */
function Inside({visit, trail, folder, session}) {
  const {listing, selection} = useListing(() => folderSource(folder.id, order.value), [folder.id, order.value])
  const sending = useRequested({folders: true, landed: () => void listing.again(), refused: error => visit.doubt(error)})
  const adds = session.mode === "edit" && folder.permissions.write
  const failed = listing.state.value === "failed" ? listing.error.value : null
  useEffect(() => failed !== null && visit.doubt(failed), [failed])
  const sort = (/** @type {import("../../drive/order.js").Order["by"]} */ by) => {
    const {by: before, descending} = order.value
    order.value = {by, descending: by === before ? !descending : by !== "name"}
  }
  const dropped = (/** @type {DataTransfer} */ transfer) => void filesIn(transfer).then(found => sending.add(found, folder.id))
  const picked = (/** @type {FileList} */ files) => sending.add(filesPicked(files), folder.id)
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
        <${Picker} label=${t("new.files")} picked=${picked} />
      `}
    </div>
  `
  return html`
    <${Browser} ...${{listing, selection, kind: "visit", folder, order: order.value, sort, head}} dropped=${adds ? dropped : undefined} />
    ${sending.entries.value.length > 0 && html`<section class="tray" aria-label=${t("tray.label")}><${SentList} sending=${sending} /></section>`}
  `
}
