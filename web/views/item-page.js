/** The address of an item, as letters name it: leads to the folder, or shows the file where it lies. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../core/api.js"
import {html} from "../core/html.js"
import {go} from "../core/router.js"
import {Failed} from "./empty.js"

/** @param {{id: string}} of */
export function ItemPage({id}) {
  const error = useSignal(/** @type {unknown} */ (null))
  useEffect(() => {
    lead(id).catch(caught => (error.value = caught))
  }, [id])
  return error.value ? html`<${Failed} error=${error.value} />` : html`<div class="page" aria-busy="true"></div>`
}

/** @param {string} id */
async function lead(id) {
  const item = await call("GET", `/v1/items/${id}`)
  if (item.kind === "folder") return go(`/app/files/${item.id}`, {replace: true})
  const seen = item.parent_id && (await call("GET", `/v1/items/${item.parent_id}`).catch(() => null))
  go(`${seen ? `/app/files/${item.parent_id}` : "/app/shared"}?open=${item.id}`, {replace: true})
}
