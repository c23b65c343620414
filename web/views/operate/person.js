/** Whom an operator means: an id, or a user name or address in full. */

import {call} from "../../core/api.js"
import {Problem} from "../../core/problem.js"

/** @param {string} text */
export const isId = text => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)

/**
 * Raises Problem `not_found`.
 * @param {string} text
 * @returns {Promise<any>}
 */
export async function findPerson(text) {
  if (isId(text)) return call("GET", `/v1/admin/auth/users/${text}`)
  const {items} = await call("GET", "/v1/admin/auth/users", {query: {q: text, limit: 20}})
  const same = (/** @type {string} */ value) => value.toLowerCase() === text.toLowerCase()
  const found = items.find((/** @type {any} */ person) => same(person.username) || same(person.email))
  if (!found) throw new Problem(404, {code: "not_found"})
  return found
}
