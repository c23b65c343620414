/** Short words at the edge of the screen: what was done, with a way back, or what went wrong. */

import {signal} from "@preact/signals"
import {wordsFor} from "./problem.js"

/** @typedef {{id: number, text: string, kind: "done" | "wrong", action?: {text: string, run: () => unknown}}} Toast */

const SECONDS = 8
let last = 0

export const toasts = signal(/** @type {Toast[]} */ ([]))

/**
 * @param {string} text
 * @param {Toast["action"]} [action]
 * @param {Toast["kind"]} [kind]
 */
export function say(text, action, kind = "done") {
  const id = ++last
  toasts.value = [...toasts.value.slice(-2), {id, text, kind, action}]
  linger(id)
}

/** @param {unknown} error */
export const sayWrong = error => say(wordsFor(error), undefined, "wrong")

/** @param {number} id */
export function dismiss(id) {
  toasts.value = toasts.value.filter(toast => toast.id !== id)
}

/**
 * Not while somebody reads: who points at a toast, or has the keyboard in it, keeps it.
 * @param {number} id
 */
function linger(id) {
  setTimeout(() => {
    if (document.querySelector(".toasts:hover, .toasts:focus-within")) linger(id)
    else dismiss(id)
  }, SECONDS * 1000)
}
