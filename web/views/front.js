/** The frame of pages before the drive: a card, its name, and the choice of language and light below. */

import {html} from "../core/html.js"
import {choose, language, LANGUAGES, t} from "../core/texts.js"
import {useTitle} from "./title.js"

/** @param {{title: string, lead?: any, children?: any, below?: any}} of */
export function Front({title, lead, children, below}) {
  useTitle(title)
  return html`
    <div class="front">
      <main>
        <div class="card">
          <div class="brand"><${Mark} /><span>Coffer</span></div>
          <h1>${title}</h1>
          ${lead && html`<p class="lead">${lead}</p>`} ${children}
        </div>
        ${below && html`<p class="below-card">${below}</p>`}
      </main>
      <footer class="front-foot">
        <${LanguageChoice} />
      </footer>
    </div>
  `
}

export const LanguageChoice = () => html`
  <label>
    <span class="unseen">${t("settings.language")}</span>
    <select value=${language.value} onChange=${(/** @type {any} */ event) => choose(event.currentTarget.value)}>
      ${Object.entries(LANGUAGES).map(([tag, name]) => html`<option value=${tag} lang=${tag}>${name}</option>`)}
    </select>
  </label>
`

export const Mark = () => html`
  <svg class="mark" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
    <rect width="32" height="32" rx="8" />
    <path d="M8 13.5 16 9l8 4.5v8.2a1.3 1.3 0 0 1-1.3 1.3H9.3A1.3 1.3 0 0 1 8 21.7z" />
    <path class="slit" d="M13.5 17h5" />
  </svg>
`
