/** Toasts, read out as they come. */

import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {dismiss, toasts} from "../core/toasts.js"
import {IconButton} from "./button.js"

export const ToastList = () => html`
  <div class="toasts" role="status" aria-live="polite" aria-label=${t("toasts.label")}>
    ${toasts.value.map(toast => html`<${OneToast} key=${toast.id} toast=${toast} />`)}
  </div>
`

/** @param {{toast: import("../core/toasts.js").Toast}} of */
function OneToast({toast: {id, text, kind, action}}) {
  const act = () => {
    dismiss(id)
    action?.run()
  }
  return html`
    <div class="toast ${kind}">
      <span>${text}</span>
      ${action && html`<button type="button" class="toast-action" onClick=${act}>${action.text}</button>`}
      <${IconButton} icon="close" size=${16} label=${t("action.dismiss")} onClick=${() => dismiss(id)} />
    </div>
  `
}
