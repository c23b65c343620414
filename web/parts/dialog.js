/** A dialog above the page. The browser keeps the keyboard in it and gives it back afterwards. */

import {useId, useLayoutEffect, useRef} from "preact/hooks"
import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {IconButton} from "./button.js"

/**
 * @param {{title: string, close?: () => void, children?: any, actions?: any, submit?: () => void, wide?: boolean, plain?: boolean}} of
 *   without `close` it cannot be left; `plain` has forms of its own inside
 */
export function Dialog({title, close, children, actions, submit, wide = false, plain = false}) {
  const id = useId()
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null))
  useLayoutEffect(() => {
    const dialog = /** @type {HTMLDialogElement} */ (ref.current)
    const from = document.activeElement
    dialog.showModal()
    return () => {
      dialog.close()
      // What closes and is removed at once gives the keyboard to nobody. Whoever has taken it meanwhile keeps it.
      queueMicrotask(() => document.activeElement === document.body && from instanceof HTMLElement && from.focus({preventScroll: true}))
    }
  }, [])
  const left = (/** @type {Event} */ event) => {
    event.preventDefault()
    close?.()
  }
  const sent = (/** @type {Event} */ event) => {
    event.preventDefault()
    submit?.()
  }
  const beside = (/** @type {MouseEvent} */ event) => event.target === ref.current && close?.()
  return html`
    <dialog ref=${ref} class="dialog ${wide ? "wide" : ""}" aria-labelledby=${id} onCancel=${left} onPointerDown=${beside}>
      <${plain ? "div" : "form"} class="dialog-inner" onSubmit=${sent} noValidate>
        <header>
          <h2 id=${id}>${title}</h2>
          ${close && html`<${IconButton} icon="close" label=${t("action.close")} onClick=${close} />`}
        </header>
        <div class="dialog-body" tabindex=${actions || plain ? undefined : 0}>${children}</div>
        ${actions && html`<footer>${actions}</footer>`}
      <//>
    </dialog>
  `
}
