/** Light, dark, or what the system prefers. */

import {effect, signal} from "@preact/signals"
import {remember, remembered} from "./memory.js"

/** @typedef {"light" | "dark" | "system"} Theme */

/** @type {Theme[]} */
export const THEMES = ["system", "light", "dark"]

const kept = remembered("theme")

/** The choice. */
export const theme = signal(/** @type {Theme} */ (kept === "light" || kept === "dark" ? kept : "system"))

effect(() => {
  const root = document.documentElement
  if (theme.value === "system") delete root.dataset.theme
  else root.dataset.theme = theme.value
  remember("theme", theme.value === "system" ? null : theme.value)
})
