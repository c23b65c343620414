/** How full the drive is; asked for again a while after something changed. */

import {effect, signal} from "@preact/signals"
import {call} from "../core/api.js"
import {onChanges} from "../core/changes.js"
import {state} from "../core/session.js"

const SETTLE_MS = 1500

export const usage = signal(/** @type {{used: number, limit: number, by_type: Record<string, any>} | null} */ (null))
/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon

async function look() {
  usage.value = await call("GET", "/v1/usage").catch(() => usage.value)
}

function lookSoon() {
  clearTimeout(soon)
  soon = setTimeout(look, SETTLE_MS)
}

effect(() => void (state.value === "in" && look()))
onChanges(lookSoon, lookSoon)
