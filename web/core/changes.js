/** The change feed: what became of items since this page began, whoever did it. Told by the stream, read from the feed. */

import {effect} from "@preact/signals"
import {call} from "./api.js"
import {onNews, onReturn} from "./live.js"
import {Problem} from "./problem.js"
import {state} from "./session.js"

/**
 * @typedef {import("../drive/item.js").Item} Item
 * @typedef {{change: "upsert" | "remove", reason: string, item_id: string, item: Item | null}} Change
 */

/** @type {Set<{change: (changes: Change[]) => void, lost: () => void}>} */
const readers = new Set()
let cursor = ""
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
      if (!cursor) cursor = (await call("GET", "/v1/changes/cursor")).cursor
      const page = await call("GET", "/v1/changes", {query: {cursor}})
      cursor = page.cursor
      again ||= page.has_more
      if (page.changes.length) for (const reader of readers) reader.change(page.changes)
    }
  } catch (error) {
    if (error instanceof Problem && error.code === "cursor_expired") lose()
    else if (!(error instanceof Problem)) throw error
    // Not reached: the stream says so when it is back, and then it is read again.
  } finally {
    reading = false
  }
}

function lose() {
  cursor = ""
  for (const reader of readers) reader.lost()
}

effect(() => void (state.value === "in" && read()))
onReturn(read)

onNews(({event}) => {
  if (event === "change") read()
  else if (event === "reset") lose()
})
