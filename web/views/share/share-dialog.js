/** Who has an item: people, links, and why somebody may see it. */

import {useSignal} from "@preact/signals"
import {useEffect, useMemo} from "preact/hooks"
import {html} from "../../core/html.js"
import {wordsFor} from "../../core/problem.js"
import {t} from "../../core/texts.js"
import {Sharing} from "../../drive/sharing.js"
import {Button} from "../../parts/button.js"
import {Dialog} from "../../parts/dialog.js"
import {TabList} from "../../parts/tab-list.js"
import {Links} from "./links.js"
import {People} from "./people.js"
import {Said, useSaying} from "./saying.js"
import {Why} from "./why.js"

/** @param {{item: import("../../drive/item.js").Item, tab?: string, close: () => void}} of */
export function ShareDialog({item, tab = "people", close}) {
  const open = useSignal(tab)
  const sharing = useMemo(() => new Sharing(item.id), [item.id])
  const saying = useSaying()
  useEffect(() => sharing.follow(), [sharing])
  const mine = sharing.mayShare.value
  /** @type {[string, string][]} */
  const tabs = [["people", t("share.people")], ...(mine ? [/** @type {[string, string]} */ (["links", t("share.links")])] : []), ["why", t("share.why")]]
  const shown = open.value === "links" && !mine ? "people" : open.value
  const choose = (/** @type {string} */ name) => {
    saying.nothing()
    open.value = name
  }
  const given = {item, sharing, saying, close}
  return html`
    <${Dialog} title=${t("share.title", {name: item.name})} close=${close} wide plain>
      ${sharing.state.value === "loading" && html`<p class="hint" role="status">${t("loading")}</p>`}
      ${sharing.state.value === "failed" && html`<p class="wrong" role="alert">${wordsFor(sharing.error.value)}</p><${Button} onClick=${() => sharing.read()}>${t("action.retry")}<//>`}
      ${sharing.state.value === "ready" &&
      html`
        <${TabList} label=${t("share.views")} tabs=${tabs} open=${shown} choose=${choose}>
          ${shown === "people" && html`<${People} ...${given} />`}
          ${shown === "links" && html`<${Links} ...${given} />`}
          ${shown === "why" && html`<${Why} ...${given} />`}
        <//>
      `}
      <${Said} saying=${saying} />
    <//>
  `
}
