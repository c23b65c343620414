/** The field in the place of a name while it is changed. */

import {useSignal} from "@preact/signals"
import {useLayoutEffect, useRef} from "preact/hooks"
import {html} from "../core/html.js"
import {wordsFor} from "../core/problem.js"
import {t} from "../core/texts.js"
import {rename} from "../drive/deeds.js"
import {stemLength} from "../drive/item.js"
import {focusGrid} from "./handling.js"

/** @param {{item: import("../drive/item.js").Item, browsing: import("./browser.js").Browsing}} of */
export function Renaming({item, browsing: {renaming, listing, selection}}) {
  const wrong = useSignal("")
  const ref = useRef(/** @type {HTMLInputElement | null} */ (null))
  const done = useRef(false)
  useLayoutEffect(() => {
    ref.current?.focus()
    ref.current?.setSelectionRange(0, stemLength(item))
  }, [])
  const leave = () => {
    done.current = true
    renaming.value = null
    focusGrid()
  }
  const keep = async () => {
    const name = ref.current?.value.trim() ?? ""
    if (done.current || !name || name === item.name) return leave()
    try {
      await rename(item, name, listing)
      selection.active.value = item.id
      leave()
    } catch (error) {
      wrong.value = wordsFor(error)
      ref.current?.focus()
    }
  }
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    event.stopPropagation()
    if (event.key === "Enter") keep()
    else if (event.key === "Escape") leave()
  }
  return html`
    <span class="renaming">
      <input ref=${ref} class="rename" defaultValue=${item.name} aria-label=${t("rename.label", {name: item.name})} aria-invalid=${Boolean(wrong.value)} aria-describedby="rename-wrong" onKeyDown=${pressed} onBlur=${() => wrong.value || keep()} onDblClick=${(/** @type {Event} */ event) => event.stopPropagation()} />
      <span id="rename-wrong" class="rename-wrong" role="alert">${wrong.value}</span>
    </span>
  `
}
