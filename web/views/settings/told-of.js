/** Of what a program is told: families of events, or certain ones. */

import {html} from "../../core/html.js"
import {t} from "../../core/texts.js"
import {useReading} from "./reading.js"

/** Whole families are asked for by patterns. */
const FAMILIES = ["files.*", "sharing.*", "media.*", "auth.*", "notifier.*"]

/** What a new one is told of unless somebody says otherwise. */
export const USUAL = ["files.*"]

/** @param {{types: import("@preact/signals").Signal<Set<string>>, error?: string}} of */
export function ToldOf({types, error}) {
  const known = useReading("/v1/events/types")
  /** @param {string} type */
  const toggle = type => {
    const next = new Set(types.value)
    if (!next.delete(type)) next.add(type)
    types.value = next
  }
  const offered = (known.found.value?.items ?? []).filter((/** @type {any} */ type) => type.webhooks)
  /** @param {string} type */
  const covered = type => types.value.has("*") || types.value.has(`${type.split(".")[0]}.*`)
  /** @param {string} type @param {any} text @param {boolean} implied */
  const choice = (type, text, implied = false) => html`
    <label class="choice"><input type="checkbox" checked=${implied || types.value.has(type)} disabled=${implied} onChange=${() => toggle(type)} /><span>${text}</span></label>
  `
  return html`
    <fieldset>
      <legend>${t("webhooks.types")}</legend>
      ${choice("*", t("webhooks.all"))} ${FAMILIES.map(family => choice(family, t(`family.${family.split(".")[0]}`), types.value.has("*")))}
      <details>
        <summary>${t("webhooks.exact")}</summary>
        ${offered.map((/** @type {any} */ type) => choice(type.type, html`<code>${type.type}</code>`, covered(type.type)))}
      </details>
      ${error && html`<p class="wrong" role="alert">${error}</p>`}
    </fieldset>
  `
}
