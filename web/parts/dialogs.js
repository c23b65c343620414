/** The one dialog that is open, whoever opened it. */

import {signal} from "@preact/signals"

/** Draws the dialog, given what closes it. */
export const dialog = signal(/** @type {((close: () => void) => any) | null} */ (null))

/** @param {(close: () => void) => any} draw */
export function ask(draw) {
  dialog.value = draw
}

export const close = () => void (dialog.value = null)
