/** Where listings come from: a folder, the trash, favourites, what is recent, what others share, what was searched for. */

import {call} from "../core/api.js"
import {user} from "../core/session.js"
import {t} from "../core/texts.js"
import {comparing, written} from "./order.js"

/**
 * @typedef {import("./item.js").Item} Item
 * @typedef {import("./listing.js").Source} Source
 */

const all = {read: true, write: true, delete: true, share: true}
const none = {read: false, write: false, delete: false, share: false}

/**
 * @param {string} path
 * @param {Record<string, string>} query
 * @param {(entry: any) => Item} [shape]
 * @returns {Source["read"]}
 */
const reading =
  (path, query, shape = entry => entry) =>
  async (cursor, limit, signal) => {
    // How many there are is counted once.
    const include = cursor ? query.include?.replace(",total", "") : query.include
    const page = await call("GET", path, {query: {...query, include, limit, cursor}, signal})
    return {items: page.items.map(shape), next: page.next_cursor, total: page.total}
  }

/**
 * @param {string} id
 * @param {import("./order.js").Order} order
 * @returns {Source}
 */
export const folderSource = (id, order) => ({
  read: reading(`/v1/items/${id}/children`, {sort: written(order), include: "thumbnail,total"}),
  belongs: item => item.parent_id === id && item.trashed_at === null,
  compare: comparing(order),
})

/** @returns {Source} */
export const trashSource = () => ({
  read: reading("/v1/trash", {}, ({item, original_path, purge_at}) => ({...item, original_path, purge_at})),
})

/** @returns {Source} */
export const favouritesSource = () => ({
  read: reading("/v1/favourites", {include: "thumbnail"}),
  belongs: item => item.favourite && item.trashed_at === null,
})

/** @returns {Source} */
export const recentSource = () => ({read: reading("/v1/recent", {include: "thumbnail"})})

/** @returns {Source} */
export const sharedSource = () => ({read: reading("/v1/shares/with-me", {}, sharedItem)})

/** @returns {Source} */
export const sharingSource = () => {
  const read = reading("/v1/shares/by-me", {}, sharedItem)
  return {read: async (...asked) => read(...asked).then(page => ({...page, items: together(page.items)}))}
}

/** An item that several people have is one line. @param {Item[]} items */
function together(items) {
  /** @type {Map<string, Item>} */
  const found = new Map()
  for (const item of items) {
    const before = found.get(item.id)
    found.set(item.id, before ? {...before, note: [before.note, item.note].join(", ")} : item)
  }
  return [...found.values()]
}

/**
 * @param {string} words
 * @param {Record<string, string>} filters
 * @returns {Source}
 */
export const searchSource = (words, filters) => ({
  read: reading("/v1/search", {...filters, q: words, include: "path"}, found => found.item),
})

/**
 * A share tells little of its item; the rest is asked for when somebody opens it.
 * @param {any} share
 * @returns {Item}
 */
function sharedItem({id, item, permissions, created_at, recipient, role}) {
  const mine = item.owner.id === user.value?.id
  const person = {id: item.owner.id, username: item.owner.username, display_name: item.owner.display_name}
  return {
    ...{size: null, mime_type: null, version_id: null, etag: "", parent_id: null, trashed_at: null, favourite: false, tags: [], flags: []},
    ...{id: item.id, kind: item.kind, name: item.name, type: item.kind === "file" ? "other" : null, owner: person},
    ...{created_at, modified_at: created_at, shared: true, permissions: mine ? all : (permissions ?? none), preview: {status: "none"}},
    share_id: mine ? undefined : id,
    note: `${recipient.display_name || recipient.username} (${t(`share_role.${role}`)})`,
  }
}
