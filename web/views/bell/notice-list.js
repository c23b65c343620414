/** Notices, newest first; more of them as somebody scrolls. */

import {useEffect, useRef} from "preact/hooks"
import {wordsFor} from "../../core/problem.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {Icon} from "../../parts/icon.js"
import {begin, failure, feed, more} from "../../telling/notices.js"
import {NoticeRow} from "./notice-row.js"

/** @param {{close: () => void}} of */
export function NoticeList({close}) {
  const known = feed.value
  if (failure.value && !known?.items.length) return html`<${Unread} error=${failure.value} />`
  if (!known) return html`<div class="notices-empty" aria-busy="true"><span class="spinner" role="status" aria-label=${t("loading")}></span></div>`
  if (!known.items.length) return html`<${Nothing} />`
  return html`
    <ul class="notice-list">
      ${known.items.map(notice => html`<${NoticeRow} key=${notice.id} notice=${notice} close=${close} />`)}
      ${known.next && html`<${End} key=${known.next} failed=${Boolean(failure.value)} />`}
    </ul>
  `
}

const Nothing = () => html`
  <div class="notices-empty">
    <span class="empty-sign"><${Icon} name="bell" size=${36} /></span>
    <p class="empty-title">${t("bell.empty")}</p>
    <p>${t("bell.empty_more")}</p>
  </div>
`

/** @param {{error: unknown}} of */
const Unread = ({error}) => html`
  <div class="notices-empty" role="alert">
    <p class="empty-title">${wordsFor(error)}</p>
    <${Button} onClick=${begin}>${t("action.retry")}<//>
  </div>
`

/**
 * Where the page ends: coming near it asks for the next one.
 * @param {{failed: boolean}} of
 */
function End({failed}) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null))
  useEffect(() => {
    const end = /** @type {HTMLElement} */ (ref.current)
    const near = new IntersectionObserver(([entry]) => entry.isIntersecting && more(), {root: end.parentElement, rootMargin: "400px"})
    near.observe(end)
    return () => near.disconnect()
  }, [])
  return html`<li ref=${ref} class="notices-more">${failed ? html`<${Button} onClick=${more}>${t("action.retry")}<//>` : t("loading")}</li>`
}
