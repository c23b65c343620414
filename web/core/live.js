/**
 * What happens on the server, as it happens: one stream for all tabs of a browser, held open by one of them.
 *
 * `EventSource` cannot carry a token, so the stream is read by hand.
 */

import {effect, signal} from "@preact/signals"
import {send} from "./api.js"
import {state} from "./session.js"
import {alone, hear, tell} from "./tabs.js"

/** @typedef {{event: string, data: any}} News */

const LONGEST_WAIT_MS = 15_000
const SILENCE_MS = 50_000

/** Whether news would be heard now. */
export const connection = signal(/** @type {"connecting" | "live" | "away"} */ ("connecting"))

/** @type {Set<(news: News) => void>} */
const hearers = new Set()
let lastId = ""
/** Gives the stream up that is being read. */
let cut = () => {}

/**
 * @param {(news: News) => void} hear
 * @returns {() => void} stops hearing
 */
export function onNews(hear) {
  hearers.add(hear)
  return () => void hearers.delete(hear)
}

/**
 * After a time away. The stream tells what was missed as far as it remembers; whoever shows how things stand asks anew.
 * @param {() => void} run
 * @returns {() => void} stops
 */
export function onReturn(run) {
  let away = false
  return effect(() => {
    if (connection.value === "live" && away) queueMicrotask(run)
    away = connection.value === "away"
  })
}

/** @param {News} news */
function spread(news) {
  for (const hear of hearers) hear(news)
}

hear("news", message => {
  // A page of a public link is nobody's, whoever is signed in beside it.
  if (state.value === "starting") return
  lastId = message.id
  connection.value = "live"
  spread(message.news)
})
hear("connection", message => (connection.value = message.value))

/** @param {"connecting" | "live" | "away"} value */
function connected(value) {
  if (connection.value === value) return
  connection.value = value
  tell({kind: "connection", value})
}

/**
 * The blocks of a stream of server-sent events, as far as they are whole; and what is left.
 * @param {string} text
 * @returns {{blocks: {id: string | null, event: string, data: string}[], rest: string}}
 */
export function blocksIn(text) {
  const parts = text.replaceAll("\r\n", "\n").split("\n\n")
  const rest = parts.pop() ?? ""
  const blocks = parts.map(part => {
    const block = {id: /** @type {string | null} */ (null), event: "", data: ""}
    for (const line of part.split("\n")) {
      const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? []
      if (name === "id") block.id = value
      else if (name === "event") block.event = value
      else if (name === "data") block.data += value
    }
    return block
  })
  return {blocks, rest}
}

/** @param {AbortSignal} signal */
async function readOn(signal) {
  const silence = new AbortController()
  const giveUp = (cut = () => silence.abort())
  let patience = setTimeout(giveUp, SILENCE_MS)
  try {
    const headers = lastId ? {"Last-Event-ID": lastId} : undefined
    const answer = await send("GET", "/v1/stream", {headers, signal: AbortSignal.any([signal, silence.signal])})
    if (!answer.ok || !answer.body) throw new Error(`no stream: ${answer.status}`)
    connected("live")
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let rest = ""; ; ) {
      const {done, value} = await reader.read()
      if (done) return
      clearTimeout(patience)
      patience = setTimeout(giveUp, SILENCE_MS)
      const read = blocksIn(rest + value)
      rest = read.rest
      for (const {id, event, data} of read.blocks) {
        if (id !== null) lastId = id
        if (!event) continue
        const news = {event, data: data ? JSON.parse(data) : {}}
        spread(news)
        tell({kind: "news", id: lastId, news})
      }
    }
  } finally {
    clearTimeout(patience)
  }
}

/** @param {AbortSignal} signal */
async function keepReading(signal) {
  for (let wait = 500; !signal.aborted; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    const began = Date.now()
    try {
      await readOn(signal)
    } catch {
      if (signal.aborted) return
      connected("away")
    }
    // One that went well for a while ended with its token: at once again.
    if (Date.now() - began > LONGEST_WAIT_MS) wait = 250
    await pause(wait * (1 + Math.random() / 2), signal)
  }
}

/**
 * Until then, or until the network comes back.
 * @param {number} ms
 * @param {AbortSignal} signal
 */
const pause = (ms, signal) =>
  new Promise(go => {
    const end = () => go(undefined)
    setTimeout(end, ms)
    addEventListener("online", end, {once: true})
    signal.addEventListener("abort", end, {once: true})
  })

effect(() => {
  if (state.value !== "in") return
  const stop = new AbortController()
  alone("live", () => keepReading(stop.signal), stop.signal).catch(() => undefined)
  return () => stop.abort()
})

addEventListener("offline", () => {
  connection.value = "away"
  // Nobody says when a stream without a network is over; another one begins as soon as there is a network.
  cut()
})
