/** One notice: what it says, where it leads, and that it was read. */

import {moment, wholeMoment} from "../../core/format.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {sayWrong} from "../../core/toasts.js"
import {IconButton} from "../../parts/button.js"
import {Icon} from "../../parts/icon.js"
import {markRead, remove} from "../../telling/notices.js"
import {placeOf, sentence, signOf} from "../../telling/sentences.js"

/** @param {{notice: import("../../telling/notices.js").Notice, close: () => void}} of */
export function NoticeRow({notice, close}) {
  const text = sentence(notice)
  const fresh = notice.read_at === null
  const more = notice.data.message || notice.data.detail
  const opened = () => {
    markRead(notice).catch(sayWrong)
    close()
  }
  return html`
    <li class="notice ${fresh ? "fresh" : ""}">
      <a href=${placeOf(notice)} onClick=${opened}>
        <span class="notice-sign"><${Icon} name=${signOf(notice)} /></span>
        <span class="notice-text">
          <span>${fresh && html`<span class="unseen">${t("bell.fresh")} </span>`}${text}</span>
          ${more && html`<span class="notice-more">${more}</span>`}
          <time datetime=${notice.created_at} title=${wholeMoment(notice.created_at)}>${moment(notice.created_at)}</time>
        </span>
      </a>
      <div class="notice-does">
        ${fresh && html`<${IconButton} icon="check" size=${18} label=${t("bell.read_one", {text})} title=${t("bell.read")} onClick=${() => markRead(notice).catch(sayWrong)} />`}
        <${IconButton} icon="close" size=${18} label=${t("bell.remove_one", {text})} title=${t("bell.remove")} onClick=${() => remove(notice).catch(sayWrong)} />
      </div>
    </li>
  `
}
