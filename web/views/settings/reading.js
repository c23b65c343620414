/** What a section shows of the server, and how it is asked for again. */

import {useSignal} from "@preact/signals"
import {useEffect, useMemo} from "preact/hooks"
import {call} from "../../core/api.js"
import {onReturn} from "../../core/live.js"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {Failed} from "../empty.js"

/**
 * @param {string} path
 * @param {Record<string, string>} [query]
 */
export function useReading(path, query) {
  const found = useSignal(/** @type {any} */ (null))
  const error = useSignal(/** @type {unknown} */ (null))
  const look = useMemo(
    () => async () => {
      try {
        found.value = await call("GET", path, {query})
        error.value = null
      } catch (caught) {
        error.value = caught
      }
    },
    [path, JSON.stringify(query)],
  )
  useEffect(() => void look(), [look])
  useEffect(() => onReturn(look), [look])
  return {found, error, look}
}

/**
 * What was read, that it is being read, or why it could not be.
 * @param {{reading: ReturnType<typeof useReading>, children: (found: any) => any}} of
 */
export function Read({reading, children}) {
  const {found, error, look} = reading
  if (found.value !== null) return children(found.value)
  if (error.value !== null) return html`<${Failed} error=${error.value} again=${look} />`
  return html`<span class="spinner" role="status" aria-label=${t("loading")}></span>`
}
