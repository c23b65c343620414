/** Removes everything in the trash for good, after asking. */

import {html} from "../core/html.js"
import {call} from "../core/api.js"
import {t} from "../core/texts.js"
import {say} from "../core/toasts.js"
import {Button} from "../parts/button.js"
import {ask} from "../parts/dialogs.js"
import {Confirm} from "./confirm.js"

/** @param {{listing: import("../drive/listing.js").Listing}} of */
export function EmptyTrash({listing}) {
  if (!listing.total.value) return null
  const empty = async () => {
    await call("DELETE", "/v1/trash")
    listing.remove(listing.items.map(item => item.id))
    say(t("trash.emptied"))
  }
  const asking = () =>
    ask(close => html`<${Confirm} ...${{title: t("trash.empty"), text: t("trash.empty_sure"), action: t("trash.empty"), run: empty, close}} />`)
  return html`<${Button} onClick=${asking}>${t("trash.empty")}<//>`
}
