/** Where the small pictures of items are, for those whose listing did not say: asked for when somebody is about to see them. */

import {signal} from "@preact/signals"
import {send} from "../core/api.js"
import {hasPicture} from "./item.js"

/** @typedef {import("./item.js").Item} Item */

/** @type {Map<string, import("@preact/signals").Signal<string>>} by version, which never changes its picture */
const found = new Map()

/**
 * The address, empty while it is not known. Whoever shows it is drawn anew when it is.
 * @param {Item} item
 * @param {string} [stale] an address that no longer leads to it
 * @returns {string}
 */
export function pictureOf(item, stale) {
  const told = item.preview.thumbnail_url
  if (told && told !== stale) return told
  if (!hasPicture(item) || !item.version_id) return ""
  let address = found.get(item.version_id)
  if (!address) {
    address = signal("")
    found.set(item.version_id, address)
    void find(item, address)
  }
  return address.value
}

/**
 * The address that was known is no longer valid.
 * @param {Item} item
 */
export function forgetPicture(item) {
  if (item.version_id) found.delete(item.version_id)
}

/**
 * The server leads to it; only where it leads counts here.
 * @param {Item} item
 * @param {import("@preact/signals").Signal<string>} address
 */
async function find(item, address) {
  const answer = await send("GET", `/v1/items/${item.id}/preview`, {query: {size: "thumb"}}).catch(() => null)
  void answer?.body?.cancel()
  if (answer?.status === 200) address.value = answer.url
  else forgetPicture(item)
}
