/**
 * One file on its way: announced, sent to the storage in one piece or in parts, and said to be there. Knows nothing of the screen.
 *
 * The server keeps what arrived, so a sender that is started again with the upload's id sends only what is missing.
 */

import {call, oneKey} from "../core/api.js"
import {onceKnown} from "../core/fresh.js"
import {Problem} from "../core/problem.js"
import {canHash, hashOf} from "./hasher.js"
import {PutRefused, put} from "./put.js"

/**
 * @typedef {{n: number, url: string, headers: Record<string, string>}} Part
 * @typedef {"fail" | "replace" | "rename"} Conflict
 * @typedef {object} Job
 * @property {File} file
 * @property {string} parentId
 * @property {string} name
 * @property {Conflict} conflict
 * @property {string} [uploaderName] who sends it, for those who have no account
 * @property {string | null} uploadId of one that began before
 * @property {number} [tries] how often it is announced where leave to send may be on its way
 * @property {AbortSignal} signal
 * @property {(sent: number) => void} progress bytes
 * @property {(upload: any) => void} announced
 * @property {(n: number, hash: string) => void} [hashed] a part, or 1 for what goes in one piece
 */

const ONE_PIECE = 8 * 1024 * 1024
const AT_ONCE = 4
const ASKED_AT_ONCE = 20
const WAITS_MS = [0, 1000, 3000, 5000, 10_000]

/**
 * Raises Problem for what the server refuses, PutRefused when the storage does not take it.
 * @param {Job} job
 * @returns {Promise<any>} the upload as the server sees it
 */
export async function sendFile(job) {
  const upload = job.uploadId ? await call("GET", `/v1/uploads/${job.uploadId}`, job) : await announce(job)
  job.announced(upload)
  if (upload.state === "created") {
    if (upload.strategy === "single") await sendWhole(upload, job)
    else if (upload.strategy === "multipart") await sendParts(upload, job)
    return call("POST", `/v1/uploads/${upload.id}/complete`, {signal: job.signal})
  }
  job.progress(job.file.size)
  return upload
}

/** @param {Job} job */
async function announce({file, parentId, name, conflict, uploaderName, tries = 1, signal, hashed}) {
  const small = file.size <= ONE_PIECE
  const hash = canHash && small ? await hashOf(file) : null
  if (hash) hashed?.(1, hash)
  const body = {
    ...{parent_id: parentId, name, size: file.size, conflict, mime_type: file.type || null},
    uploader_name: uploaderName || undefined,
    modified_at: new Date(file.lastModified).toISOString(),
    blocks_sha256: hash && [hash],
    parts_sha256: canHash && !small,
  }
  const headers = oneKey()
  return onceKnown(tries, () => call("POST", "/v1/uploads", {body, headers, signal}))
}

/**
 * @param {any} upload
 * @param {Job} job
 */
async function sendWhole(upload, {file, progress, signal}) {
  await patiently(signal, async () => {
    try {
      await put(upload.single, file, {progress, signal})
    } catch (error) {
      // There already: an earlier try arrived and its answer did not.
      if (!(error instanceof PutRefused) || error.status !== 412) throw error
    }
  })
}

/**
 * @param {any} upload
 * @param {Job} job
 */
async function sendParts(upload, job) {
  const known = upload.missing ? upload : await call("GET", `/v1/uploads/${upload.id}`, {signal: job.signal})
  /** @type {Map<number, number>} */
  const sent = new Map((known.parts_done ?? []).map((/** @type {any} */ part) => [part.n, part.size]))
  const tell = () => job.progress([...sent.values()].reduce((sum, size) => sum + size, 0))
  tell()
  const numbers = known.missing ?? Array.from({length: upload.part_count}, (_, index) => index + 1)
  const asked = {upload, job, numbers: [...numbers], ready: /** @type {Part[]} */ ([])}
  const stop = new AbortController()
  const signal = AbortSignal.any([job.signal, stop.signal])
  const sendOn = async () => {
    for (let part = await nextPart(asked); part; part = await nextPart(asked)) {
      const {n} = part
      await patiently(signal, async again => {
        const signed = again ? await signedAgain(upload, job, n) : part
        await put(/** @type {Part} */ (signed), slice(upload, job.file, n), {
          signal,
          progress: size => void (sent.set(n, size), tell()),
        })
      })
    }
  }
  try {
    await Promise.all(Array.from({length: AT_ONCE}, sendOn))
  } finally {
    stop.abort()
  }
}

/**
 * @param {{upload: any, job: Job, numbers: number[], ready: Part[], asking?: Promise<void>}} asked
 * @returns {Promise<Part | undefined>}
 */
async function nextPart(asked) {
  // What another of those who send asks for at this moment is for all of them.
  while (!asked.ready.length && (asked.numbers.length || asked.asking)) {
    asked.asking ??= signMore(asked).finally(() => (asked.asking = undefined))
    await asked.asking
  }
  return asked.ready.shift()
}

/** @param {{upload: any, job: Job, numbers: number[], ready: Part[]}} asked */
async function signMore(asked) {
  const some = asked.numbers.splice(0, canHash ? AT_ONCE : ASKED_AT_ONCE)
  asked.ready.push(...(await signed(asked.upload, asked.job, some)))
}

/**
 * @param {any} upload
 * @param {Job} job
 * @param {number[]} numbers
 * @returns {Promise<Part[]>}
 */
async function signed(upload, {file, signal, hashed}, numbers) {
  const sha256 = canHash ? await Promise.all(numbers.map(n => hashOf(slice(upload, file, n)))) : null
  sha256?.forEach((hash, index) => hashed?.(numbers[index], hash))
  const answer = await call("POST", `/v1/uploads/${upload.id}/parts`, {body: {numbers, sha256}, signal})
  return answer.parts
}

/**
 * @param {any} upload
 * @param {Job} job
 * @param {number} n
 */
const signedAgain = async (upload, job, n) => (await signed(upload, job, [n]))[0]

/**
 * @param {{part_size: number}} upload
 * @param {File} file
 * @param {number} n
 */
const slice = ({part_size}, file, n) => file.slice((n - 1) * part_size, n * part_size)

/**
 * Again after a while, and longer each time, where a network or a server was in the way.
 * @param {AbortSignal} signal
 * @param {(again: boolean) => Promise<void>} work
 */
async function patiently(signal, work) {
  for (const [index, wait] of WAITS_MS.entries()) {
    if (wait) await new Promise(go => setTimeout(go, wait * (0.75 + Math.random() / 2)))
    signal.throwIfAborted()
    try {
      return await work(index > 0)
    } catch (error) {
      if (index === WAITS_MS.length - 1 || !worthRepeating(error)) throw error
    }
  }
}

/** @param {unknown} error */
const worthRepeating = error =>
  (error instanceof PutRefused || error instanceof Problem) &&
  (error.status === 0 || error.status >= 500 || error.status === 403 || error.status === 408 || error.status === 429)
