/** Asks a visitor for the password of a link. What it leads to is not said before. */

import {useSignal} from "@preact/signals"
import {html} from "../../core/html.js"
import {duration} from "../../core/format.js"
import {Problem} from "../../core/problem.js"
import {t} from "../../core/texts.js"
import {nameOf} from "../../drive/item.js"
import {Button} from "../../parts/button.js"
import {Field} from "../../parts/field.js"
import {useSending} from "../form.js"
import {Front} from "../front.js"

/** @param {{visit: import("../../drive/visit.js").Visit}} of */
export function Entrance({visit}) {
  const password = useSignal("")
  const form = useSending(async () => {
    try {
      await visit.unlock(password.value)
    } catch (error) {
      if (error instanceof Problem && [404, 410].includes(error.status)) return visit.look()
      throw error
    }
  })
  const error = form.error.value
  const late = error instanceof Problem && error.code === "too_many_attempts" && error.retrySeconds
  const wrong = error instanceof Problem && error.code === "link_password_required" ? t("visit.wrong") : (form.words ?? undefined)
  const door = visit.door.value
  const owner = door?.owner.display_name
  const lead = t(door?.kind === "folder" ? "visit.locked_folder" : "visit.locked_file", {owner: nameOf({id: "", username: null, display_name: owner ?? null})})
  return html`
    <${Front} title=${t("visit.locked")} lead=${lead}>
      <form class="form" onSubmit=${form.send} noValidate>
        <${Field}
          ...${{label: t("links.password"), type: "password", name: "link-password", autocomplete: "off", required: true, focus: true}}
          ...${{value: password.value, change: (/** @type {string} */ value) => (password.value = value)}}
          ...${{error: late ? t("visit.too_often", {time: duration(late)}) : wrong}}
        />
        <${Button} kind="main" type="submit" busy=${form.busy}>${t("visit.enter")}<//>
      </form>
    <//>
  `
}
