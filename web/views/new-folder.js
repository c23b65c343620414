/** Asks what a new folder shall be called. */

import {useSignal} from "@preact/signals"
import {html} from "../core/html.js"
import {t} from "../core/texts.js"
import {makeFolder} from "../drive/deeds.js"
import {Button} from "../parts/button.js"
import {Dialog} from "../parts/dialog.js"
import {Field} from "../parts/field.js"
import {useSending} from "./form.js"

/** @param {{into: {id: string, listing: import("../drive/listing.js").Listing}, close: () => void}} of */
export function NewFolder({into, close}) {
  const name = useSignal(t("new.folder_name"))
  const form = useSending(async () => {
    await makeFolder(into.id, name.value.trim(), into.listing)
    close()
  })
  const actions = html`
    <${Button} onClick=${close}>${t("action.cancel")}<//>
    <${Button} kind="main" type="submit" busy=${form.busy}>${t("action.create")}<//>
  `
  return html`
    <${Dialog} title=${t("new.folder")} close=${close} submit=${form.send} actions=${actions}>
      <${Field}
        ...${{label: t("new.folder_label"), name: "name", autocomplete: "off", focus: true, select: name.value.length}}
        ...${{value: name.value, change: (/** @type {string} */ value) => (name.value = value)}}
        ...${{error: form.at("/name") ?? form.words ?? undefined}}
      />
    <//>
  `
}
