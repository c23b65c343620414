/** The change feed: what became of items since this page began, whoever did it. Told by the stream, read from the feed. */

import {effect} from "@preact/signals"
import {call} from "./api.js"
import {connection, onNews} from "./live.js"
import {Problem} from "./problem.js"
import {state} from "./session.js"

/**
 * @typedef {import("../drive/item.js").Item} Item
 * @typedef {{change: "upsert" | "remove", reason: string, item_id: string, item: Item | null}} Change
 */

/** After a request that failed though the stream goes on. */
const RETRY_MS = 3000

/** @type {Set<{change: (changes: Change[]) => void, lost: () => void}>} */
const readers = new Set()
let cursor = ""
/** Whether something was missed, which readers are told once it is known where the feed goes on. */
let missed = false
let reading = false
let again = false

/**
 * @param {(changes: Change[]) => void} change
 * @param {() => void} lost when too much was missed: everything has to be read anew
 * @returns {() => void} stops telling
 */
export function onChanges(change, lost) {
  const reader = {change, lost}
  readers.add(reader)
  return () => void readers.delete(reader)
}

/** Read to the end. One reading at a time; asked for meanwhile, it reads once more. */
async function read() {
  again = true
  if (reading) return
  reading = true
  try {
    while (again) {
      again = false
      if (!cursor) await begin()
      const asked = cursor
      const page = await call("GET", "/v1/changes", {query: {cursor}})
      // Everything is read anew by then, and so is this.
      if (cursor !== asked) continue
      cursor = page.cursor
      again ||= page.has_more
      if (page.changes.length) for (const reader of readers) reader.change(page.changes)
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    if (error.code === "cursor_expired") lose()
    setTimeout(() => state.value === "in" && read(), error.code === "cursor_expired" ? 0 : RETRY_MS)
  } finally {
    reading = false
  }
}

/** From now on. Whoever reads anew does so behind that: what comes in between is told. */
async function begin() {
  cursor = (await call("GET", "/v1/changes/cursor")).cursor
  if (missed) for (const reader of readers) reader.lost()
  missed = false
}

function lose() {
  cursor = ""
  missed = true
}

effect(() => void (state.value === "in" && read()))
// The stream tells nothing of the time before it: what came between the first reading and its beginning is read then.
effect(() => void (state.value === "in" && connection.value === "live" && read()))

onNews(({event}) => {
  if (event === "reset") lose()
  if (event === "change" || event === "reset") read()
})
