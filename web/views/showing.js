/** The item that an address asks to be shown: chosen in its listing, with its details beside it. */

import {useEffect, useRef} from "preact/hooks"
import {query} from "../core/router.js"
import {detailsOpen} from "./layout.js"

/** Whoever is led into a folder of more than that looks for it by themselves. */
const FAR = 5000

/**
 * @param {import("../drive/listing.js").Listing} listing
 * @param {import("../drive/selection.js").Selection} selection
 */
export function useShown(listing, selection) {
  const wanted = query.value.get("show")
  const found = wanted !== null && listing.byId.has(wanted)
  const read = listing.items.length
  // Once: whoever chose something else since, or closed the details, is left alone.
  const asked = `${wanted} ${query.value.get("comment")}`
  const shown = useRef("")
  useEffect(() => {
    if (!wanted || shown.current === asked) return
    if (!found) return void (read && read < FAR && listing.more(read + 1))
    selection.only(listing.indexOf(wanted))
    detailsOpen.value = true
    shown.current = asked
  }, [asked, found, read])
}
