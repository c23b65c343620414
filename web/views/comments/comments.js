/** What people say about an item, thread by thread; what is resolved is folded away. */

import {useEffect, useMemo} from "preact/hooks"
import {html} from "../../core/html.js"
import {wordsFor} from "../../core/problem.js"
import {t} from "../../core/texts.js"
import {Talk} from "../../drive/comments.js"
import {Composer} from "./composer.js"
import {OneThread} from "./thread.js"

/** @param {{item: import("../../drive/item.js").Item}} of */
export function Comments({item}) {
  const talk = useMemo(() => new Talk(item.id), [item.id])
  useEffect(() => talk.follow(), [talk])
  const threads = talk.threads.value
  const open = threads.filter(({first}) => !first.resolved_at)
  const resolved = threads.filter(({first}) => first.resolved_at)
  /** @param {import("../../drive/comments.js").Thread} thread */
  const drawn = thread => html`<${OneThread} key=${thread.first.id} ...${{thread, talk, item}} />`
  return html`
    <section class="comments" aria-label=${t("comments.title")}>
      <h3>${t("comments.title")}</h3>
      <${Composer} label=${t("comments.say")} action=${t("comments.send")} send=${(/** @type {string} */ text) => talk.add(text, null)} />
      ${talk.state.value === "failed" && html`<p class="wrong" role="alert">${wordsFor(talk.error.value)}</p>`}
      <ul class="threads">${open.map(drawn)}</ul>
      ${resolved.length > 0 &&
      html`
        <details>
          <summary>${t("comments.resolved", {count: resolved.length})}</summary>
          <ul class="threads">${resolved.map(drawn)}</ul>
        </details>
      `}
      ${talk.more.value && html`<button type="button" class="quiet-link" onClick=${() => talk.readOn()}>${t("action.show_more")}</button>`}
    </section>
  `
}
