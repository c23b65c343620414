/** The way to the dialog about sharing, which is fetched when it is first opened. */

import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {ask} from "../../parts/dialogs.js"
import {later} from "../../parts/later.js"

const Confirm = later(() => import("../confirm.js").then(module => module.Confirm))
const ShareDialog = later(() => import("./share-dialog.js").then(module => module.ShareDialog))

/**
 * @param {import("../../drive/item.js").Item} item
 * @param {"people" | "links" | "why"} [tab]
 */
export const askToShare = (item, tab) => ask(close => html`<${ShareDialog} item=${item} tab=${tab} close=${close} />`)

/**
 * Give up what was shared with oneself, after a question: only the owner can give it again.
 * @param {import("../../drive/item.js").Item} item
 * @param {import("../../drive/listing.js").Listing} listing
 */
export function askToLeave(item, listing) {
  const run = async () => {
    const {leaveShare} = await import("../../drive/sharing.js")
    await leaveShare(item.share_id ?? "")
    listing.remove([item.id])
  }
  const asked = {title: t("share.leave_title", {name: item.name}), text: t("share.leave_sure"), action: t("share.leave"), run}
  ask(close => html`<${Confirm} ...${asked} close=${close} />`)
}
