/** The tray of uploads: how far each is, then what the server made of it. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {bytes, duration} from "../core/format.js"
import {html} from "../core/html.js"
import {known, t} from "../core/texts.js"
import {Button, IconButton} from "../parts/button.js"
import {Icon} from "../parts/icon.js"
import {active, conflicts, entries, missing, open, totals} from "../uploads/entries.js"
import {goOnWith, reopen} from "../uploads/resuming.js"
import {cancel, decide, pause, resume, retry, tidy} from "../uploads/tray.js"
import {pickFiles} from "./picker.js"

/** @typedef {import("../uploads/entries.js").Entry} Entry */

const SHOWN = 200

export function Tray() {
  const all = entries.value
  if (!all.length) return null
  const left = active.value.length
  return html`
    <section class="tray" aria-label=${t("tray.label")}>
      <header>
        <h2 role="status">${left ? t("tray.busy", {count: left}) : t("tray.done", {count: all.length})}</h2>
        <${IconButton} icon=${open.value ? "down" : "chevron"} label=${t(open.value ? "tray.fold" : "tray.unfold")} aria-expanded=${open.value} onClick=${() => (open.value = !open.value)} />
        ${!left && !missing.value.length && html`<${IconButton} icon="close" label=${t("tray.clear")} onClick=${tidy} />`}
      </header>
      ${left > 0 && html`<${Total} />`}
      ${open.value &&
      html`
        ${conflicts.value.length > 1 && html`<${Choices} some=${conflicts.value} />`}
        ${missing.value.length > 1 && html`<${Missing} some=${missing.value} />`}
        <ul>${all.slice(-SHOWN).map(entry => html`<${OneUpload} key=${entry.key} entry=${entry} />`)}</ul>
        ${all.length > 3 && left > 0 && html`<footer><button type="button" class="quiet-link" onClick=${tidy}>${t("tray.tidy")}</button></footer>`}
      `}
    </section>
  `
}

function Total() {
  const {size, sent} = totals.value
  const speed = useSpeed()
  const share = size ? (sent / size) * 100 : 100
  return html`
    <div class="total">
      <div class="meter" role="progressbar" aria-label=${t("tray.label")} aria-valuenow=${Math.round(share)}><div style=${{inlineSize: `${share}%`}}></div></div>
      <p>
        ${t("tray.of", {sent: bytes(sent), size: bytes(size)})}
        ${speed > 0 && sent < size && html` · ${t("tray.speed", {speed: bytes(speed), left: duration((size - sent) / speed)})}`}
      </p>
    </div>
  `
}

/** Bytes a second over the last few. */
function useSpeed() {
  const speed = useSignal(0)
  useEffect(() => {
    let before = totals.value.sent
    const timer = setInterval(() => {
      const {sent} = totals.value
      speed.value = speed.value * 0.6 + Math.max(0, sent - before) * 0.4
      before = sent
    }, 1000)
    return () => clearInterval(timer)
  }, [])
  return speed.value
}

/** @param {{entry: Entry}} of */
function OneUpload({entry}) {
  const state = entry.state.value
  const share = entry.size ? (entry.sent.value / entry.size) * 100 : 100
  return html`
    <li class="upload ${state}">
      <span class="upload-sign"><${Icon} name=${signs[state] ?? "upload"} size=${18} /></span>
      <div class="upload-text">
        ${entry.itemId && (state === "ready" || state === "preview")
          ? html`<a class="name" href="/app/items/${entry.itemId}">${entry.name}</a>`
          : html`<span class="name">${entry.name}</span>`}
        <span class="upload-more"><span class="upload-state">${wordsOf(entry)}</span>${entry.uploadId && html`<a class="story" href="/app/uploads/${entry.uploadId}" aria-label=${t("story.of", {name: entry.name})}>${t("story.link")}</a>`}</span>
        ${["sending", "paused", "missing"].includes(state) &&
        html`<div class="meter" role="progressbar" aria-label=${entry.name} aria-valuenow=${Math.round(share)}><div style=${{inlineSize: `${share}%`}}></div></div>`}
        ${state === "conflict" && html`<${Choices} some=${[entry]} />`}
        ${state === "missing" && html`<${Missing} some=${[entry]} />`}
      </div>
      <${Handles} entry=${entry} />
    </li>
  `
}

/** @type {Record<string, string>} */
const signs = {ready: "check", rejected: "warning", failed: "warning", conflict: "warning", paused: "pause", missing: "warning", waiting: "clock"}

/** @param {Entry} entry */
function wordsOf(entry) {
  const state = entry.state.value
  if (state === "sending") return t("tray.of", {sent: bytes(entry.sent.value), size: bytes(entry.size)})
  const reason = entry.reason && known(`reason.${entry.reason}`) ? t(`reason.${entry.reason}`) : entry.why.value
  return ["rejected", "failed", "missing"].includes(state) && reason ? reason : t(`upload.${state}`)
}

/** @param {{entry: Entry}} of */
function Handles({entry}) {
  const state = entry.state.value
  const {name} = entry
  return html`
    ${state === "sending" && html`<${IconButton} icon="pause" size=${16} label=${t("upload.pause", {name})} onClick=${() => pause(entry)} />`}
    ${state === "paused" && html`<${IconButton} icon="play" size=${16} label=${t("upload.resume", {name})} onClick=${() => resume(entry)} />`}
    ${state === "failed" && html`<${IconButton} icon="retry" size=${16} label=${t("upload.retry", {name})} onClick=${() => retry(entry)} />`}
    ${["waiting", "sending", "paused", "missing", "failed"].includes(state) && html`<${IconButton} icon="close" size=${16} label=${t("upload.cancel", {name})} onClick=${() => cancel(entry)} />`}
  `
}

/** @param {{some: Entry[]}} of */
const Choices = ({some}) => html`
  <div class="choices" role="group" aria-label=${t("conflict.label", {count: some.length, name: some[0].name})}>
    ${some.length > 1 && html`<p>${t("conflict.label", {count: some.length, name: some[0].name})}</p>`}
    <${Button} onClick=${() => decide(some, "rename")}>${t("conflict.rename")}<//>
    <${Button} onClick=${() => decide(some, "replace")}>${t("conflict.replace")}<//>
    <${Button} kind="quiet" onClick=${() => decide(some, "skip")}>${t("conflict.skip")}<//>
  </div>
`

/** Their files again: opened by the browser where it kept the way to them, else chosen by the person. @param {{some: Entry[]}} of */
function Missing({some}) {
  const [first] = some
  const lost = some.filter(entry => !entry.handle)
  const goOn = () => {
    for (const entry of some) if (entry.handle) void reopen(entry)
    if (lost.length) pickFiles({multiple: some.length > 1}, files => void goOnWith(lost, files))
  }
  const label = t("missing.label", {count: some.length, name: first.name})
  return html`
    <div class="choices" role="group" aria-label=${label}>
      ${some.length > 1 && html`<p>${label}</p>`}
      <${Button} onClick=${goOn}>${lost.length ? t("missing.choose", {count: some.length}) : t("missing.go_on")}<//>
    </div>
  `
}
