/** One file behind a public link. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {bytes, wholeMoment} from "../../core/format.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {download, givesBytes} from "../../drive/deeds.js"
import {kindOf} from "../../drive/item.js"
import {Button} from "../../parts/button.js"
import {Failed} from "../empty.js"
import {useTitle} from "../title.js"
import {Viewer} from "../viewer.js"
import {VisitFrame} from "./visit-frame.js"

/** @param {{visit: import("../../drive/visit.js").Visit, session: import("../../drive/visit.js").Session}} of */
export function VisitedFile({visit, session}) {
  const item = useSignal(/** @type {import("../../drive/item.js").Item | null} */ (null))
  const error = useSignal(/** @type {unknown} */ (null))
  useEffect(() => {
    const stop = new AbortController()
    visit.item(session.item_id, stop.signal).then(
      found => (item.value = found),
      caught => {
        if (stop.signal.aborted) return
        error.value = caught
        visit.doubt(caught)
      },
    )
    return () => stop.abort()
  }, [session.item_id])
  useTitle(session.name)
  const shown = item.value
  const deeds = givesBytes.value && shown && html`<${Button} kind="main" icon="download" onClick=${() => download([shown])}>${t("action.download")}<//>`
  return html`
    <${VisitFrame} visit=${visit} deeds=${deeds}>
      <div class="page visited-file">
        <div class="page-head">
          <h1>${session.name}</h1>
          ${shown && html`<p class="hint">${kindOf(shown)} · ${bytes(shown.size)} · ${wholeMoment(shown.modified_at)}</p>`}
        </div>
        <div class="page-body">
          ${error.value !== null && html`<${Failed} error=${error.value} again=${() => location.reload()} />`}
          ${shown && html`<div class="visited-view"><${Viewer} key=${shown.version_id} item=${shown} /></div>`}
        </div>
      </div>
    <//>
  `
}
