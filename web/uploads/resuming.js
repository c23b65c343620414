/** Uploads that an earlier page left behind: taken up again with the same file, of which only what is missing is sent. */

import {call} from "../core/api.js"
import {Problem} from "../core/problem.js"
import {t} from "../core/texts.js"
import {enter, entries, made, open} from "./entries.js"
import {Folders} from "./folders.js"
import {canHash, hashOf} from "./hasher.js"
import {claim, drop, hashesOf} from "./kept.js"
import {learn, resume} from "./tray.js"

/** @typedef {import("./entries.js").Entry} Entry */

/** Show what was left behind; whether there is any. */
export async function comeBack() {
  const records = await claim(comeBack)
  /** @type {Map<string, Folders>} */
  const roots = new Map()
  const found = records.map(record => {
    const into = roots.get(record.root) ?? new Folders(record.root)
    roots.set(record.root, into)
    return made({...record, into, file: null}, record.uploadId ? "checking" : "missing")
  })
  if (!found.length) return false
  entries.value = [...entries.value, ...found]
  open.value = true
  await Promise.all(found.map(takeUp))
  return true
}

/** From what the server has of it. @param {Entry} entry */
async function takeUp(entry) {
  if (entry.uploadId) {
    const told = await call("GET", `/v1/uploads/${entry.uploadId}`).catch(caught => caught)
    if (told?.state === "aborted") return leave(entry)
    // Nothing of it is there any more: it begins anew, as soon as its file is here.
    if (told?.state === "expired" || (told instanceof Problem && told.status === 404)) entry.uploadId = null
    else if (told?.state && told.state !== "created") return learn(entry, told)
    entry.sent.value = (told?.parts_done ?? []).reduce((/** @type {number} */ sum, /** @type {any} */ part) => sum + part.size, 0)
  }
  entry.state.value = "missing"
  if (entry.handle && (await /** @type {any} */ (entry.handle).queryPermission({mode: "read"}).catch(() => "denied")) === "granted") await reopen(entry)
}

/** Given up elsewhere. @param {Entry} entry */
function leave(entry) {
  void drop(entry.id)
  entries.value = entries.value.filter(other => other !== entry)
}

/**
 * With the handle that the browser kept. Asks the person for leave where the browser wants that.
 * @param {Entry} entry
 */
export async function reopen(entry) {
  try {
    const handle = /** @type {any} */ (entry.handle)
    if ((await handle.requestPermission({mode: "read"})) !== "granted") return
    await goOn(entry, await handle.getFile())
  } catch (error) {
    if (!(error instanceof DOMException)) throw error
    // Moved, or gone: somebody has to show where it is.
    entry.handle = null
    entry.why.value = t("upload.not_found")
  }
}

/**
 * Files that somebody chose again, each for the upload it belongs to.
 * @param {Entry[]} some
 * @param {File[]} files
 */
export async function goOnWith(some, files) {
  const left = [...files]
  for (const entry of some) {
    const fits = left.findIndex(file => file.name === entry.name && file.size === entry.size)
    if (fits >= 0) await goOn(entry, left.splice(fits, 1)[0])
    else if (some.length === 1) entry.why.value = t("upload.other_file")
  }
}

/**
 * @param {Entry} entry
 * @param {File} file
 */
async function goOn(entry, file) {
  enter(entry, "comparing")
  const same = await isSame(entry, file).catch(() => false)
  if (entry.state.value !== "comparing") return
  if (same) {
    entry.file = file
    resume(entry)
  } else {
    entry.why.value = t("upload.other_file")
    entry.state.value = "missing"
  }
}

/**
 * Whether parts of it may stand beside those that were sent. Raises Error if it cannot be read.
 * @param {Entry} entry
 * @param {File} file
 */
async function isSame(entry, file) {
  if (file.size !== entry.size) return false
  const untouched = file.lastModified === entry.modified
  if (!entry.uploadId || (untouched && entry.handle)) return true
  const known = canHash ? await hashesOf(entry.id) : []
  if (!known.length) return untouched
  const length = entry.partSize ?? Math.max(1, file.size)
  for (const [n, hash] of known) if ((await hashOf(file.slice((n - 1) * length, n * length))) !== hash) return false
  return true
}
