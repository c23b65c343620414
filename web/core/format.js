/** Sizes and times as people of a language write them. */

import {language} from "./texts.js"

const UNITS = /** @type {const} */ (["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"])
const DAY = 86_400_000

/** @type {Map<string, any>} */
const made = new Map()

/**
 * Formatters cost more than formatting: one of each is kept.
 * @template T
 * @param {string} name
 * @param {(language: string) => T} make
 * @returns {T}
 */
function kept(name, make) {
  const key = `${language.value} ${name}`
  if (!made.has(key)) made.set(key, make(language.value))
  return made.get(key)
}

/**
 * @param {number | null | undefined} count of bytes
 * @returns {string}
 */
export function bytes(count) {
  if (count === null || count === undefined) return ""
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log(Math.max(1, count)) / Math.log(1000)))
  const value = count / 1000 ** step
  const maximumFractionDigits = step > 0 && value < 10 ? 1 : 0
  const unitDisplay = step === 0 ? "long" : "short"
  return kept(`${UNITS[step]}${maximumFractionDigits}`, tag =>
    new Intl.NumberFormat(tag, {style: "unit", unit: UNITS[step], unitDisplay, maximumFractionDigits}),
  ).format(value)
}

/**
 * Today the time, this year the day, else the date.
 * @param {string} moment RFC 3339
 * @param {number} [now]
 */
export function moment(moment, now = Date.now()) {
  const at = new Date(moment)
  const today = new Date(now)
  /** @type {Intl.DateTimeFormatOptions} */
  let how = {year: "numeric", month: "short", day: "numeric"}
  if (at.toDateString() === today.toDateString()) how = {hour: "2-digit", minute: "2-digit"}
  else if (at.getFullYear() === today.getFullYear()) how = {month: "short", day: "numeric"}
  return kept(JSON.stringify(how), tag => new Intl.DateTimeFormat(tag, how)).format(at)
}

/** @param {string} moment RFC 3339 */
export const wholeMoment = moment =>
  kept("whole", tag => new Intl.DateTimeFormat(tag, {dateStyle: "long", timeStyle: "short"})).format(new Date(moment))

/**
 * @param {number} seconds
 * @returns {string}
 */
export function duration(seconds) {
  const unit = seconds < 60 ? "second" : seconds < 3600 ? "minute" : "hour"
  const value = Math.max(1, Math.round(seconds / {second: 1, minute: 60, hour: 3600}[unit]))
  return kept(unit, tag => new Intl.NumberFormat(tag, {style: "unit", unit, unitDisplay: "long"})).format(value)
}

/**
 * @param {string} moment RFC 3339
 * @param {number} [now]
 */
export const daysUntil = (moment, now = Date.now()) => Math.max(0, Math.ceil((Date.parse(moment) - now) / DAY))
