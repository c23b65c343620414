/** A folder: where it stands, what is in it. */

import {batch, signal, useSignal} from "@preact/signals"
import {useEffect, useLayoutEffect} from "preact/hooks"
import {call} from "../core/api.js"
import {onChanges} from "../core/changes.js"
import {html} from "../core/html.js"
import {remember, remembered} from "../core/memory.js"
import {Problem} from "../core/problem.js"
import {t} from "../core/texts.js"
import {here} from "../drive/here.js"
import {folderSource} from "../drive/sources.js"
import {newer} from "../parts/later.js"
import {filesIn} from "../uploads/dropped.js"
import {addFiles} from "../uploads/door.js"
import {Browser} from "./browser.js"
import {Crumbs} from "./crumbs.js"
import {FailedPage} from "./empty.js"
import {useTitle} from "./title.js"
import {useListing} from "./use-listing.js"

/** @typedef {import("../drive/order.js").Order} Order */

const kept = /** @type {Order | null} */ (JSON.parse(remembered("order") ?? "null"))

/** One choice for all folders. */
export const order = signal(/** @type {Order} */ (kept ?? {by: "name", descending: false}))

/** @param {{id: string}} of */
export function FolderPage({id}) {
  const trail = useSignal(/** @type {import("../drive/item.js").Item[]} */ ([]))
  const error = useSignal(/** @type {unknown} */ (null))
  const tries = useSignal(0)
  const folder = trail.value.at(-1)
  useEffect(() => {
    const stop = new AbortController()
    const look = () =>
      trailTo(id, stop.signal).then(
        found => batch(() => ([trail.value, error.value] = [found, null])),
        caught => stop.signal.aborted || (error.value = caught),
      )
    look()
    // It may get another name, or go away with anything above it.
    const stopHearing = onChanges(changes => changes.some(({item_id}) => trail.value.some(one => one.id === item_id)) && look(), look)
    return () => {
      stop.abort()
      stopHearing()
    }
  }, [id, tries.value])
  useTitle(folder?.parent_id ? folder.name : t("nav.files"))
  if (error.value) return html`<${FailedPage} error=${error.value} again=${() => tries.value++} />`
  if (!folder) return html`<div class="page" aria-busy="true"></div>`
  return html`<${OpenFolder} trail=${trail.value} folder=${folder} />`
}

/** @param {{trail: import("../drive/item.js").Item[], folder: import("../drive/item.js").Item}} of */
function OpenFolder({trail, folder}) {
  const {listing, selection} = useListing(() => folderSource(folder.id, order.value), [folder.id, order.value])
  const mayAdd = folder.permissions.write
  useLayoutEffect(() => {
    here.value = mayAdd ? {id: folder.id, name: folder.name, listing} : null
    return () => void (here.value = null)
  }, [listing])
  const sort = (/** @type {Order["by"]} */ by) => {
    const {by: before, descending} = order.value
    order.value = {by, descending: by === before ? !descending : by !== "name"}
    remember("order", JSON.stringify(order.value))
  }
  const dropped = (/** @type {DataTransfer} */ transfer) => void filesIn(transfer).then(found => addFiles(found, folder.id)).catch(newer)
  return html`
    <${Browser}
      ...${{listing, selection, kind: "folder", folder, order: order.value, sort}}
      head=${html`<${Crumbs} trail=${trail} listing=${listing} />`}
      dropped=${mayAdd ? dropped : undefined}
    />
  `
}

/**
 * The folder and those above it that this person may see, the topmost first. Raises Problem for what is not there any more.
 * @param {string} id
 * @param {AbortSignal} signal
 */
export async function trailTo(id, signal) {
  /** @type {import("../drive/item.js").Item[]} */
  const found = []
  for (let next = /** @type {string | null} */ (id); next; next = found[0].parent_id) {
    try {
      found.unshift(await call("GET", `/v1/items/${next}`, {signal}))
    } catch (error) {
      // Above what was shared with somebody there is nothing to see.
      if (found.length) break
      throw error
    }
  }
  if (found.some(item => item.trashed_at)) throw new Problem(404, {code: "trashed"})
  return found
}
