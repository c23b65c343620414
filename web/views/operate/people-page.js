/** Accounts: search, and everything that operators can do to one. */

import {useSignal} from "@preact/signals"
import {bytes} from "../../core/format.js"
import {html} from "../../core/html.js"
import {go, place, query} from "../../core/router.js"
import {t} from "../../core/texts.js"
import {Button} from "../../parts/button.js"
import {ask} from "../../parts/dialogs.js"
import {Field} from "../../parts/field.js"
import {Table} from "../../parts/table.js"
import {Account} from "./account.js"
import {NewAccount} from "./account-dialogs.js"
import {Choice, Frame, More, Nothing, Sheet, Unread, When} from "./frame.js"
import {Status} from "./states.js"
import {usePages} from "./use-reading.js"

const STATUSES = ["active", "suspended", "deleted"]
const ROLES = ["user", "operator"]

export function PeoplePage() {
  const id = place.value[2]
  return id ? html`<${Account} key=${id} id=${id} />` : html`<${List} />`
}

function List() {
  const asked = query.value
  const filter = {q: asked.get("q") ?? "", status: asked.get("status") ?? "", role: asked.get("role") ?? ""}
  const people = usePages("/v1/admin/auth/users", {...filter, limit: 50})
  const words = useSignal(filter.q)
  const choose = (/** @type {Record<string, string>} */ changes) => {
    const next = Object.entries({...filter, ...changes}).filter(([, value]) => value)
    go(`/app/operate/people?${new URLSearchParams(next)}`, {replace: true})
  }
  const sent = (/** @type {Event} */ event) => {
    event.preventDefault()
    choose({q: words.value.trim()})
  }
  const columns = [
    {title: t("operate.person"), main: true, cell: (/** @type {any} */ person) => html`<a href="/app/operate/people/${person.id}">${person.username}</a>`},
    {title: t("operate.email"), cell: (/** @type {any} */ person) => person.email},
    {title: t("operate.state"), cell: (/** @type {any} */ person) => html`<${Status} status=${person.status} />`},
    {title: t("operate.role"), cell: (/** @type {any} */ person) => t(person.roles.includes("operator") ? "operate.role_operator" : "operate.role_user")},
    {title: t("operate.quota"), number: true, cell: (/** @type {any} */ person) => (person.quota_bytes === null ? t("operate.quota_usual") : bytes(person.quota_bytes))},
    {title: t("operate.since"), cell: (/** @type {any} */ person) => html`<${When} at=${person.created_at} />`},
  ]
  const making = () => ask(close => html`<${NewAccount} close=${close} done=${people.again} />`)
  const any = /** @type {[string, string]} */ (["", t("operate.any")])
  return html`
    <${Frame} of="people" actions=${html`<${Button} icon="add" onClick=${making}>${t("operate.new_account")}<//>`}>
      <form class="filters" role="search" onSubmit=${sent}>
        <${Field} label=${t("operate.find_person")} value=${words.value} change=${(/** @type {string} */ text) => (words.value = text)} autocomplete="off" />
        <${Button} type="submit">${t("operate.find")}<//>
        <${Choice} label=${t("operate.state")} value=${filter.status} choices=${[any, ...STATUSES.map(name => [name, t(`operate.status_${name}`)])]} change=${(/** @type {string} */ status) => choose({status})} />
        <${Choice} label=${t("operate.role")} value=${filter.role} choices=${[any, ...ROLES.map(name => [name, t(`operate.role_${name}`)])]} change=${(/** @type {string} */ role) => choose({role})} />
      </form>
      <${Unread} error=${people.error} again=${people.again} />
      ${people.items &&
      (people.items.length
        ? html`<${Sheet}><${Table} label=${t("operate.tab_people")} columns=${columns} rows=${people.items} named=${(/** @type {any} */ person) => person.id} /><${More} more=${people.more} busy=${people.busy} /><//>`
        : html`<${Nothing}>${t("operate.no_people")}<//>`)}
    <//>
  `
}
