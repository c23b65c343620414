/** What was made a moment ago: one service knows it, and another has yet to hear of it. */

import {Problem} from "./problem.js"

const BETWEEN_MS = 400

/**
 * Asks again while it is not found. Raises what the last of so many tries raised, and anything else at once.
 * @template T
 * @param {number} tries
 * @param {() => Promise<T>} ask
 * @returns {Promise<T>}
 */
export async function onceKnown(tries, ask) {
  for (let left = tries - 1; ; left--) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404 || left <= 0) throw error
      await new Promise(go => setTimeout(go, BETWEEN_MS))
    }
  }
}
