/** The way to the dialog about sharing, which is fetched when it is first opened. */

import {html} from "../../core/html.js"
import {ask} from "../../parts/dialogs.js"
import {later} from "../../parts/later.js"

const ShareDialog = later(() => import("./share-dialog.js").then(module => module.ShareDialog))

/**
 * @param {import("../../drive/item.js").Item} item
 * @param {"people" | "links" | "why"} [tab]
 */
export const askToShare = (item, tab) => ask(close => html`<${ShareDialog} item=${item} tab=${tab} close=${close} />`)
