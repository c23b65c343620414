/** What the server refused, as `application/problem+json` (RFC 9457). */

import {known, t} from "./texts.js"

export class Problem extends Error {
  /**
   * @param {number} status 0 where there was no answer at all
   * @param {Record<string, any>} body
   * @param {number | null} [retrySeconds]
   */
  constructor(status, body, retrySeconds = null) {
    super(body.detail ?? body.title ?? `status ${status}`)
    this.status = status
    this.code = String(body.code ?? "")
    this.body = body
    this.retrySeconds = retrySeconds
  }

  /** One sentence for people, in their language where there is one. */
  get words() {
    const key = `problem.${this.code}`
    return known(key) ? t(key, this.body) : this.message
  }

  /**
   * What is wrong with one field of a form.
   * @param {string} pointer RFC 6901
   * @returns {string | undefined}
   */
  at(pointer) {
    const found = this.body.errors?.find((/** @type {{pointer: string}} */ error) => error.pointer === pointer)
    if (!found) return undefined
    const key = `field.${found.code}`
    return known(key) ? t(key) : found.detail
  }

  /** @param {Response} answer */
  static async from(answer) {
    let body = {}
    try {
      body = await answer.json()
    } catch {
      // Not from Coffer: a proxy in between.
    }
    const wait = Number(answer.headers.get("Retry-After"))
    return new Problem(answer.status, body, wait > 0 ? wait : null)
  }
}

/**
 * Words for whatever went wrong.
 * @param {unknown} error
 * @returns {string}
 */
export function wordsFor(error) {
  if (error instanceof Problem) return error.status === 0 ? t("problem.offline") : error.words
  console.error(error)
  return t("problem.unknown")
}
