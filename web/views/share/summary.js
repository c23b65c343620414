/** How far an item is shared, in the details; leads to the dialog. */

import {useEffect, useMemo} from "preact/hooks"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {nameOf} from "../../drive/item.js"
import {Sharing} from "../../drive/sharing.js"
import {Button} from "../../parts/button.js"
import {askToShare} from "./door.js"

const NAMED = 3

/** @param {{item: import("../../drive/item.js").Item}} of */
export function SharingSummary({item}) {
  const sharing = useMemo(() => new Sharing(item.id), [item.id])
  useEffect(() => sharing.follow(), [sharing])
  if (sharing.state.value !== "ready") return null
  const links = sharing.links.value.filter(link => link.state === "active").length
  return html`
    <section class="sharing-summary">
      <h3>${t("share.summary")}</h3>
      <p role="status">${words(sharing)}${links > 0 && html`<br />${t("links.count", {count: links})}`}</p>
      <${Button} icon="people" onClick=${() => askToShare(item)}>${t(sharing.mayShare.value ? "share.action" : "share.action_view")}<//>
    </section>
  `
}

/** @param {Sharing} sharing */
function words(sharing) {
  const names = [...sharing.shares.value.map(share => nameOf(share.recipient)), ...sharing.invitations.value.map(one => one.email)]
  if (!sharing.mayShare.value) return names.length ? t("share.with_you") : ""
  if (!names.length) return t("share.nobody")
  const shown = names.slice(0, NAMED).join(", ")
  return names.length > NAMED ? t("share.summary_more", {names: shown, count: names.length - NAMED}) : t("share.summary_names", {names: shown})
}
