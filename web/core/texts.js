/** Every word that people read, from a catalogue of their language. */

import {signal} from "@preact/signals"
import {remember, remembered} from "./memory.js"

/** @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Text */

export const LANGUAGES = /** @type {const} */ ({en: "English", de: "Deutsch"})

/** The language in use. Whoever shows text reads it, and is drawn anew when it changes. */
export const language = signal("en")

/** @type {Record<string, Text>} */
let catalogue = {}
/** Parts of the app whose words somebody needed: they have catalogues of their own, fetched when one first goes there. */
const parts = new Set([""])
let plurals = new Intl.PluralRules("en")

/** The language that this person chose here, or the first of the browser's that there is a catalogue of. */
function preferred() {
  const wanted = [remembered("language"), ...navigator.languages]
  return wanted.map(tag => tag?.split("-")[0]).find(tag => tag && tag in LANGUAGES) ?? "en"
}

/**
 * Read a catalogue and show everything in it.
 * @param {string} [wanted]
 */
export async function speak(wanted = preferred()) {
  catalogue = Object.assign({}, ...(await Promise.all([...parts].map(part => read(part, wanted)))))
  plurals = new Intl.PluralRules(wanted)
  document.documentElement.lang = wanted
  language.value = wanted
}

/**
 * Know the words of a part of the app as well, from now on in every language.
 * @param {string} part a folder of texts
 */
export async function learn(part) {
  if (parts.has(part)) return
  const wanted = language.value
  const words = await read(part, wanted)
  parts.add(part)
  if (wanted === language.value) catalogue = {...catalogue, ...words}
  else await speak(language.value)
}

/**
 * @param {string} part
 * @param {string} wanted
 * @returns {Promise<Record<string, Text>>}
 */
async function read(part, wanted) {
  const answer = await fetch(new URL(`../texts/${part ? `${part}/` : ""}${wanted}.json`, import.meta.url))
  if (!answer.ok) throw new Error(`no texts: ${answer.status}`)
  return answer.json()
}

/** @param {string} wanted */
export async function choose(wanted) {
  remember("language", wanted)
  await speak(wanted)
}

/**
 * The text of a key. `{name}` in it stands for a value; a text in several numbers is chosen by `count`.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  void language.value
  const found = catalogue[key]
  const text = typeof found === "object" ? (found[plurals.select(Number(values.count))] ?? found.other) : found
  if (text === undefined) return key
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole))
}

/** Whether lines run from right to left. */
export const turned = () => document.documentElement.dir === "rtl"

/** @param {string} key */
export const known = key => key in catalogue

/** @param {string | number} value */
const shown = value => (typeof value === "number" ? value.toLocaleString(language.value) : value)
