/** Names people and says what they may. Those with whom something was shared before are proposed; others are looked up by their whole name. */

import {useSignal} from "@preact/signals"
import {useEffect, useId} from "preact/hooks"
import {call} from "../../core/api.js"
import {html} from "../../core/html.js"
import {Problem} from "../../core/problem.js"
import {user} from "../../core/session.js"
import {known, t} from "../../core/texts.js"
import {nameOf} from "../../drive/item.js"
import {Button} from "../../parts/button.js"
import {Choice} from "../../parts/choice.js"
import {Field} from "../../parts/field.js"
import {Switch} from "../../parts/switch.js"
import {Writing} from "../../parts/writing.js"
import {useSending} from "../form.js"
import {endOf, today} from "./days.js"
import {roleChoices} from "./people.js"

/** @typedef {import("../../drive/sharing.js").Named} Named */

const TYPING_MS = 350
const PROPOSED = 100

/** @param {import("./people.js").Given} of */
export function AddPeople({sharing, saying}) {
  const who = useSignal("")
  const role = useSignal("viewer")
  const message = useSignal("")
  const until = useSignal("")
  const notify = useSignal(true)
  const list = useId()
  const proposed = useProposals()
  const found = useLookUp(who.value)
  const form = useSending(async () => {
    saying.nothing()
    const names = namesIn(who.value)
    if (!names.length) throw new Problem(422, {errors: [{pointer: "/recipients", code: "required"}]})
    try {
      const how = {role: /** @type {any} */ (role.value), message: message.value.trim() || null, expires_at: endOf(until.value), notify: notify.value}
      await sharing.give(names.map(named), how)
    } catch (error) {
      throw error instanceof Problem ? told(error, names) : error
    }
    saying.done(t("share.given", {count: names.length, name: names[0]}))
    who.value = message.value = until.value = ""
  })
  const wrong = form.at("/recipients") ?? form.words ?? undefined
  return html`
    <form class="add-people" onSubmit=${form.send} noValidate>
      <div class="add-line">
        <${Field}
          ...${{label: t("share.with"), name: "who", autocomplete: "off", autocapitalize: "none", spellcheck: false, list, focus: true}}
          ...${{value: who.value, change: (/** @type {string} */ value) => (who.value = value), error: wrong, hint: found ?? t("share.with_hint")}}
        />
        <${Choice} label=${t("share.role")} value=${role.value} options=${roleChoices()} change=${(/** @type {string} */ value) => (role.value = value)} />
      </div>
      <datalist id=${list}>${proposed.map(person => html`<option key=${person.id} value=${person.username}>${nameOf(person)}</option>`)}</datalist>
      ${who.value.trim() &&
      html`
        <${Writing} label=${t("share.message")} value=${message.value} maxlength="2000" change=${(/** @type {string} */ value) => (message.value = value)} error=${form.at("/message")} />
        <div class="add-line">
          <${Field} label=${t("share.last_day")} type="date" min=${today()} value=${until.value} change=${(/** @type {string} */ value) => (until.value = value)} error=${form.at("/expires_at")} />
          <${Switch} label=${t("share.notify")} value=${notify.value} change=${(/** @type {boolean} */ value) => (notify.value = value)} />
        </div>
      `}
      <${Button} kind="main" type="submit" busy=${form.busy}>${t("share.give")}<//>
    </form>
  `
}

/** @param {string} text */
const namesIn = text => [...new Set(text.split(/[\s,;]+/).filter(Boolean))]

/**
 * @param {string} name
 * @returns {Named}
 */
const named = name => (name.replace(/^@/, "").includes("@") ? {email: name} : {username: name.replace(/^@/, "")})

/**
 * The refusal with the names that it is about, instead of their places.
 * @param {Problem} problem
 * @param {string[]} names
 */
function told(problem, names) {
  const about = problem.body.errors?.flatMap((/** @type {any} */ error) => {
    const place = /^\/recipients\/(\d+)/.exec(error.pointer)?.[1]
    if (place === undefined) return []
    const key = `share_refused.${error.code}`
    return `${names[Number(place)]}: ${known(key) ? t(key) : error.detail}`
  })
  if (!about?.length) return problem
  return new Problem(problem.status, {errors: [{pointer: "/recipients", code: "", detail: about.join(" ")}]})
}

/** People with whom something was shared before. */
function useProposals() {
  const people = useSignal(/** @type {import("../../drive/sharing.js").Share["recipient"][]} */ ([]))
  useEffect(() => {
    const stop = new AbortController()
    call("GET", "/v1/shares/by-me", {query: {limit: PROPOSED}, signal: stop.signal}).then(
      page => {
        const all = page.items.map((/** @type {any} */ share) => share.recipient)
        people.value = [...new Map(all.filter((/** @type {any} */ one) => one.username).map((/** @type {any} */ one) => [one.id, one])).values()]
      },
      // Proposals are a help; without them names are typed.
      () => undefined,
    )
    return () => stop.abort()
  }, [])
  return people.value
}

/**
 * Who the name typed last is, once it is whole; null while that is nobody.
 * @param {string} text
 */
function useLookUp(text) {
  const found = useSignal(/** @type {string | null} */ (null))
  const last = /\s$/.test(text) ? "" : (namesIn(text).at(-1) ?? "")
  useEffect(() => {
    found.value = null
    if (last.length < 2) return
    const stop = new AbortController()
    const timer = setTimeout(() => {
      call("GET", "/v1/users/lookup", {query: {q: last.replace(/^@/, "")}, signal: stop.signal}).then(
        ({items: [person]}) => {
          if (person) found.value = person.id === user.value?.id ? t("share_refused.yourself") : t("share.found", {name: nameOf(person), username: person.username})
        },
        // Sharing itself says what is wrong.
        () => undefined,
      )
    }, TYPING_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [last])
  return found.value
}
