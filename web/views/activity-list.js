/** Who did what with an item lately. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {call} from "../core/api.js"
import {moment, wholeMoment} from "../core/format.js"
import {html} from "../core/html.js"
import {user} from "../core/session.js"
import {known, t} from "../core/texts.js"
import {nameOf} from "../drive/item.js"

const SHOWN = 8

/** @param {{item: import("../drive/item.js").Item}} of */
export function ActivityList({item}) {
  const entries = useSignal(/** @type {any[]} */ ([]))
  useEffect(() => {
    const stop = new AbortController()
    call("GET", "/v1/activity", {query: {item_id: item.id, limit: SHOWN}, signal: stop.signal}).then(
      page => (entries.value = page.items),
      () => undefined,
    )
    return () => stop.abort()
  }, [item.id, item.etag])
  if (!entries.value.length) return null
  return html`
    <h3>${t("activity.title")}</h3>
    <ul class="activity">
      ${entries.value.map(
        entry => html`
          <li key=${entry.id}>
            <span>${sentence(entry)}</span>
            <time datetime=${entry.at} title=${wholeMoment(entry.at)}>${moment(entry.at)}</time>
          </li>
        `,
      )}
    </ul>
  `
}

/** @param {any} entry */
function sentence({action, actor}) {
  const who = actor?.id === user.value?.id ? t("person.me") : actor ? nameOf(actor) : t("person.system")
  const what = known(`activity.${action}`) ? t(`activity.${action}`) : action.replaceAll("_", " ")
  return t("activity.sentence", {who, what})
}
