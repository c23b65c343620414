/** How listings are shown: as rows or tiles, with details beside them or not. */

import {signal} from "@preact/signals"
import {remember, remembered} from "../core/memory.js"

export const layout = signal(/** @type {"list" | "grid"} */ (remembered("layout") === "grid" ? "grid" : "list"))
export const detailsOpen = signal(false)

export function toggleLayout() {
  layout.value = layout.value === "list" ? "grid" : "list"
  remember("layout", layout.value)
}
