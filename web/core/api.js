/** Requests to Coffer: with a token, JSON in and out, refusals as `Problem`. */

import {Problem} from "./problem.js"
import {accessToken, renewOrWait, state} from "./session.js"

/** @typedef {{accessToken: () => Promise<string>, renew: (spent: string) => Promise<void>, isOut: () => boolean}} Bearer */

/** Whose tokens requests carry. @type {Bearer} */
let bearer = {accessToken, renew: renewOrWait, isOut: () => state.value === "out"}

/** For pages whose visitors have tokens of another kind. @param {Bearer} other */
export const actAs = other => void (bearer = other)

/**
 * @typedef {object} Asked
 * @property {Record<string, string | number | boolean | null | undefined>} [query]
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {boolean} [anonymous] without a token
 */

/**
 * The answer's JSON, null if it has none. Where the session ended the person is asked to sign in, and then it goes on.
 * @param {string} method
 * @param {string} path
 * @param {Asked} [asked]
 * @returns {Promise<any>}
 */
export async function call(method, path, asked = {}) {
  const answer = await send(method, path, asked)
  if (!answer.ok) throw await Problem.from(answer)
  return answer.status === 204 || !answer.headers.get("Content-Type")?.includes("json") ? null : answer.json()
}

/**
 * The answer as it is, whatever its status. Raises Problem with status 0 while nobody answers.
 * @param {string} method
 * @param {string} path
 * @param {Asked} [asked]
 * @returns {Promise<Response>}
 */
export async function send(method, path, asked = {}) {
  const token = asked.anonymous ? null : await bearer.accessToken()
  const answer = await sendOnce(method, path, asked, token)
  if (answer.status !== 401 || token === null || bearer.isOut()) return answer
  await bearer.renew(token)
  return sendOnce(method, path, asked, await bearer.accessToken())
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Asked} asked
 * @param {string | null} token
 */
async function sendOnce(method, path, {query, body, headers, signal}, token) {
  try {
    return await fetch(path + written(query), {
      method,
      headers: {
        ...(token && {Authorization: `Bearer ${token}`}),
        ...(body !== undefined && {"Content-Type": "application/json"}),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      // What a listing said before is asked for again by its ETag; the browser's own store must not answer for it.
      cache: "no-store",
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Problem(0, {code: "offline"})
  }
}

/** @param {Asked["query"]} query */
function written(query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "")
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : ""
}

/** A key that makes repeating a request safe. */
export const oneKey = () => ({"Idempotency-Key": crypto.randomUUID()})
