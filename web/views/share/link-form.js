/** What a link is to be, for a new one and for one that is there. */

import {useSignal} from "@preact/signals"
import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {Choice} from "../../parts/choice.js"
import {Field} from "../../parts/field.js"
import {Switch} from "../../parts/switch.js"
import {useSending} from "../form.js"
import {dayIn, endOf, today} from "./days.js"

/** @type {import("../../drive/sharing.js").Mode[]} */
const MODES = ["view", "download", "edit", "upload_only"]

/** @param {import("./people.js").Given & {link?: import("../../drive/sharing.js").Link, done: () => void}} of */
export function LinkForm({item, sharing, saying, link, done}) {
  const mode = useSignal(/** @type {string} */ (link?.mode ?? "view"))
  const name = useSignal(link?.name ?? "")
  const password = useSignal("")
  const open = useSignal(false)
  const until = useSignal(dayIn(link?.expires_at ?? null))
  const most = useSignal(link?.max_downloads ? String(link.max_downloads) : "")
  const notify = useSignal(link?.notify_on_upload ?? true)
  const collects = mode.value === "upload_only"
  const gives = mode.value === "download" || mode.value === "edit"
  const form = useSending(async () => {
    saying.nothing()
    const wanted = {
      mode: /** @type {any} */ (mode.value),
      name: name.value.trim() || null,
      max_downloads: gives && most.value ? Number(most.value) : null,
      notify_on_upload: (collects || mode.value === "edit") && notify.value,
      // A day that was not touched keeps its hour.
      ...(until.value !== dayIn(link?.expires_at ?? null) && {expires_at: endOf(until.value)}),
      ...(password.value ? {password: password.value} : open.value ? {password: null} : {}),
    }
    if (link) await sharing.changeLink(link, wanted)
    else await sharing.makeLink(wanted)
    saying.done(t(link ? "links.changed" : "links.made"))
    done()
  })
  /** @type {[string, string][]} */
  const modes = MODES.filter(one => one !== "upload_only" || item.kind === "folder").map(one => [one, t(`link_mode.${one}`)])
  const set = (/** @type {import("@preact/signals").Signal<any>} */ field) => (/** @type {any} */ value) => (field.value = value)
  return html`
    <form class="link-form" onSubmit=${form.send} noValidate aria-label=${link ? t("links.change_one", {name: link.name ?? ""}) : t("links.new")}>
      <${Choice} label=${t("links.mode")} value=${mode.value} options=${modes} change=${set(mode)} focus />
      <p class="hint">${t(`link_about.${mode.value}`)}</p>
      <${Field} label=${t("links.name")} hint=${t("links.name_hint")} maxlength="200" value=${name.value} change=${set(name)} error=${form.at("/name")} />
      <div class="two">
        <${Field}
          ...${{label: t("links.password"), type: "password", autocomplete: "new-password", value: password.value, change: set(password), disabled: open.value}}
          ...${{error: form.at("/password"), hint: link?.has_password ? t("links.password_kept") : t("links.password_hint")}}
        />
        <${Field} label=${t(collects ? "links.deadline" : "share.last_day")} type="date" min=${today()} value=${until.value} change=${set(until)} error=${form.at("/expires_at")} />
      </div>
      ${link?.has_password && html`<${Switch} label=${t("links.no_password")} value=${open.value} change=${set(open)} />`}
      ${gives && html`<${Field} label=${t("links.most")} hint=${t("links.most_hint")} type="number" min="1" inputMode="numeric" value=${most.value} change=${set(most)} error=${form.at("/max_downloads")} />`}
      ${(collects || mode.value === "edit") && html`<${Switch} label=${t("links.notify")} value=${notify.value} change=${set(notify)} />`}
      ${form.at("/mode") && html`<p class="wrong" role="alert">${form.at("/mode")}</p>`}
      ${form.words && html`<p class="wrong" role="alert">${form.words}</p>`}
      <div class="form-deeds">
        <${Button} onClick=${done}>${t("action.cancel")}<//>
        <${Button} kind="main" type="submit" busy=${form.busy}>${t(link ? "links.save" : "links.make")}<//>
      </div>
    </form>
  `
}
