/** Answers that are kept as files: they need a token, which no plain link carries. */

import {send} from "../../core/api.js"
import {Problem} from "../../core/problem.js"

/**
 * Raises Problem when it is refused.
 * @param {string} path
 * @param {Record<string, any>} query
 * @param {string} name of the file
 */
export async function keep(path, query, name) {
  const answer = await send("GET", path, {query})
  if (!answer.ok) throw await Problem.from(answer)
  const address = URL.createObjectURL(await answer.blob())
  const link = document.createElement("a")
  link.href = address
  link.download = name
  link.click()
  URL.revokeObjectURL(address)
}
