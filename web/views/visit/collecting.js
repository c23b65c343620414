/** A link that collects files: drop some or pick them, and see what became of each. Nothing of the folder is shown. */

import {useSignal} from "@preact/signals"
import {useRef} from "preact/hooks"
import {html} from "../../core/html.js"
import {wholeMoment} from "../../core/format.js"
import {t} from "../../core/texts.js"
import {nameOf} from "../../drive/item.js"
import {Field} from "../../parts/field.js"
import {filesIn, filesPicked} from "../../uploads/dropped.js"
import {Front} from "../front.js"
import {Picker, SentList, useRequested} from "./sending.js"

const NAME_LENGTH = 100

/** @param {{visit: import("../../drive/visit.js").Visit, session: import("../../drive/visit.js").Session}} of */
export function Collecting({visit, session}) {
  const name = useSignal("")
  const over = useSignal(false)
  const called = useRef("")
  called.current = name.value
  const sending = useRequested({folders: false, name: () => called.current, refused: error => visit.doubt(error)})
  const door = visit.door.value
  const owner = nameOf({id: "", username: null, display_name: door?.owner.display_name ?? null})
  const on = {
    onDragOver: (/** @type {DragEvent} */ event) => {
      event.preventDefault()
      over.value = true
    },
    onDragLeave: () => (over.value = false),
    onDrop: (/** @type {DragEvent} */ event) => {
      event.preventDefault()
      over.value = false
      if (event.dataTransfer) void filesIn(event.dataTransfer).then(found => sending.add(found, session.item_id))
    },
  }
  return html`
    <${Front} title=${session.name} lead=${t("visit.asks", {owner})}>
      ${door?.expires_at && html`<p class="hint">${t("visit.deadline", {time: wholeMoment(door.expires_at)})}</p>`}
      <${Field} label=${t("visit.your_name")} hint=${t("visit.your_name_hint", {owner})} name="name" autocomplete="name" maxlength=${NAME_LENGTH} value=${name.value} change=${(/** @type {string} */ value) => (name.value = value)} />
      <div class="drop-zone" data-over=${over.value || undefined} ...${on}>
        <p>${t("visit.drop")}</p>
        <${Picker} main label=${t("visit.pick")} picked=${(/** @type {FileList} */ files) => sending.add(filesPicked(files), session.item_id)} />
      </div>
      <${SentList} sending=${sending} />
    <//>
  `
}
