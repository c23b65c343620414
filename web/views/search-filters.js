/** Narrows a search to kinds of files. */

import {html} from "../core/html.js"
import {go, query} from "../core/router.js"
import {t} from "../core/texts.js"

const TYPES = ["image", "document", "video", "audio", "text", "archive"]

export function SearchFilters() {
  const chosen = query.value.get("type")
  const choose = (/** @type {string} */ type) => {
    const next = new URLSearchParams(query.value)
    if (type === chosen) next.delete("type")
    else next.set("type", type)
    go(`/app/search?${next}`, {replace: true})
  }
  return html`
    <div class="chips" role="group" aria-label=${t("search.filters")}>
      ${TYPES.map(type => html`<button type="button" class="chip" aria-pressed=${type === chosen} onClick=${() => choose(type)}>${t(`kind.${type}`)}</button>`)}
    </div>
  `
}
