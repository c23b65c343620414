/** What can be done with items: one list for context menu, toolbar and kebab. */

import {html} from "../core/html.js"
import {go, query} from "../core/router.js"
import {t} from "../core/texts.js"
import {download, givesBytes, purge, restore, toggleFavourite, trash} from "../drive/deeds.js"
import {addressOf} from "../drive/item.js"
import {ask} from "../parts/dialogs.js"
import {later} from "../parts/later.js"
import {detailsOpen} from "./layout.js"
import {askToLeave, askToShare} from "./share/door.js"

const Confirm = later(() => import("./confirm.js").then(module => module.Confirm))
const MoveDialog = later(() => import("./move-dialog.js").then(module => module.MoveDialog))

/**
 * @typedef {import("../drive/item.js").Item} Item
 * @typedef {import("./browser.js").Browsing} Browsing
 * @typedef {NonNullable<import("../parts/menu.js").Choice> & {direct?: boolean}} Direct `direct` stands in the toolbar, too
 */

/** @param {Item} item */
export function openItem(item) {
  if (item.trashed_at) return
  if (item.kind === "folder") return go(addressOf(item))
  const next = new URLSearchParams(query.value)
  next.set("open", item.id)
  go(`${location.pathname}?${next}`)
}

/**
 * @param {Browsing} browsing
 * @param {Item[]} items
 * @returns {(Direct | null)[]}
 */
export function choicesFor(browsing, items) {
  if (!items.length) return []
  if (browsing.kind === "visit") return ofLink(browsing, items)
  return browsing.kind === "trash" ? inTrash(browsing, items) : inDrive(browsing, items)
}

/**
 * @param {Browsing} browsing
 * @param {Item[]} items
 */
function inDrive(browsing, items) {
  const {listing, selection, renaming} = browsing
  const [item] = items
  const one = items.length === 1
  const may = (/** @type {"write" | "delete"} */ right) => items.every(each => each.permissions[right])
  /** @type {(Direct | null | false)[]} */
  const all = [
    one && {text: t("action.open"), icon: item.kind === "folder" ? "folder" : "play", run: () => openItem(item), keys: "Enter"},
    {text: t("action.download"), icon: "download", direct: true, run: () => download(items)},
    null,
    one && item.permissions.write && item.parent_id !== null && {text: t("action.rename"), icon: "pencil", run: () => (renaming.value = item.id), keys: "F2"},
    may("delete") && {text: t("action.move"), icon: "move", direct: true, run: () => askWhere(items, listing)},
    one && {text: t(item.permissions.share ? "share.action" : "share.action_view"), icon: "people", direct: true, run: () => askToShare(item), keys: "Shift+S"},
    one && {text: t(item.favourite ? "action.unfavourite" : "action.favourite"), icon: "star", run: () => toggleFavourite(item, listing)},
    one && {text: t("details.title"), icon: "info", run: () => showDetails(browsing, item), keys: "I"},
    browsing.kind !== "folder" && one && item.parent_id !== null && {text: t("action.show_in_folder"), icon: "folder", run: () => go(`/app/files/${item.parent_id}`)},
    null,
    one && item.share_id !== undefined && {text: t("share.leave"), icon: "close", danger: true, run: () => askToLeave(item, listing)},
    may("delete") && {text: t("action.trash"), icon: "trash", direct: true, danger: true, keys: "Del", run: () => (selection.none(), trash(items, listing))},
  ]
  return tidy(all)
}

/**
 * For visitors of a public link.
 * @param {Browsing} browsing
 * @param {Item[]} items
 */
function ofLink({listing, selection, renaming}, items) {
  const [item] = items
  const one = items.length === 1
  return tidy([
    one && {text: t("action.open"), icon: item.kind === "folder" ? "folder" : "play", run: () => openItem(item), keys: "Enter"},
    givesBytes.value && {text: t("action.download"), icon: "download", direct: true, run: () => download(items)},
    null,
    one && item.permissions.write && {text: t("action.rename"), icon: "pencil", run: () => (renaming.value = item.id), keys: "F2"},
    items.every(each => each.permissions.delete) && {text: t("action.trash"), icon: "trash", direct: true, danger: true, run: () => (selection.none(), trash(items, listing))},
  ])
}

/**
 * @param {Browsing} browsing
 * @param {Item[]} items
 */
function inTrash({listing}, items) {
  const sure = {title: t("trash.purge"), text: t("trash.purge_sure", {count: items.length, name: items[0].name}), action: t("trash.purge")}
  const asking = () => ask(close => html`<${Confirm} ...${{...sure, close, run: () => purge(items, listing)}} />`)
  return tidy([
    {text: t("action.restore"), icon: "restore", direct: true, run: () => restore(items, listing)},
    null,
    {text: t("trash.purge"), icon: "trash", direct: true, danger: true, run: asking},
  ])
}

/**
 * No two lines together, and none at an end.
 * @param {(Direct | null | false)[]} choices
 * @returns {(Direct | null)[]}
 */
function tidy(choices) {
  const there = /** @type {(Direct | null)[]} */ (choices.filter(choice => choice !== false))
  return there.filter((choice, index) => choice !== null || (index > 0 && index < there.length - 1 && there[index - 1] !== null))
}

/**
 * @param {Item[]} items
 * @param {import("../drive/listing.js").Listing} listing
 */
const askWhere = (items, listing) => ask(close => html`<${MoveDialog} items=${items} listing=${listing} close=${close} />`)

/**
 * @param {Browsing} browsing
 * @param {Item} item
 */
function showDetails({listing, selection}, item) {
  selection.only(listing.indexOf(item.id))
  detailsOpen.value = true
}
