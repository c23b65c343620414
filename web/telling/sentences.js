/** A notice in words, and the place that it speaks of. */

import {known, t} from "../core/texts.js"

/** @typedef {import("./notices.js").Notice} Notice */

/** @type {Record<string, string>} Notices about something else than an item -> where that stands. */
const PLACES = {
  mfa_disabled: "/app/settings/security",
  new_sign_in: "/app/settings/security",
  password_changed: "/app/settings/security",
  photo_rejected: "/app/settings",
  session_reuse_detected: "/app/settings/security",
  share_expired: "/app/shared",
  share_revoked: "/app/shared",
  token_created: "/app/settings/tokens",
  usage_crossed: "/app/settings/storage",
}

/** @type {Record<string, string>} By what they begin with. */
const ICONS = {
  comment: "text",
  files: "upload",
  link: "people",
  mfa: "warning",
  new: "warning",
  password: "warning",
  photo: "image",
  session: "warning",
  share: "people",
  token: "warning",
  upload: "upload",
  usage: "info",
  webhook: "warning",
}

/** @param {Notice} notice */
export function sentence(notice) {
  const {data} = notice
  const key = `notice.${variant(notice)}`
  if (!known(key)) return notice.title
  const who = notice.actor?.display_name || notice.actor?.username || t("person.unknown")
  const what = notice.item?.name || data.name || data.queue_arn?.split(":").pop() || data.host || t("notice.drive")
  return t(key, {who, what, count: data.count ?? 1, percent: data.percent ?? 100})
}

/**
 * Some types say different things, as their data have it.
 * @param {Notice} notice
 */
function variant({type, data}) {
  const finer = {
    share_changed: data.changes?.includes("role") ? `share_changed_${data.role}` : "",
    share_revoked: `share_revoked_${data.reason}`,
    usage_crossed: data.percent >= 100 ? "usage_full" : "",
    webhook_disabled: data.reason === "taken_down" ? "webhook_taken_down" : data.queue_arn ? "queue_disabled" : data.reason === "gone" ? "webhook_gone" : "",
  }[type]
  return finer && known(`notice.${finer}`) ? finer : type
}

/** @param {Notice} notice */
export function placeOf({type, item, data}) {
  if (type === "webhook_disabled") return `/app/settings/webhooks${data.webhook_id ? `/${data.webhook_id}` : ""}`
  if (type in PLACES) return PLACES[type]
  if (item) return `/app/items/${item.id}${data.comment_id ? `?comment=${data.comment_id}` : ""}`
  return data.parent_id ? `/app/files/${data.parent_id}` : "/app/files"
}

/** @param {Notice} notice */
export const signOf = ({type}) => ICONS[type.split("_")[0]] ?? "bell"
