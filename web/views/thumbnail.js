/** The picture of an item, or the sign of its kind; what is known of it shows until the picture is there. */

import {useSignal} from "@preact/signals"
import {useRef} from "preact/hooks"
import {html} from "../core/html.js"
import {iconOf} from "../drive/item.js"
import {forgetPicture, pictureOf} from "../drive/pictures.js"
import {Icon} from "../parts/icon.js"

/** @param {{item: import("../drive/item.js").Item, size: number, large?: boolean}} of */
export function Thumbnail({item, size, large = false}) {
  const broken = useSignal("")
  const tries = useRef(0)
  const {placeholder} = item.preview
  const address = pictureOf(item, broken.value)
  if (!address || broken.value === address) {
    const waiting = item.kind === "file" && item.preview.status === "pending"
    return html`
      <span class="thumb sign ${item.kind} ${waiting ? "waiting" : ""}"><${Icon} name=${iconOf(item)} filled=${item.kind === "folder"} size=${large ? size : 22} /></span>
    `
  }
  const failed = () => {
    // Addresses last for minutes, pages for days: once more from the server, and then no more.
    if (tries.current++ < 2) forgetPicture(item)
    broken.value = address
  }
  const style = placeholder ? {backgroundImage: `url("${placeholder.startsWith("data:") ? placeholder : `data:image/webp;base64,${placeholder}`}")`} : {}
  return html`
    <span class="thumb picture" style=${style}>
      <img src=${address} alt="" loading="lazy" decoding="async" draggable=${false} onError=${failed} />
    </span>
  `
}
