/** Uploads of everybody, found by id or by person, and the story of one: each step with its time, what it waits for and why. */

import {useSignal} from "@preact/signals"
import {call} from "../../core/api.js"
import {bytes} from "../../core/format.js"
import {html} from "../../core/html.js"
import {go, place, query} from "../../core/router.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {Field} from "../../parts/field.js"
import {Table} from "../../parts/table.js"
import {useSending} from "../form.js"
import {Choice, Filter, Frame, More, Nothing, Sheet, Unread, When} from "./frame.js"
import {findPerson, isId} from "./person.js"
import {UPLOAD_STATES, UploadState} from "./states.js"
import {Timeline} from "./timeline.js"
import {usePages} from "./use-reading.js"
import {word} from "./words.js"

export function UploadsPage() {
  const id = place.value[2]
  if (id) return html`<${Frame} of="uploads" title=${t("operate.story")}><${Timeline} key=${id} id=${id} /><//>`
  return html`<${List} />`
}

function List() {
  const user = query.value.get("user_id") ?? ""
  const state = UPLOAD_STATES.find(name => name === query.value.get("state")) ?? ""
  const uploads = usePages("/v1/admin/files/uploads", {user_id: user, state, limit: 50})
  const choose = (/** @type {Record<string, string>} */ changes) => {
    const next = new URLSearchParams(Object.entries({user_id: user, state, ...changes}).filter(([, value]) => value))
    go(`/app/operate/uploads?${next}`, {replace: true})
  }
  const wanted = useSignal("")
  const finding = useSending(async () => {
    const text = wanted.value.trim()
    const from = place.value
    const isOne = isId(text) && (await isUpload(text))
    const person = text && !isOne ? (await findPerson(text)).id : ""
    // Whoever went elsewhere meanwhile is not brought back.
    if (place.value !== from) return
    if (isOne) go(`/app/operate/uploads/${text}`)
    else choose({user_id: person})
  })
  const columns = [
    {title: t("operate.upload"), main: true, cell: (/** @type {any} */ upload) => html`<a href="/app/operate/uploads/${upload.id}"><code>${upload.id}</code></a>`},
    {title: t("operate.state"), cell: (/** @type {any} */ upload) => html`<${UploadState} state=${upload.state} />`},
    {title: t("operate.reason"), cell: (/** @type {any} */ upload) => upload.reason?.replaceAll("_", " ") ?? "–"},
    {title: t("operate.size"), number: true, cell: (/** @type {any} */ upload) => bytes(upload.size_bytes)},
    {title: t("operate.owner"), cell: (/** @type {any} */ upload) => html`<a href="/app/operate/people/${upload.owner_id}"><code>${upload.owner_id.slice(-12)}</code></a>`},
    {title: t("operate.begun"), cell: (/** @type {any} */ upload) => html`<${When} at=${upload.created_at} />`},
    {title: t("operate.changed"), cell: (/** @type {any} */ upload) => html`<${When} at=${upload.changed_at} ago />`},
  ]
  return html`
    <${Frame} of="uploads">
      <form class="filters" role="search" onSubmit=${finding.send} noValidate>
        <${Field} label=${t("operate.find_upload")} value=${wanted.value} change=${(/** @type {string} */ text) => (wanted.value = text)} error=${finding.words ?? undefined} autocomplete="off" />
        <${Button} type="submit" busy=${finding.busy}>${t("operate.find")}<//>
        <${Choice} label=${t("operate.state")} value=${state} choices=${[["", t("operate.any")], ...UPLOAD_STATES.map(name => [name, word("upload", name)])]} change=${(/** @type {string} */ name) => choose({state: name})} />
        ${user && html`<${Filter} name=${t("operate.owner")} value=${user.slice(-12)} off=${() => choose({user_id: ""})} />`}
      </form>
      <${Unread} error=${uploads.error} again=${uploads.again} />
      ${uploads.items &&
      (uploads.items.length
        ? html`<${Sheet}><${Table} label=${t("operate.tab_uploads")} columns=${columns} rows=${uploads.items} named=${(/** @type {any} */ upload) => upload.id} /><${More} more=${uploads.more} busy=${uploads.busy} /><//>`
        : html`<${Nothing}>${t("operate.no_uploads")}<//>`)}
    <//>
  `
}

/** @param {string} id */
async function isUpload(id) {
  try {
    await call("GET", `/v1/admin/files/uploads/${id}/timeline`)
    return true
  } catch {
    return false
  }
}
