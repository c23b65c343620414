/** What is said where there is nothing to show, or where it could not be had. */

import {html} from "../core/html.js"
import {Problem, wordsFor} from "../core/problem.js"
import {t} from "../core/texts.js"
import {Button} from "../parts/button.js"
import {Icon} from "../parts/icon.js"

const ICONS = {folder: "upload", recent: "clock", favourites: "star", shared: "people", trash: "trash", search: "search", visit: "folder"}

/** @param {{of: keyof typeof ICONS, children?: any}} what */
export const Empty = ({of, children}) => html`
  <div class="empty">
    <span class="empty-sign"><${Icon} name=${ICONS[of]} size=${36} /></span>
    <p class="empty-title">${t(`empty.${of}`)}</p>
    <p>${t(`empty.${of}_more`)}</p>
    ${children}
  </div>
`

/** @param {{error: unknown, again?: () => void}} of */
export const Failed = ({error, again}) => html`
  <div class="empty" role="alert">
    <span class="empty-sign"><${Icon} name="warning" size=${36} /></span>
    <p class="empty-title">${wordsFor(error)}</p>
    ${again ? html`<${Button} onClick=${again}>${t("action.retry")}<//>` : html`<a href="/app/files">${t("nav.files")}</a>`}
  </div>
`

/**
 * Instead of a whole page. What is not there, or not for this person, is not asked for again.
 * @param {{error: unknown, again?: () => void}} of
 */
export const FailedPage = ({error, again}) => html`
  <div class="page"><div class="page-body"><${Failed} error=${error} again=${error instanceof Problem && [403, 404, 410].includes(error.status) ? undefined : again} /></div></div>
`
