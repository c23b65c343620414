/** A listing for as long as a component shows it: read at once, and kept true by the change feed. */

import {useEffect, useMemo} from "preact/hooks"
import {onChanges} from "../core/changes.js"
import {onNews} from "../core/live.js"
import {Listing} from "../drive/listing.js"
import {Selection} from "../drive/selection.js"

/**
 * @param {() => import("../drive/listing.js").Source} source
 * @param {unknown[]} inputs what the source is made of
 * @param {{reread?: boolean}} [how] `reread` for collections that only the server can tell the members of
 */
export function useListing(source, inputs, {reread = false} = {}) {
  const shown = useMemo(() => {
    const listing = new Listing(source())
    return {listing, selection: new Selection(listing)}
  }, inputs)
  useEffect(() => {
    const {listing, selection} = shown
    const anew = () => void listing.again().then(() => selection.prune())
    listing.more()
    const stop = onChanges(changes => {
      if (reread) return anew()
      for (const change of changes) {
        if (change.change === "remove" || !change.item) listing.remove([change.item_id])
        else listing.put(change.item)
      }
      selection.prune()
    }, anew)
    // The stream is the first to know of a picture.
    const stopNews = onNews(({event, data}) => {
      const item = event === "upload" ? listing.byId.get(data.item_id) : undefined
      if (item && data.state === "preview_ready" && item.version_id === data.version_id) listing.put({...item, preview: {status: "ready"}})
    })
    return () => {
      stop()
      stopNews()
      listing.leave()
    }
  }, [shown])
  return shown
}
