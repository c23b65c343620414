/** The bell: how many notices wait, and the feed of them below it. */

import {useSignal} from "@preact/signals"
import {useEffect, useRef} from "preact/hooks"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {sayWrong} from "../../core/toasts.js"
import {IconButton} from "../../parts/button.js"
import {Icon} from "../../parts/icon.js"
import {begin, markAllRead, unread} from "../../telling/notices.js"
import {NoticeList} from "./notice-list.js"

const PANEL = "notices"
const MOST_SHOWN = 99

export function Bell() {
  const open = useSignal(false)
  const panel = useRef(/** @type {HTMLElement | null} */ (null))
  useEffect(() => {
    if (open.value) begin()
  }, [open.value])
  const count = unread.value
  const close = () => panel.current?.hidePopover()
  const toggled = (/** @type {any} */ event) => (open.value = event.newState === "open")
  return html`
    <button
      type="button"
      class="icon-button"
      popovertarget=${PANEL}
      aria-haspopup="dialog"
      aria-expanded=${open.value}
      aria-label=${count ? t("bell.label_unread", {count}) : t("bell.label")}
      title=${t("bell.label")}
    >
      <${Icon} name="bell" size=${22} />
      ${count > 0 && html`<span class="bell-count" aria-hidden="true">${count > MOST_SHOWN ? `${MOST_SHOWN}+` : count}</span>`}
    </button>
    <span class="unseen" role="status">${count > 0 && t("bell.unread", {count})}</span>
    <section id=${PANEL} ref=${panel} class="notices" popover="auto" role="dialog" aria-label=${t("bell.label")} onToggle=${toggled}>
      <header>
        <h2>${t("bell.label")}</h2>
        <button type="button" class="quiet-link" disabled=${!count} onClick=${() => markAllRead().catch(sayWrong)}>${t("bell.read_all")}</button>
        <${IconButton} icon="close" label=${t("action.close")} autofocus onClick=${close} />
      </header>
      ${open.value && html`<${NoticeList} close=${close} />`}
      <footer><a href="/app/settings/notifications" onClick=${close}>${t("bell.settings")}</a></footer>
    </section>
  `
}
