/** The way to upload: what does it is fetched with the first file. */

import {signal} from "@preact/signals"

/** Whether there is anything to show. */
export const begun = signal(false)

/**
 * Begin to upload into a folder. Raises Error if the uploader cannot be fetched.
 * @param {import("./dropped.js").Found[]} found
 * @param {string} parentId
 */
export async function addFiles(found, parentId) {
  if (!found.length) return
  const {add} = await import("./tray.js")
  begun.value = true
  add(found, parentId)
}
