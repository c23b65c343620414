/** A person as a small round picture: their photo, or the first letter of their name. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {send} from "../core/api.js"
import {html} from "../core/html.js"

/**
 * @param {{person: {id: string, username: string | null, display_name: string | null, photo?: string | null, photo_at?: number} | null}} of
 *   `photo_at` changes when the photo behind the same address does
 */
export function Avatar({person}) {
  const picture = useSignal("")
  const photo = person?.photo
  useEffect(() => {
    picture.value = ""
    if (!photo) return
    let address = ""
    const stop = new AbortController()
    send("GET", photo, {query: {size: 64}, signal: stop.signal})
      .then(answer => (answer.ok ? answer.blob() : null))
      .then(blob => blob && (picture.value = address = URL.createObjectURL(blob)))
      .catch(() => undefined)
    return () => {
      stop.abort()
      URL.revokeObjectURL(address)
    }
  }, [photo, person?.photo_at])
  const name = person?.display_name || person?.username || "?"
  return html`<span class="avatar">${picture.value ? html`<img src=${picture.value} alt="" />` : [...name][0].toUpperCase()}</span>`
}
