/** The public links of an item: making one, handing it on, shutting it, and who was there. */

import {useSignal} from "@preact/signals"
import {useRef} from "preact/hooks"
import {html} from "../../core/html.js"
import {moment, wholeMoment} from "../../core/format.js"
import {t} from "../../core/texts.js"
import {Button, IconButton} from "../../parts/button.js"
import {Icon} from "../../parts/icon.js"
import {Switch} from "../../parts/switch.js"
import {LinkAccesses} from "./link-accesses.js"
import {LinkForm} from "./link-form.js"

/** @typedef {import("../../drive/sharing.js").Link} Link */

/** @param {import("./people.js").Given} given */
export function Links(given) {
  const {sharing} = given
  const making = useSignal(false)
  const root = useRef(/** @type {HTMLElement | null} */ (null))
  const links = sharing.links.value
  const done = () => {
    making.value = false
    // The keyboard goes back to where it came from.
    requestAnimationFrame(() => root.current?.querySelector("button")?.focus())
  }
  return html`
    <div ref=${root} class="new-link">
      ${making.value
        ? html`<${LinkForm} ...${given} done=${done} />`
        : html`<${Button} kind="main" icon="add" onClick=${() => (making.value = true)}>${t("links.new")}<//>`}
    </div>
    ${!links.length && !making.value && html`<p class="hint">${t("links.none")}</p>`}
    <ul class="links" aria-label=${t("share.links")}>${links.map(link => html`<${OneLink} key=${link.id} link=${link} ...${given} />`)}</ul>
  `
}

/** @param {import("./people.js").Given & {link: Link}} given */
function OneLink(given) {
  const {link, sharing, saying} = given
  const open = useSignal(/** @type {"" | "change" | "accesses" | "delete"} */ (""))
  const name = link.name || t(`link_mode.${link.mode}`)
  const toggle = (/** @type {"change" | "accesses" | "delete"} */ what) => (open.value = open.value === what ? "" : what)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link.url ?? "")
      saying.done(t("links.copied"))
    } catch {
      // No right to the clipboard, or no secure page: the address stands there to be taken by hand.
      saying.done(t("links.copy_by_hand"))
    }
  }
  const shut = (/** @type {boolean} */ active) =>
    saying.try(() => sharing.changeLink(link, {disabled: !active}), t(active ? "links.opened" : "links.shut", {name}))
  const remove = () => saying.try(() => sharing.deleteLink(link), t("links.deleted", {name}))
  return html`
    <li class="link" data-state=${link.state}>
      <div class="link-head">
        <${Icon} name=${link.mode === "upload_only" ? "upload" : "link"} size=${18} />
        <strong>${name}</strong>
        <span class="badge">${t(`link_state.${link.state}`)}</span>
      </div>
      <p class="hint facts-line">${facts(link)}</p>
      ${link.taken_down && html`<p class="wrong">${t("links.taken_down", {reason: link.taken_down.reason})}</p>`}
      ${link.url
        ? html`
            <div class="link-address">
              <input readonly aria-label=${t("links.address", {name})} value=${link.url} onFocus=${(/** @type {any} */ event) => event.currentTarget.select()} />
              <${Button} onClick=${copy} aria-label=${t("links.copy_one", {name})}>${t("links.copy")}<//>
            </div>
          `
        : html`<p class="hint">${t("links.unknown")}</p>`}
      <div class="link-deeds">
        <${Switch} label=${t("links.active")} aria-label=${t("links.active_one", {name})} value=${!link.disabled} disabled=${link.taken_down !== null} change=${shut} />
        <span class="gap"></span>
        <${IconButton} icon="clock" label=${t("links.accesses_one", {name})} aria-expanded=${open.value === "accesses"} onClick=${() => toggle("accesses")} />
        <${IconButton} icon="pencil" label=${t("links.change_one", {name})} aria-expanded=${open.value === "change"} onClick=${() => toggle("change")} />
        <${IconButton} icon="trash" class="danger" label=${t("links.delete_one", {name})} aria-expanded=${open.value === "delete"} onClick=${() => toggle("delete")} />
      </div>
      ${open.value === "accesses" && html`<${LinkAccesses} link=${link} />`}
      ${open.value === "change" && html`<${LinkForm} ...${given} done=${() => (open.value = "")} />`}
      ${open.value === "delete" &&
      html`
        <div class="sure" role="group" aria-label=${t("links.delete_one", {name})}>
          <p>${t("links.delete_sure")}</p>
          <${Button} onClick=${() => toggle("delete")}>${t("action.cancel")}<//>
          <${Button} kind="danger" onClick=${remove}>${t("links.delete")}<//>
        </div>
      `}
    </li>
  `
}

/** @param {Link} link */
function facts(link) {
  const count = link.downloads
  const most = link.max_downloads
  return [
    link.name && t(`link_mode.${link.mode}`),
    link.has_password && t("links.protected"),
    link.expires_at && html`<span title=${wholeMoment(link.expires_at)}>${t("share.until", {day: moment(link.expires_at)})}</span>`,
    most !== null ? t("links.downloads_of", {count, most}) : count > 0 && t("links.downloads", {count}),
    link.notify_on_upload && t("links.notifies"),
  ]
    .filter(Boolean)
    .map((fact, index) => html`${index ? " · " : ""}${fact}`)
}
