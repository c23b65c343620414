/** How full the drive is, and of what. */

import {bytes} from "../../core/format.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {Read, useReading} from "./reading.js"
import {Section} from "./section.js"

const KINDS = ["image", "video", "audio", "document", "text", "archive", "other"]

export function Storage() {
  const reading = useReading("/v1/usage")
  return html`
    <${Section} title=${t("section.storage")} hint=${t("storage.hint")}>
      <${Read} reading=${reading}>${(/** @type {any} */ usage) => html`<${Room} usage=${usage} />`}<//>
    <//>
  `
}

/** @param {{usage: any}} of */
function Room({usage}) {
  const parts = [
    ...KINDS.map(kind => ({name: kind, text: t(`kind.${kind}`), size: usage.by_type[kind]?.bytes ?? 0, more: t("storage.files", {count: usage.by_type[kind]?.files ?? 0})})),
    {name: "versions", text: t("storage.versions"), size: usage.versions.bytes, more: t("storage.older", {count: usage.versions.count})},
    {name: "reserved", text: t("storage.reserved"), size: usage.reserved, more: ""},
  ].filter(part => part.size > 0)
  const taken = usage.used + usage.reserved
  const share = (taken / Math.max(1, usage.limit)) * 100
  const free = Math.max(0, usage.limit - taken)
  return html`
    <p class="storage-total"><strong>${t("usage.of", {used: bytes(usage.used), limit: bytes(usage.limit)})}</strong><span>${t("storage.free", {size: bytes(free)})}</span></p>
    <div class="storage-bar" role="meter" aria-label=${t("usage.label")} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.min(100, Math.round(share))} aria-valuetext=${t("usage.of", {used: bytes(usage.used), limit: bytes(usage.limit)})}>
      ${parts.map(part => html`<div key=${part.name} class="kind-${part.name}" title=${`${part.text}: ${bytes(part.size)}`} style=${{flexGrow: part.size}}></div>`)}
      <div class="kind-free" style=${{flexGrow: free}}></div>
    </div>
    ${share > 90 && html`<p class="wrong">${t("storage.nearly")}</p>`}
    <ul class="storage-parts">
      ${parts.map(
        part => html`
          <li key=${part.name}>
            <span class="storage-sign kind-${part.name}" aria-hidden="true"></span><span>${part.text}</span><span class="hint">${part.more}</span><span class="storage-size">${bytes(part.size)}</span>
          </li>
        `,
      )}
      ${parts.length === 0 && html`<li class="hint">${t("storage.nothing")}</li>`}
    </ul>
    ${usage.trash.bytes > 0 &&
    html`<p>${t(usage.trash.settled ? "storage.trash" : "storage.trash_counting", {size: bytes(usage.trash.bytes)})} <a href="/app/trash">${t("storage.to_trash")}</a></p>`}
  `
}
