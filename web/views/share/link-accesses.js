/** What visitors of a link did, the newest first. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../../core/api.js"
import {wholeMoment} from "../../core/format.js"
import {html} from "../../core/html.js"
import {wordsFor} from "../../core/problem.js"
import {t} from "../../core/texts.js"

const LIMIT = 50

/** @param {{link: import("../../drive/sharing.js").Link}} of */
export function LinkAccesses({link}) {
  const entries = useSignal(/** @type {any[] | null} */ (null))
  const next = useSignal(/** @type {string | null} */ (null))
  const wrong = useSignal("")
  const read = async (/** @type {AbortSignal | undefined} */ signal, /** @type {string | null} */ cursor = null) => {
    try {
      const page = await call("GET", `/v1/links/${link.id}/accesses`, {query: {limit: LIMIT, cursor}, signal})
      entries.value = [...(cursor ? (entries.value ?? []) : []), ...page.items]
      next.value = page.next_cursor
    } catch (error) {
      if (!signal?.aborted) wrong.value = wordsFor(error)
    }
  }
  useEffect(() => {
    const stop = new AbortController()
    read(stop.signal)
    return () => stop.abort()
  }, [link.id])
  if (wrong.value) return html`<p class="wrong" role="alert">${wrong.value}</p>`
  if (!entries.value) return html`<p class="hint" role="status">${t("loading")}</p>`
  if (!entries.value.length) return html`<p class="hint">${t("links.nobody")}</p>`
  return html`
    <table class="accesses">
      <thead><tr><th scope="col">${t("links.when")}</th><th scope="col">${t("links.what")}</th><th scope="col">${t("links.from")}</th></tr></thead>
      <tbody>
        ${entries.value.map(
          ({at, action, network, program, times}) => html`
            <tr>
              <td>${wholeMoment(at)}</td>
              <td>${t(`link_action.${action}`)}${times > 1 ? ` (${times})` : ""}</td>
              <td>${[network, t(`link_program.${program}`)].filter(Boolean).join(" · ")}</td>
            </tr>
          `,
        )}
      </tbody>
    </table>
    ${next.value && html`<button type="button" class="quiet-link" onClick=${() => read(undefined, next.value)}>${t("action.show_more")}</button>`}
  `
}
