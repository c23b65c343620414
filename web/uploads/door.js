/** The way to upload: what does it is fetched with the first file, or where an earlier page left some unfinished. */

import {signal} from "@preact/signals"
import {remembered} from "../core/memory.js"
import {unfinished, user} from "../core/session.js"

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

/** Once for each page. Raises Error if what looks cannot be fetched. */
export async function lookBack() {
  if (!remembered(unfinished(user.value?.id ?? ""))) return
  const {comeBack} = await import("./resuming.js")
  begun.value = true
  await comeBack()
}
