/** SHA-256 of blobs, computed in a worker. Only where the page is in a secure context: elsewhere browsers have no hashes. */

import {ours} from "../core/scripts.js"

export const canHash = Boolean(globalThis.crypto?.subtle)

/** @type {Worker | null} */
let worker = null
let last = 0
/** @type {Map<number, {resolve: (hash: string) => void, reject: (error: Error) => void}>} */
const waiting = new Map()

function started() {
  if (worker) return worker
  worker = new Worker(ours(new URL("./hash-worker.js", import.meta.url).href))
  worker.addEventListener("message", ({data: {id, hash, error}}) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error) asked?.reject(new Error(error))
    else asked?.resolve(hash)
  })
  return worker
}

/**
 * Raises Error if the bytes cannot be read.
 * @param {Blob} blob
 * @returns {Promise<string>} hexadecimal
 */
export const hashOf = blob =>
  new Promise((resolve, reject) => {
    const id = ++last
    waiting.set(id, {resolve, reject})
    started().postMessage({id, blob})
  })
