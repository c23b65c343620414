/** The frame around what a visitor sees: whose it is, until when, and everything at once. */

import {html} from "../../core/html.js"
import {moment, wholeMoment} from "../../core/format.js"
import {t} from "../../core/texts.js"
import {LanguageChoice} from "../front.js"
import {Mark} from "../mark.js"

/** @param {{visit: import("../../drive/visit.js").Visit, deeds?: any, children: any}} of */
export function VisitFrame({visit, deeds, children}) {
  const door = visit.door.value
  const left = visit.left.value
  const owner = door?.owner.display_name
  return html`
    <div class="visit">
      <header class="visit-head">
        <span class="brand"><${Mark} /><span>Coffer</span></span>
        <p class="visit-facts">
          ${owner && html`<span>${t("visit.from", {owner})}</span>`}
          ${door?.expires_at && html`<span title=${wholeMoment(door.expires_at)}>${t("share.until", {day: moment(door.expires_at)})}</span>`}
          <span role="status">${left !== null ? t("visit.left", {count: left}) : ""}</span>
        </p>
        <span class="gap"></span>
        ${deeds}
      </header>
      <main id="content" class="visit-main" tabindex="-1">${children}</main>
      <footer class="front-foot"><${LanguageChoice} /></footer>
    </div>
  `
}
