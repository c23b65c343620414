/** Items from everywhere: recent, favourites, what others share, the trash, and what a search found. */

import {useEffect} from "preact/hooks"
import {html} from "../core/html.js"
import {query} from "../core/router.js"
import {t} from "../core/texts.js"
import {here} from "../drive/here.js"
import {favouritesSource, recentSource, searchSource, sharedSource, sharingSource, trashSource} from "../drive/sources.js"
import {Browser} from "./browser.js"
import {EmptyTrash} from "./empty-trash.js"
import {SearchFilters} from "./search-filters.js"
import {useTitle} from "./title.js"
import {useListing} from "./use-listing.js"

/** @param {{of: "recent" | "favourites" | "shared" | "trash" | "search"}} what */
export function CollectionPage({of}) {
  const asked = query.value
  const words = asked.get("q") ?? ""
  const byMe = of === "shared" && asked.get("by") === "me"
  const type = asked.get("type") ?? ""
  const sources = {
    recent: recentSource,
    favourites: favouritesSource,
    shared: byMe ? sharingSource : sharedSource,
    trash: trashSource,
    search: () => searchSource(words, {type}),
  }
  const {listing, selection} = useListing(sources[of], [of, words, byMe, type], {reread: of !== "favourites"})
  const title = of === "search" ? t("search.title", {words}) : t(`nav.${of}`)
  useTitle(title)
  useEffect(() => void (here.value = null), [])
  return html`<${Browser} listing=${listing} selection=${selection} kind=${of} head=${html`<${Head} of=${of} title=${title} byMe=${byMe} listing=${listing} />`} />`
}

/** @param {{of: string, title: string, byMe: boolean, listing: import("../drive/listing.js").Listing}} what */
const Head = ({of, title, byMe, listing}) => html`
  <div class="page-title">
    <h1>${title}</h1>
    ${of === "shared" &&
    html`
      <nav class="tabs" aria-label=${title}>
        <a href="/app/shared" aria-current=${byMe ? undefined : "page"}>${t("shared.with_me")}</a>
        <a href="/app/shared?by=me" aria-current=${byMe ? "page" : undefined}>${t("shared.by_me")}</a>
      </nav>
    `}
    ${of === "search" && html`<${SearchFilters} />`}
    ${of === "trash" && html`<${EmptyTrash} listing=${listing} />`}
  </div>
`
