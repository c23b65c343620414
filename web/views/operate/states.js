/** Signs for how uploads and accounts stand. */

import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {Sign} from "./frame.js"
import {word} from "./words.js"

export const UPLOAD_STATES = ["created", "received", "cleared", "committed", "conflict", "rejected", "failed", "expired", "aborted"]
/** @type {Record<string, "good" | "watch" | "wrong">} */
const GRADES = {committed: "good", conflict: "watch", rejected: "wrong", failed: "wrong"}

/** @param {{state: string}} of */
export const UploadState = ({state}) => html`<${Sign} grade=${GRADES[state] ?? "off"}>${word("upload", state)}<//>`

/** @param {{status: string}} of */
export const Status = ({status}) => html`<${Sign} grade=${status === "active" ? "good" : status === "suspended" ? "wrong" : "off"}>${t(`operate.status_${status}`)}<//>`
