/** One's own photo: chosen, sent straight to the storage, looked at by the server, and then seen by everybody. */

import {useSignal} from "@preact/signals"
import {useEffect, useMemo, useRef} from "preact/hooks"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {Problem} from "../../core/problem.js"
import {user} from "../../core/session.js"
import {known, t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {Avatar} from "../avatar.js"
import {useSending} from "../form.js"

const KINDS = "image/jpeg,image/png,image/webp,image/gif,image/avif,image/heic,image/tiff,image/bmp"
const LOOKS_MS = [300, 500, 700, 1000, 1500, 2000, 3000, 4000, 5000, 5000, 5000, 5000]
const OPEN = ["created", "received"]

/** @param {{me: import("../../core/session.js").User}} of */
export function Photo({me}) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null))
  const state = useSignal("")
  const stop = useMemo(() => new AbortController(), [])
  useEffect(() => () => stop.abort(), [])
  /** @param {any} answer */
  const take = answer => {
    user.value = {...me, ...answer, photo_at: Date.now()}
  }
  const sending = useSending(async () => {
    const file = input.current?.files?.[0]
    if (!file) return
    state.value = t("photo.sending")
    try {
      const signed = await call("PUT", "/v1/me/photo", {body: {size: file.size, mime_type: file.type || "application/octet-stream"}, signal: stop.signal})
      await put(signed, file, stop.signal)
      state.value = t("photo.checking")
      take(await verdict(signed.id, stop.signal))
    } finally {
      state.value = ""
      if (input.current) input.current.value = ""
    }
  })
  const removing = useSending(async () => {
    await call("DELETE", "/v1/me/photo")
    take({photo: null})
  })
  const wrong = sending.words ?? sending.at("/mime_type") ?? sending.at("/size") ?? removing.words
  return html`
    <div class="profile">
      <${Avatar} person=${me} />
      <div class="photo-does">
        <input ref=${input} type="file" accept=${KINDS} hidden aria-label=${t("photo.choose")} onChange=${() => sending.send(undefined)} />
        <div class="row-of-buttons">
          <${Button} busy=${sending.busy} onClick=${() => input.current?.click()}>${me.photo ? t("photo.other") : t("photo.choose")}<//>
          ${me.photo && html`<${Button} busy=${removing.busy} onClick=${removing.send}>${t("photo.remove")}<//>`}
        </div>
        <p class="hint" role="status">${state.value || t("photo.hint")}</p>
        ${wrong && html`<p class="wrong" role="alert">${wrong}</p>`}
      </div>
    </div>
  `
}

/**
 * Straight to the storage, with the headers as they were signed. Raises Problem.
 * @param {{method: string, url: string, headers: Record<string, string>}} signed
 * @param {File} file
 * @param {AbortSignal} signal
 */
async function put({method, url, headers}, file, signal) {
  let answer
  try {
    answer = await fetch(url, {method, headers, body: file, signal})
  } catch {
    throw new Problem(0, {code: "offline"})
  }
  if (!answer.ok) throw new Problem(answer.status, {code: "photo_not_taken"})
}

/**
 * What became of the photo; the account then. Raises Problem with why it is none.
 * @param {string} id
 * @param {AbortSignal} signal
 */
async function verdict(id, signal) {
  for (const wait of LOOKS_MS) {
    await new Promise(go => setTimeout(go, wait))
    const me = await call("GET", "/v1/me", {signal})
    if (me.sent_photo?.id !== id || me.sent_photo.state === "ready") return me
    if (OPEN.includes(me.sent_photo.state)) continue
    const code = `photo_${me.sent_photo.reason}`
    throw new Problem(422, {code: known(`problem.${code}`) ? code : "photo_rejected", detail: me.sent_photo.detail})
  }
  throw new Problem(504, {code: "photo_late"})
}
