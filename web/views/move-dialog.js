/** Chooses a folder to move to: the way for those who do not drag. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../core/api.js"
import {html} from "../core/html.js"
import {wordsFor} from "../core/problem.js"
import {t} from "../core/texts.js"
import {move} from "../drive/deeds.js"
import {Button, IconButton} from "../parts/button.js"
import {Dialog} from "../parts/dialog.js"
import {Icon} from "../parts/icon.js"

/** @typedef {import("../drive/item.js").Item} Item */

/** @param {{items: Item[], listing: import("../drive/listing.js").Listing, close: () => void}} of */
export function MoveDialog({items, listing, close}) {
  const folder = useSignal(/** @type {Item | null} */ (null))
  const inside = useSignal(/** @type {Item[]} */ ([]))
  const wrong = useSignal("")
  const at = useSignal(items[0].parent_id ?? "root")
  useEffect(() => {
    const stop = new AbortController()
    read(at.value, stop.signal).then(
      found => {
        folder.value = found.folder
        inside.value = found.inside
      },
      error => stop.signal.aborted || (wrong.value = wordsFor(error)),
    )
    return () => stop.abort()
  }, [at.value])
  const moved = new Set(items.map(item => item.id))
  const here = folder.value
  const name = here && (here.parent_id === null ? t("nav.files") : here.name)
  const fits = here !== null && here.permissions.write && here.id !== items[0].parent_id
  const run = () => {
    if (!here || !fits) return
    close()
    move(items, {id: here.id, name: name ?? ""}, listing)
  }
  const actions = html`
    <${Button} onClick=${close}>${t("action.cancel")}<//>
    <${Button} kind="main" type="submit" disabled=${!fits}>${t("move.here")}<//>
  `
  return html`
    <${Dialog} title=${t("move.title", {count: items.length, name: items[0].name})} close=${close} submit=${run} actions=${actions}>
      <div class="chooser-head">
        ${here?.parent_id && html`<${IconButton} icon="back" label=${t("move.up")} onClick=${() => (at.value = here.parent_id ?? "root")} />`}
        <strong>${name ?? ""}</strong>
      </div>
      <ul class="chooser">
        ${inside.value.map(
          item => html`
            <li key=${item.id}>
              <button type="button" disabled=${moved.has(item.id)} onClick=${() => (at.value = item.id)}>
                <${Icon} name="folder" filled /><span>${item.name}</span><${Icon} name="chevron" size=${16} />
              </button>
            </li>
          `,
        )}
        ${here && !inside.value.length && html`<li class="hint">${t("move.none")}</li>`}
      </ul>
      ${wrong.value && html`<p class="wrong" role="alert">${wrong.value}</p>`}
    <//>
  `
}

/**
 * @param {string} id
 * @param {AbortSignal} signal
 */
async function read(id, signal) {
  const [folder, page] = await Promise.all([
    call("GET", `/v1/items/${id}`, {signal}),
    call("GET", `/v1/items/${id}/children`, {query: {kind: "folder", limit: 1000}, signal}),
  ])
  return {folder, inside: page.items}
}
