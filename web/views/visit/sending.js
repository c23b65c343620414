/** Sending files as a visitor: choosing them, and how far each is. */

import {useEffect, useMemo, useRef} from "preact/hooks"
import {bytes} from "../../core/format.js"
import {html} from "../../core/html.js"
import {known, t} from "../../core/texts.js"
import {Button, IconButton} from "../../parts/button.js"
import {Icon} from "../../parts/icon.js"
import {Requested} from "../../uploads/requested.js"

/** @typedef {import("../../uploads/requested.js").Entry} Entry */

/** @param {{folders: boolean, name?: () => string, landed?: () => void, refused?: (error: unknown) => void}} how */
export function useRequested(how) {
  const latest = useRef(how)
  latest.current = how
  return useMemo(
    () =>
      new Requested({
        folders: how.folders,
        name: () => latest.current.name?.() ?? "",
        landed: () => latest.current.landed?.(),
        refused: error => latest.current.refused?.(error),
      }),
    [],
  )
}

/** @param {{label: string, picked: (files: FileList) => void, main?: boolean}} of */
export function Picker({label, picked, main = false}) {
  const ref = useRef(/** @type {HTMLInputElement | null} */ (null))
  const changed = (/** @type {any} */ event) => {
    if (event.currentTarget.files?.length) picked(event.currentTarget.files)
    event.currentTarget.value = ""
  }
  return html`
    <${Button} kind=${main ? "main" : "plain"} icon="upload" onClick=${() => ref.current?.click()}>${label}<//>
    <input ref=${ref} type="file" multiple hidden onChange=${changed} />
  `
}

/** @param {{sending: Requested}} of */
export function SentList({sending}) {
  const entries = sending.entries.value
  const ref = useRef(/** @type {HTMLElement | null} */ (null))
  useEffect(() => ref.current?.lastElementChild?.scrollIntoView({block: "nearest"}), [entries.length])
  if (!entries.length) return null
  const done = entries.filter(({state}) => state.value === "ready").length
  return html`
    <p class="sent-sum" role="status">${t("visit.sent", {count: done, all: entries.length})}</p>
    <ul ref=${ref} class="sent" aria-label=${t("tray.label")}>${entries.map(entry => html`<${OneSent} key=${entry.key} entry=${entry} sending=${sending} />`)}</ul>
  `
}

/** @param {{entry: Entry, sending: Requested}} of */
function OneSent({entry, sending}) {
  const state = entry.state.value
  const {name, size} = entry.file
  const share = size ? (entry.sent.value / size) * 100 : 100
  return html`
    <li class="upload ${state}">
      <span class="upload-sign"><${Icon} name=${SIGNS[state] ?? "upload"} size=${18} /></span>
      <div class="upload-text">
        <span class="name">${name}</span>
        <span class="upload-state">${wordsOf(entry)}</span>
        ${state === "sending" && html`<div class="meter" role="progressbar" aria-label=${name} aria-valuenow=${Math.round(share)}><div style=${{inlineSize: `${share}%`}}></div></div>`}
      </div>
      ${state === "failed" && html`<${IconButton} icon="retry" size=${16} label=${t("upload.retry", {name})} onClick=${() => sending.again(entry)} />`}
      ${["waiting", "sending", "failed", "rejected"].includes(state) && html`<${IconButton} icon="close" size=${16} label=${t("upload.cancel", {name})} onClick=${() => sending.drop(entry)} />`}
    </li>
  `
}

/** @type {Record<string, string>} */
const SIGNS = {ready: "check", rejected: "warning", failed: "warning", waiting: "clock"}

/** @param {Entry} entry */
function wordsOf(entry) {
  const state = entry.state.value
  if (state === "sending") return t("tray.of", {sent: bytes(entry.sent.value), size: bytes(entry.file.size)})
  if (state === "ready") return t("visit.arrived")
  const reason = entry.reason && known(`reason.${entry.reason}`) ? t(`reason.${entry.reason}`) : entry.why.value
  return (state === "rejected" || state === "failed") && reason ? reason : t(`upload.${state}`)
}
