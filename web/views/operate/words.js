/** Lengths of time, moments and codes as operators read them: exact where a second matters. */

import {duration} from "../../core/format.js"
import {known, language, t} from "../../core/texts.js"

const DAY = 86_400

/**
 * @param {number} seconds
 * @returns {string}
 */
export function lasting(seconds) {
  if (seconds < DAY) return duration(seconds)
  return new Intl.NumberFormat(language.value, {style: "unit", unit: "day", unitDisplay: "long"}).format(Math.floor(seconds / DAY))
}

/**
 * Milliseconds as people compare them.
 * @param {number} ms
 * @returns {string}
 */
export function exactly(ms) {
  const unit = ms < 1000 ? "millisecond" : "second"
  const value = ms < 1000 ? ms : ms / 1000
  if (value >= 60 && unit === "second") return lasting(value)
  const maximumFractionDigits = value < 10 ? 1 : 0
  return new Intl.NumberFormat(language.value, {style: "unit", unit, unitDisplay: "short", maximumFractionDigits}).format(value)
}

/** @param {string} moment RFC 3339 */
export const agoOf = moment => t("operate.ago", {time: lasting(Math.max(0, Date.now() - Date.parse(moment)) / 1000)})

/**
 * To the second.
 * @param {string | number} moment
 */
export const exactMoment = moment =>
  new Intl.DateTimeFormat(language.value, {dateStyle: "medium", timeStyle: "medium"}).format(new Date(moment))

/** @param {number} count */
export const number = count => count.toLocaleString(language.value)

/**
 * The word for a code, or the code itself: newer services know words that this page does not.
 * @param {string} family
 * @param {string} code
 */
export const word = (family, code) => (known(`operate.${family}_${code}`) ? t(`operate.${family}_${code}`) : code.replaceAll("_", " "))
