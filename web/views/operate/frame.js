/** What pages for operators are made of: a head, sheets, signs, and what is said while something cannot be read. */

import {useEffect, useRef} from "preact/hooks"
import {html} from "../../core/html.js"
import {wordsFor} from "../../core/problem.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {Icon} from "../../parts/icon.js"
import {useTitle} from "../title.js"
import {agoOf, exactMoment} from "./words.js"

const TABS = ["health", "queues", "usage", "uploads", "people", "links", "audit", "jobs", "receivers", "topics", "limits"]
/** Pages that stand below one of them. */
const UNDER = /** @type {Record<string, string>} */ ({letters: "queues"})

/** @param {{of: string, title?: string, actions?: any, children?: any}} what */
export function Frame({of, title = t(`operate.tab_${of}`), actions, children}) {
  useTitle(title)
  const here = UNDER[of] ?? of
  const tabs = useRef(/** @type {HTMLElement | null} */ (null))
  useEffect(() => {
    // On a telephone the row is wider than the screen.
    tabs.current?.querySelector("[aria-current]")?.scrollIntoView({inline: "center", block: "nearest"})
  }, [here])
  return html`
    <div class="page operate">
      <div class="page-head">
        <nav ref=${tabs} class="tabs" aria-label=${t("operate.title")}>
          ${TABS.map(name => html`<a href=${name === "health" ? "/app/operate" : `/app/operate/${name}`} aria-current=${here === name ? "page" : undefined}>${t(`operate.tab_${name}`)}</a>`)}
        </nav>
        <div class="page-title"><h1>${title}</h1><div class="gap"></div>${actions}</div>
      </div>
      <div class="page-body" tabindex="0" role="group" aria-label=${title}>${children}</div>
    </div>
  `
}

/** @param {{title?: string, more?: any, class?: string, children?: any}} of */
export const Sheet = ({title, more, class: name = "", children}) => html`
  <section class="sheet ${name}">
    ${title && html`<header><h2>${title}</h2>${more}</header>`}
    ${children}
  </section>
`

/** @param {{grade: "good" | "watch" | "wrong" | "off", children?: any}} of */
export const Sign = ({grade, children}) => html`
  <span class="grade-sign ${grade}"><${Icon} name=${grade === "good" ? "check" : grade === "off" ? "info" : "warning"} size=${15} />${children}</span>
`

/** @param {{at: string, ago?: boolean}} of a moment; exact where one points at it */
export const When = ({at, ago = false}) => html`<time datetime=${at} title=${exactMoment(at)}>${ago ? agoOf(at) : exactMoment(at)}</time>`

/** @param {{error: unknown, again?: () => void}} of */
export const Unread = ({error, again}) =>
  Boolean(error) &&
  html`
    <div class="unread" role="alert">
      <${Icon} name="warning" size=${18} /><span>${wordsFor(error)}</span>
      ${again && html`<${Button} onClick=${again}>${t("action.retry")}<//>`}
    </div>
  `

/** @param {{children?: any}} of */
export const Nothing = ({children}) => html`<p class="nothing">${children}</p>`

/** @param {{more: (() => void) | null, busy: boolean}} of */
export const More = ({more, busy}) => more && html`<${Button} class="more" busy=${busy} onClick=${more}>${t("operate.more")}<//>`

/**
 * A choice among a few.
 * @param {{label: string, value: string, choices: (readonly [string, string])[], change: (value: string) => void}} of
 */
export const Choice = ({label, value, choices, change}) => html`
  <label class="choice">
    <span>${label}</span>
    <select value=${value} onChange=${(/** @type {any} */ event) => change(event.currentTarget.value)}>
      ${choices.map(([name, text]) => html`<option value=${name} selected=${name === value}>${text}</option>`)}
    </select>
  </label>
`

/**
 * One filter that is on, with what takes it off.
 * @param {{name: string, value: string, off: () => void}} of
 */
export const Filter = ({name, value, off}) => html`
  <button type="button" class="chip" onClick=${off}>${name}: ${value} <span aria-hidden="true">×</span><span class="unseen">, ${t("operate.filter_off")}</span></button>
`
