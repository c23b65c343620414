/** The page of a public link: what it leads to, for people without an account. */

import {useEffect, useMemo} from "preact/hooks"
import {html} from "../../core/html.js"
import {Problem, wordsFor} from "../../core/problem.js"
import {place} from "../../core/router.js"
import {t} from "../../core/texts.js"
import {Visit} from "../../drive/visit.js"
import {Button} from "../../parts/button.js"
import {Front} from "../front.js"
import {Collecting} from "./collecting.js"
import {Entrance} from "./entrance.js"
import {VisitedFile} from "./visited-file.js"
import {VisitedFolder} from "./visited-folder.js"

export function VisitPage() {
  const visit = useMemo(() => new Visit(place.value[1] ?? ""), [])
  useEffect(() => void visit.look(), [visit])
  const session = visit.session.value
  switch (visit.phase.value) {
    case "looking":
      return html`<${Front} title=${t("visit.looking")}><span class="spinner" role="status" aria-label=${t("loading")}></span><//>`
    case "shut":
      return html`<${Shut} error=${visit.error.value} again=${() => ((visit.phase.value = "looking"), void visit.look())} />`
    case "locked":
      return html`<${Entrance} visit=${visit} />`
  }
  if (!session) return null
  if (session.mode === "upload_only") return html`<${Collecting} visit=${visit} session=${session} />`
  return session.kind === "folder" ? html`<${VisitedFolder} visit=${visit} session=${session} />` : html`<${VisitedFile} visit=${visit} session=${session} />`
}

/** @param {{error: unknown, again: () => void}} of */
function Shut({error, again}) {
  const status = error instanceof Problem ? error.status : 0
  if (status === 404) return html`<${Front} title=${t("visit.nothing")} lead=${t("visit.nothing_lead")} />`
  if (error instanceof Problem && error.code === "link_exhausted") return html`<${Front} title=${t("visit.used_up")} lead=${t("visit.used_up_lead")} />`
  if (error instanceof Problem && error.code === "link_expired") return html`<${Front} title=${t("visit.expired")} lead=${t("visit.expired_lead")} />`
  return html`
    <${Front} title=${t("visit.away")} lead=${wordsFor(error)}><${Button} kind="main" onClick=${again}>${t("action.retry")}<//><//>
  `
}
