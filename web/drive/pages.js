/** Lists that come in pages, read to their end. */

import {call} from "../core/api.js"

const LIMIT = 200

/**
 * Everything in a list; what the first page says besides stands in `first`. Raises Problem.
 * @param {string} path
 * @param {Record<string, string | undefined>} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<{items: any[], first: any}>}
 */
export async function readAll(path, query, signal) {
  const first = await call("GET", path, {query: {...query, limit: LIMIT}, signal})
  const items = [...first.items]
  for (let cursor = first.next_cursor; cursor; ) {
    const page = await call("GET", path, {query: {...query, limit: LIMIT, cursor}, signal})
    items.push(...page.items)
    cursor = page.next_cursor
  }
  return {items, first}
}
