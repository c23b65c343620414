/** A file in full, over everything; with the ones beside it a key away. */

import {useSignal} from "@preact/signals"
import {useEffect, useLayoutEffect, useRef} from "preact/hooks"
import {call} from "../core/api.js"
import {html} from "../core/html.js"
import {wordsFor} from "../core/problem.js"
import {go, query} from "../core/router.js"
import {t, turned} from "../core/texts.js"
import {download, givesBytes} from "../drive/deeds.js"
import {IconButton} from "../parts/button.js"
import {shownListing} from "./shown-listing.js"
import {Viewer} from "./viewer.js"

/** @typedef {import("../drive/item.js").Item} Item */

/** @param {{id: string}} of */
export function Lightbox({id}) {
  const item = useSignal(/** @type {Item | null} */ (shownListing.value?.byId.get(id) ?? null))
  const wrong = useSignal("")
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null))
  useLayoutEffect(() => {
    const dialog = /** @type {HTMLDialogElement} */ (ref.current)
    dialog.showModal()
    return () => dialog.close()
  }, [])
  useEffect(() => {
    const stop = new AbortController()
    wrong.value = ""
    item.value = shownListing.value?.byId.get(id) ?? item.value
    call("GET", `/v1/items/${id}`, {signal: stop.signal}).then(
      found => (item.value = found),
      error => stop.signal.aborted || (wrong.value = wordsFor(error)),
    )
    return () => stop.abort()
  }, [id])
  const [before, after] = beside(id)
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.target instanceof HTMLMediaElement) return
    const [back, on] = turned() ? ["ArrowRight", "ArrowLeft"] : ["ArrowLeft", "ArrowRight"]
    if (event.key === back && before) show(before.id)
    else if (event.key === on && after) show(after.id)
    else return
    event.preventDefault()
  }
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault()
    show(null)
  }
  const shown = item.value
  return html`
    <dialog ref=${ref} class="lightbox" aria-label=${shown?.name ?? t("loading")} onKeyDown=${pressed} onCancel=${cancel}>
      <header>
        <h2>${shown?.name ?? ""}</h2>
        ${shown && givesBytes.value && html`<${IconButton} icon="download" label=${t("action.download")} onClick=${() => download([shown])} />`}
        <${IconButton} icon="close" label=${t("action.close")} onClick=${() => show(null)} />
      </header>
      <div class="lightbox-body">
        ${wrong.value && html`<p role="alert">${wrong.value}</p>`}
        ${shown && shown.id === id && html`<${Viewer} key=${id} item=${shown} />`}
      </div>
      ${before && html`<${IconButton} icon="back" class="before" label=${t("lightbox.before")} onClick=${() => show(before.id)} />`}
      ${after && html`<${IconButton} icon="chevron" class="after" label=${t("lightbox.after")} onClick=${() => show(after.id)} />`}
    </dialog>
  `
}

/**
 * The address holds what is open, so that going back closes it.
 * @param {string | null} id
 */
function show(id) {
  const next = new URLSearchParams(query.value)
  if (id) next.set("open", id)
  else next.delete("open")
  go(location.pathname + (next.size ? `?${next}` : ""), {replace: true})
}

/**
 * The files before and after in the listing on the screen.
 * @param {string} id
 */
function beside(id) {
  const files = (shownListing.value?.items ?? []).filter(item => item.kind === "file")
  const at = files.findIndex(item => item.id === id)
  return at < 0 ? [] : [files[at - 1], files[at + 1]]
}
