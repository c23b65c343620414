/** What is known of one item: picture, facts, versions. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../core/api.js"
import {bytes, moment, wholeMoment} from "../core/format.js"
import {html} from "../core/html.js"
import {known, t} from "../core/texts.js"
import {say, sayWrong} from "../core/toasts.js"
import {kindOf, nameOf} from "../drive/item.js"
import {Button, IconButton} from "../parts/button.js"
import {Icon} from "../parts/icon.js"
import {ActivityList} from "./activity-list.js"
import {Comments} from "./comments/comments.js"
import {detailsOpen} from "./layout.js"
import {SharingSummary} from "./share/summary.js"
import {Thumbnail} from "./thumbnail.js"

/** @typedef {import("../drive/item.js").Item} Item */

/** @param {{item: Item | null, count: number, listing: import("../drive/listing.js").Listing}} of */
export const Details = ({item, count, listing}) => html`
  <aside class="details" aria-label=${t("details.title")}>
    <header>
      <h2>${item ? item.name : t("details.title")}</h2>
      <${IconButton} icon="close" label=${t("action.close")} onClick=${() => (detailsOpen.value = false)} />
    </header>
    ${item ? html`<${OfItem} key=${item.id} item=${item} listing=${listing} />` : html`<p class="hint">${count ? t("select.count", {count}) : t("details.none")}</p>`}
  </aside>
`

/** @param {{item: Item, listing: import("../drive/listing.js").Listing}} of */
function OfItem({item, listing}) {
  const whole = useSignal(item)
  useEffect(() => {
    const stop = new AbortController()
    call("GET", `/v1/items/${item.id}`, {query: {include: "path"}, signal: stop.signal}).then(
      found => (whole.value = {...found, preview: item.preview}),
      () => undefined,
    )
    return () => stop.abort()
  }, [item.id, item.etag])
  const shown = whole.value
  return html`
    <div class="details-picture"><${Thumbnail} item=${shown} size=${72} large /></div>
    <dl class="facts">
      <${Fact} name="kind">${kindOf(shown)}<//>
      ${shown.size !== null && html`<${Fact} name="size">${bytes(shown.size)}<//>`}
      ${shown.path && html`<${Fact} name="where">${shown.path.replace(/\/[^/]*$/, "") || t("nav.files")}<//>`}
      <${Fact} name="owner">${nameOf(shown.owner)}<//>
      <${Fact} name="modified_at">${wholeMoment(shown.modified_at)}<//>
      <${Fact} name="created_at">${wholeMoment(shown.created_at)}<//>
      ${shown.tags.length > 0 && html`<${Fact} name="tags">${shown.tags.join(", ")}<//>`}
    </dl>
    ${shown.flags.length > 0 && html`<p class="flags"><${Icon} name="warning" size=${16} />${shown.flags.map(flag => (known(`flag.${flag}`) ? t(`flag.${flag}`) : flag)).join(", ")}</p>`}
    ${mayAnew(shown) && html`<${Button} class="anew" icon="retry" onClick=${() => anew(shown)}>${t("details.anew")}<//>`}
    ${shown.kind === "file" && !shown.trashed_at && html`<${Versions} item=${shown} listing=${listing} />`}
    ${!shown.trashed_at && html`<${SharingSummary} key=${shown.id} item=${shown} />`}
    <${Comments} key=${`said-${shown.id}`} item=${shown} />
    <${ActivityList} item=${shown} />
  `
}

/** Where a picture is, or should be. @param {Item} item */
const mayAnew = item => item.kind === "file" && !item.trashed_at && item.permissions.write && ["ready", "failed"].includes(item.preview.status)

/** @param {Item} item */
const anew = item => call("POST", `/v1/items/${item.id}/preview`).then(() => say(t("details.anew_begun")), sayWrong)

/** @param {{name: string, children: any}} of */
const Fact = ({name, children}) => html`<div><dt>${t(`column.${name}`)}</dt><dd>${children}</dd></div>`

/** @param {{item: Item, listing: import("../drive/listing.js").Listing}} of */
function Versions({item, listing}) {
  const versions = useSignal(/** @type {any[]} */ ([]))
  useEffect(() => {
    const stop = new AbortController()
    call("GET", `/v1/items/${item.id}/versions`, {signal: stop.signal}).then(
      page => (versions.value = page.items),
      () => undefined,
    )
    return () => stop.abort()
  }, [item.version_id])
  if (versions.value.length < 2) return null
  const bringBack = async (/** @type {any} */ version) => {
    try {
      listing.put({...item, ...(await call("POST", `/v1/items/${item.id}/versions/${version.id}/restore`))})
      say(t("versions.restored"))
    } catch (error) {
      sayWrong(error)
    }
  }
  return html`
    <h3>${t("versions.title")}</h3>
    <ul class="versions">
      ${versions.value.map(
        version => html`
          <li key=${version.id}>
            <span><time datetime=${version.created_at}>${moment(version.created_at)}</time> · ${bytes(version.size)}</span>
            ${version.current
              ? html`<span class="hint">${t("versions.current")}</span>`
              : item.permissions.write && html`<${IconButton} icon="restore" size=${16} label=${t("versions.restore", {time: wholeMoment(version.created_at)})} onClick=${() => bringBack(version)} />`}
          </li>
        `,
      )}
    </ul>
  `
}
