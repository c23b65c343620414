/** The address of an item, as letters name it: leads to the folder, or shows the file where it lies. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../core/api.js"
import {html} from "../core/html.js"
import {go, query} from "../core/router.js"
import {FailedPage} from "./empty.js"

/** @param {{id: string}} of */
export function ItemPage({id}) {
  const error = useSignal(/** @type {unknown} */ (null))
  const tries = useSignal(0)
  useEffect(() => {
    error.value = null
    lead(id).catch(caught => (error.value = caught))
  }, [id, tries.value])
  return error.value ? html`<${FailedPage} error=${error.value} again=${() => tries.value++} />` : html`<div class="page" aria-busy="true"></div>`
}

/**
 * A file opens in its folder; with `?comment=` it is shown there with its details, where the comments stand.
 * @param {string} id
 */
async function lead(id) {
  const item = await call("GET", `/v1/items/${id}`)
  const comment = query.value.get("comment")
  if (item.kind === "folder" && !comment) return go(`/app/files/${item.id}`, {replace: true})
  const seen = item.parent_id && (await call("GET", `/v1/items/${item.parent_id}`).catch(() => null))
  const wanted = comment ? {show: item.id, comment} : {open: item.id}
  go(`${seen ? `/app/files/${item.parent_id}` : "/app/shared"}?${new URLSearchParams(wanted)}`, {replace: true})
}
