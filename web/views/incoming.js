/** Asks whether files that another app sent here shall be uploaded: whoever sent them may not have been this person. */

import {useSignal} from "@preact/signals"
import {useEffect} from "preact/hooks"
import {bytes} from "../core/format.js"
import {html} from "../core/html.js"
import {go} from "../core/router.js"
import {t} from "../core/texts.js"
import {say} from "../core/toasts.js"
import {here} from "../drive/here.js"
import {Button} from "../parts/button.js"
import {Dialog} from "../parts/dialog.js"
import {newer} from "../parts/later.js"
import {addFiles} from "../uploads/door.js"
import {forgetShared, sharedFiles} from "../uploads/shared.js"

const SHOWN = 8

export function Incoming() {
  const files = useSignal(/** @type {File[]} */ ([]))
  useEffect(() => {
    const lost = () => (say(t("incoming.lost"), undefined, "wrong"), leave())
    sharedFiles().then(found => (found.length ? (files.value = found) : lost()), lost)
  }, [])
  const into = here.value
  if (!files.value.length) return null
  const discard = () => forgetShared().then(leave, leave)
  const take = () => {
    if (!into) return
    const found = files.value.map(file => ({file, folders: []}))
    addFiles(found, into.id).then(discard, newer)
  }
  const actions = html`
    <${Button} onClick=${discard}>${t("incoming.discard")}<//>
    <${Button} kind="main" type="submit" disabled=${!into}>${t("incoming.take")}<//>
  `
  const more = files.value.length - SHOWN
  return html`
    <${Dialog} title=${t("incoming.title", {count: files.value.length})} close=${discard} submit=${take} actions=${actions}>
      <p>${t("incoming.lead")}</p>
      <ul class="incoming">${files.value.slice(0, SHOWN).map(file => html`<li><span class="name">${file.name}</span><span class="hint">${bytes(file.size)}</span></li>`)}</ul>
      ${more > 0 && html`<p class="hint">${t("incoming.more", {count: more})}</p>`}
    <//>
  `
}

/** The question is answered: it is not asked again by a reload. */
const leave = () => go(location.pathname, {replace: true})
