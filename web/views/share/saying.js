/** What was done in a dialog, with a way back, or what went wrong: said inside of it, for toasts stand behind it. */

import {useSignal} from "@preact/signals"
import {useEffect, useRef} from "preact/hooks"
import {html} from "../../core/html.js"
import {wordsFor} from "../../core/problem.js"
import {t} from "../../core/texts.js"

/** @typedef {{text: string, wrong: boolean, undo?: () => Promise<unknown>}} Words */

/** @typedef {ReturnType<typeof useSaying>} Saying */

export function useSaying() {
  const words = useSignal(/** @type {Words | null} */ (null))
  const saying = {
    words,
    nothing: () => (words.value = null),
    /** @param {string} text @param {() => Promise<unknown>} [undo] */
    done: (text, undo) => (words.value = {text, wrong: false, undo}),
    /** @param {unknown} error */
    wrong: error => (words.value = {text: wordsFor(error), wrong: true}),
    /**
     * Do something, then say so; or why it could not be done.
     * @param {() => Promise<unknown>} work
     * @param {string} [text]
     * @param {() => Promise<unknown>} [undo]
     */
    try: async (work, text, undo) => {
      try {
        await work()
        words.value = text ? {text, wrong: false, undo} : null
      } catch (error) {
        saying.wrong(error)
      }
    },
  }
  return saying
}

/** @param {{saying: Saying}} of */
export function Said({saying}) {
  const words = saying.words.value
  const undo = words?.undo
  const ref = useRef(/** @type {HTMLButtonElement | null} */ (null))
  useEffect(() => {
    // What had the keyboard may be gone with what was done.
    if (words && document.activeElement === document.body) ref.current?.focus()
  }, [words])
  return html`
    <div class="said ${words?.wrong ? "wrong" : ""}" role="status">
      ${words && html`<span>${words.text}</span>`}
      ${undo && html`<button ref=${ref} type="button" class="quiet-link" onClick=${() => saying.try(undo)}>${t("action.undo")}</button>`}
    </div>
  `
}
