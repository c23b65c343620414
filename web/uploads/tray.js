/** All uploads of this page: what waits, what is on its way, and what became of it on the server. */

import {call} from "../core/api.js"
import {onNews} from "../core/live.js"
import {Problem, wordsFor} from "../core/problem.js"
import {ACTIVE, enter, entries, made, open, remembered} from "./entries.js"
import {Folders} from "./folders.js"
import {drop, keep, keepHash} from "./kept.js"
import {sendFile} from "./sender.js"

/** @typedef {import("./entries.js").Entry} Entry */

const FILES_AT_ONCE = 3
const LOOK_MS = 4000
const PREVIEW_PATIENCE_MS = 60_000

let running = 0

/**
 * Begin to upload into a folder.
 * @param {import("./dropped.js").Found[]} found
 * @param {string} parentId
 */
export function add(found, parentId) {
  const into = new Folders(parentId)
  const fresh = found.map(({file, folders, handle = null}) =>
    made({id: crypto.randomUUID(), file, handle, name: file.name, size: file.size, modified: file.lastModified, folders, into}),
  )
  entries.value = [...entries.value, ...fresh]
  open.value = true
  void keep(fresh.map(remembered))
  startMore()
}

function startMore() {
  for (const entry of entries.value) {
    if (running >= FILES_AT_ONCE) return
    if (entry.state.value === "waiting") start(entry)
  }
}

/** @param {Entry} entry */
async function start(entry) {
  running++
  entry.state.value = "sending"
  entry.why.value = ""
  try {
    const upload = await sendFile({
      file: /** @type {File} */ (entry.file),
      name: entry.name,
      parentId: await entry.into.at(entry.folders),
      conflict: entry.conflict,
      uploadId: entry.uploadId,
      signal: entry.stop.signal,
      progress: sent => (entry.sent.value = sent),
      announced: upload => begun(entry, upload),
      hashed: (n, hash) => void keepHash(entry.id, n, hash),
    })
    if (entry.state.value === "sending") enter(entry, "checking")
    learn(entry, upload)
  } catch (error) {
    if (!entry.stop.signal.aborted) wentWrong(entry, error)
  } finally {
    running--
    startMore()
  }
}

/**
 * @param {Entry} entry
 * @param {{id: string, part_size: number | null}} upload
 */
function begun(entry, upload) {
  if (entry.uploadId === upload.id) return
  entry.uploadId = upload.id
  entry.partSize = upload.part_size
  void keep([remembered(entry)])
}

/**
 * @param {Entry} entry
 * @param {unknown} error
 */
function wentWrong(entry, error) {
  const problem = error instanceof Problem ? error : null
  entry.why.value = wordsFor(error instanceof Error && error.name === "PutRefused" ? new Problem(0, {}) : error)
  if (problem?.code === "name_conflict") {
    entry.suggested = problem.body.suggested_name ?? null
    enter(entry, "conflict")
  } else enter(entry, "failed")
}

/**
 * What the server says of an upload.
 * @param {Entry} entry
 * @param {{state: string, item_id?: string | null, reason?: string | null, suggested_name?: string | null, item?: any}} told
 */
export function learn(entry, told) {
  if (told.item_id) entry.itemId = told.item_id
  switch (told.state) {
    case "committed":
      if (["ready", "preview"].includes(entry.state.value)) break
      enter(entry, "preview")
      lookAtPreview(entry)
      break
    case "conflict":
      entry.suggested = told.suggested_name ?? null
      enter(entry, "conflict")
      break
    case "rejected":
    case "failed":
    case "expired":
      entry.reason = told.reason ?? told.state
      enter(entry, told.state === "rejected" ? "rejected" : "failed")
  }
}

onNews(({event, data}) => {
  if (event !== "upload") return
  for (const entry of entries.value) {
    if (data.upload_id && data.upload_id === entry.uploadId) learn(entry, data)
    const ofPreview = data.state.startsWith("preview_") && data.item_id && data.item_id === entry.itemId
    if (ofPreview && entry.state.value === "preview") enter(entry, "ready")
  }
})

/** News may have passed before anybody knew the file, or be lost: the server is asked as well. */
setInterval(() => {
  for (const entry of entries.value) {
    if (Date.now() - entry.checkedAt < LOOK_MS || !entry.uploadId) continue
    if (entry.state.value === "checking") look(entry)
    else if (entry.state.value === "preview") lookAtPreview(entry)
  }
}, LOOK_MS / 2)

/** @param {Entry} entry */
async function look(entry) {
  entry.checkedAt = Date.now()
  const upload = await call("GET", `/v1/uploads/${entry.uploadId}`).catch(() => null)
  if (upload && entry.state.value === "checking") learn(entry, upload)
}

/** @param {Entry} entry */
async function lookAtPreview(entry) {
  const began = entry.checkedAt
  const item = entry.itemId ? await call("GET", `/v1/items/${entry.itemId}`).catch(() => null) : null
  if (entry.state.value !== "preview") return
  // A preview that takes very long is not the upload's business any more.
  if ((item && item.preview.status !== "pending") || Date.now() - began > PREVIEW_PATIENCE_MS) enter(entry, "ready")
}

/** @param {Entry} entry */
export function pause(entry) {
  entry.stop.abort()
  entry.state.value = "paused"
}

/** Where it stopped. @param {Entry} entry */
export function resume(entry) {
  entry.stop = new AbortController()
  entry.state.value = entry.file ? "waiting" : "missing"
  startMore()
}

/** Again, from what the server has. @param {Entry} entry */
export async function retry(entry) {
  if (entry.reason && entry.uploadId) {
    const answer = await call("POST", `/v1/uploads/${entry.uploadId}/retry`).catch(() => null)
    if (answer) return enter(entry, "checking")
    entry.uploadId = null
  }
  entry.reason = null
  resume(entry)
}

/** @param {Entry} entry */
export function cancel(entry) {
  entry.stop.abort()
  if (entry.uploadId && !entry.itemId) call("DELETE", `/v1/uploads/${entry.uploadId}`).catch(() => undefined)
  enter(entry, "aborted")
  entries.value = entries.value.filter(other => other !== entry)
}

/**
 * The person has decided what becomes of a name that is taken.
 * @param {Entry[]} some
 * @param {"replace" | "rename" | "skip"} choice
 */
export async function decide(some, choice) {
  for (const entry of some) {
    if (choice === "skip") cancel(entry)
    else if (entry.uploadId) {
      enter(entry, "checking")
      const body = {conflict: choice}
      await call("PATCH", `/v1/uploads/${entry.uploadId}`, {body}).then(
        upload => learn(entry, upload),
        error => wentWrong(entry, error),
      )
    } else {
      entry.conflict = choice
      resume(entry)
    }
  }
}

/** @type {import("./entries.js").State[]} */
const UNDONE = [...ACTIVE, "paused", "missing"]

/** Forget what is done. */
export function tidy() {
  const stays = (/** @type {Entry} */ entry) => UNDONE.includes(entry.state.value)
  for (const entry of entries.value) if (!stays(entry)) void drop(entry.id)
  entries.value = entries.value.filter(stays)
}

addEventListener("beforeunload", event => {
  if (entries.value.some(entry => ["waiting", "sending"].includes(entry.state.value))) event.preventDefault()
})
