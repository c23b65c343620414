/** The sending of a form: busy meanwhile, and what was refused afterwards. */

import {useSignal} from "@preact/signals"
import {Problem, wordsFor} from "../core/problem.js"

/**
 * @param {() => Promise<void>} work
 */
export function useSending(work) {
  const busy = useSignal(false)
  const error = useSignal(/** @type {unknown} */ (null))
  const send = async (/** @type {Event | undefined} */ event) => {
    event?.preventDefault()
    if (busy.value) return
    busy.value = true
    error.value = null
    try {
      await work()
    } catch (caught) {
      error.value = caught
    } finally {
      busy.value = false
    }
  }
  const at = (/** @type {string} */ pointer) => (error.value instanceof Problem ? error.value.at(pointer) : undefined)
  return {
    send,
    at,
    error,
    get busy() {
      return busy.value
    },
    /** What is wrong with the whole, unless it is said at a field. */
    get words() {
      if (error.value === null) return null
      return error.value instanceof Problem && error.value.body.errors?.length ? null : wordsFor(error.value)
    },
  }
}
