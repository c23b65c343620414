/** Uploads as the tray lists them: what waits, what is on its way, what became of it. Knows nothing of how they are sent. */

import {computed, signal} from "@preact/signals"
import {drop} from "./kept.js"
import {Folders} from "./folders.js"

/**
 * @typedef {"waiting" | "sending" | "paused" | "missing" | "comparing" | "checking" | "preview" | "ready" | "conflict" | "rejected" |
 *   "failed" | "aborted"} State `missing` needs its file again
 * @typedef {object} Entry
 * @property {string} id
 * @property {File | null} file
 * @property {FileSystemFileHandle | null} handle
 * @property {string} name
 * @property {number} size
 * @property {number} modified
 * @property {string[]} folders
 * @property {Folders} into
 * @property {import("@preact/signals").Signal<State>} state
 * @property {import("@preact/signals").Signal<number>} sent bytes
 * @property {import("@preact/signals").Signal<string>} why in words
 * @property {string | null} uploadId
 * @property {number | null} partSize
 * @property {string | null} itemId
 * @property {import("./sender.js").Conflict} conflict
 * @property {string | null} suggested
 * @property {string | null} reason code of the server
 * @property {AbortController} stop
 * @property {number} checkedAt
 */

/** @type {State[]} */
export const ACTIVE = ["waiting", "sending", "comparing", "checking", "preview"]
/** @type {State[]} Nothing is left to do for this browser. */
const FINISHED = ["preview", "ready", "rejected", "aborted"]
/** @type {State[]} */
const UNCOUNTED = ["rejected", "failed", "aborted", "conflict", "missing"]

export const entries = signal(/** @type {Entry[]} */ ([]))
export const open = signal(true)

const inState = (/** @type {State[]} */ ...states) => computed(() => entries.value.filter(entry => states.includes(entry.state.value)))

export const active = inState(...ACTIVE)
export const conflicts = inState("conflict")
export const missing = inState("missing")
export const totals = computed(() => {
  const counted = entries.value.filter(entry => !UNCOUNTED.includes(entry.state.value))
  return {
    size: counted.reduce((sum, entry) => sum + entry.size, 0),
    sent: counted.reduce((sum, entry) => sum + entry.sent.value, 0),
  }
})

/**
 * @param {Pick<Entry, "id" | "file" | "handle" | "name" | "size" | "modified" | "folders" | "into"> & Partial<Entry>} of
 * @param {State} [state]
 * @returns {Entry}
 */
export const made = (of, state = "waiting") => ({
  ...{uploadId: null, partSize: null, itemId: null, suggested: null, reason: null, conflict: "fail"},
  ...{state: signal(state), sent: signal(0), why: signal(""), stop: new AbortController(), checkedAt: 0},
  ...of,
})

/**
 * @param {Entry} entry
 * @param {State} state
 */
export function enter(entry, state) {
  entry.checkedAt = Date.now()
  entry.state.value = state
  if (FINISHED.includes(state)) void drop(entry.id)
}

/**
 * What a browser has to know to go on after a reload.
 * @param {Entry} entry
 */
export const remembered = ({id, name, folders, into, size, modified, conflict, uploadId, partSize, handle}) => ({
  ...{id, name, folders, root: into.root, size, modified, conflict, uploadId, partSize, handle},
})
