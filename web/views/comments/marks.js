/**
 * The marks that a comment may have, as elements: emphasis, code, quotes, lists, links. Everything else is the text that it is.
 *
 * Text becomes text nodes and never markup. Each letter is looked at a bounded number of times, however the marks are nested.
 */

import {html} from "../../core/html.js"

const DEEPEST = 3
const INLINE = /(?<!`)(`{1,3})(?!`)(.+?)(?<!`)\1(?!`)|\*\*(?=\S)(.+?)(?<=\S)\*\*|(?<![\p{L}\p{N}])([*_])(?=\S)(.+?)\4(?![\p{L}\p{N}])|\[([^[\]\n]{1,1000})\]\(\s*([^\s()]{1,2000})\s*\)|((?:https?:\/\/|mailto:)[^\s<>"]{1,2000})/gu
const LIST = /^\s{0,3}(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/
const FENCE = /^\s{0,3}```/
const QUOTE = /^\s{0,3}>\s?(.*)$/

/** @param {{text: string}} of */
export const Marked = ({text}) => html`<div class="marked" dir="auto">${blocks(text.split("\n"), 0)}</div>`

/**
 * @param {string[]} lines
 * @param {number} depth
 * @returns {any[]}
 */
function blocks(lines, depth) {
  const made = []
  for (let at = 0; at < lines.length; ) {
    const from = at
    if (FENCE.test(lines[at])) {
      do at++
      while (at < lines.length && !FENCE.test(lines[at]))
      made.push(html`<pre>${lines.slice(from + 1, at).join("\n")}</pre>`)
      at++
    } else if (depth < DEEPEST && QUOTE.test(lines[at])) {
      while (at < lines.length && QUOTE.test(lines[at])) at++
      made.push(html`<blockquote>${blocks(lines.slice(from, at).map(line => QUOTE.exec(line)?.[1] ?? ""), depth + 1)}</blockquote>`)
    } else if (LIST.test(lines[at])) {
      while (at < lines.length && LIST.test(lines[at])) at++
      const found = lines.slice(from, at).map(line => /** @type {RegExpExecArray} */ (LIST.exec(line)))
      const items = found.map(([, , text]) => html`<li>${inline(text, 0)}</li>`)
      made.push(found[0][1] === undefined ? html`<ul>${items}</ul>` : html`<ol start=${Number(found[0][1])}>${items}</ol>`)
    } else if (!lines[at].trim()) at++
    else {
      while (at < lines.length && lines[at].trim() && !FENCE.test(lines[at]) && !LIST.test(lines[at]) && !(depth < DEEPEST && QUOTE.test(lines[at]))) at++
      made.push(html`<p>${inline(lines.slice(from, at).join("\n"), 0)}</p>`)
    }
  }
  return made
}

/**
 * @param {string} text
 * @param {number} depth
 * @returns {any[]}
 */
function inline(text, depth) {
  if (depth >= DEEPEST) return [text]
  const made = []
  let end = 0
  for (const found of text.matchAll(INLINE)) {
    const [whole, , code, strong, , emphasis, words, address, bare] = found
    if (found.index > end) made.push(text.slice(end, found.index))
    end = found.index + whole.length
    if (code !== undefined) made.push(html`<code>${code}</code>`)
    else if (strong !== undefined) made.push(html`<strong>${inline(strong, depth + 1)}</strong>`)
    else if (emphasis !== undefined) made.push(html`<em>${inline(emphasis, depth + 1)}</em>`)
    else if (bare !== undefined) made.push(...bareLink(bare))
    else made.push(link(address, words) ?? whole)
  }
  if (end < text.length) made.push(text.slice(end))
  return made
}

/** What ends a sentence is no part of an address. @param {string} text */
function bareLink(text) {
  const address = text.replace(/[.,;:!?)\]]+$/, "")
  return [link(address, address) ?? address, text.slice(address.length)]
}

/**
 * Null for what leads anywhere but to the web or to a mailbox.
 * @param {string} address
 * @param {string} words
 */
function link(address, words) {
  if (!/^(?:https?|mailto):/i.test(address) || !URL.canParse(address)) return null
  const {href, protocol} = new URL(address)
  if (!["http:", "https:", "mailto:"].includes(protocol)) return null
  return html`<a href=${href} target="_blank" rel="noopener noreferrer nofollow">${words}</a>`
}
