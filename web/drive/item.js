/** What is known of a file or folder. */

import {visiting} from "../core/router.js"
import {t} from "../core/texts.js"

/**
 * @typedef {object} Item
 * @property {string} id
 * @property {"file" | "folder"} kind
 * @property {string} name
 * @property {string | null} parent_id
 * @property {{id: string, username: string | null, display_name: string | null}} owner
 * @property {number | null} size
 * @property {string | null} mime_type
 * @property {"archive" | "audio" | "document" | "image" | "other" | "text" | "video" | null} type
 * @property {string | null} version_id
 * @property {string} etag
 * @property {string} created_at
 * @property {string} modified_at
 * @property {{read: boolean, write: boolean, delete: boolean, share: boolean}} permissions
 * @property {boolean} shared
 * @property {boolean} favourite
 * @property {string[]} tags
 * @property {string | null} trashed_at
 * @property {{status: "failed" | "none" | "pending" | "ready", thumbnail_url?: string | null, placeholder?: string | null}} preview
 * @property {string[]} flags
 * @property {string} [path]
 * @property {string} [original_path] in the trash
 * @property {string} [purge_at] in the trash
 * @property {string} [share_id] by which it was shared with oneself, in that collection
 * @property {string} [note] what a collection says of it
 */

/** @param {string} id */
export const folderAddress = id => (visiting ? `${location.pathname}?in=${id}` : `/app/files/${id}`)

/** @param {Item} item */
export const addressOf = item =>
  item.kind === "folder" ? folderAddress(item.id) : visiting ? `${location.pathname}?open=${item.id}` : `/app/items/${item.id}`

/** @param {Item} item */
export const hasPicture = item => item.kind === "file" && item.preview.status === "ready"

/** @param {Item} item */
export const kindOf = item => (item.kind === "folder" ? t("kind.folder") : t(`kind.${item.type ?? "other"}`))

/** @param {Item["owner"]} person */
export const nameOf = person => person.display_name || person.username || t("person.unknown")

/** The icon that stands for it. @param {Item} item */
export const iconOf = item => (item.kind === "folder" ? "folder" : (item.type ?? "other"))

/**
 * Where the name ends and what kind it is begins: renaming selects the former.
 * @param {Item} item
 */
export function stemLength(item) {
  const dot = item.name.lastIndexOf(".")
  return item.kind === "file" && dot > 0 ? dot : item.name.length
}
