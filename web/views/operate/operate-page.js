/** For those who run Coffer. All others are told what they are told of any place that is not theirs. */

import {html} from "../../core/html.js"
import {Problem} from "../../core/problem.js"
import {place} from "../../core/router.js"
import {user} from "../../core/session.js"
import {later} from "../../parts/later.js"
import {FailedPage} from "../empty.js"
import {HealthPage} from "./health-page.js"

/** @type {Record<string, any>} */
const PAGES = {
  health: HealthPage,
  queues: later(() => import("./queues-page.js").then(module => module.QueuesPage)),
  letters: later(() => import("./letters-page.js").then(module => module.LettersPage)),
  usage: later(() => import("./usage-page.js").then(module => module.UsagePage)),
  uploads: later(() => import("./uploads-page.js").then(module => module.UploadsPage)),
  people: later(() => import("./people-page.js").then(module => module.PeoplePage)),
  audit: later(() => import("./audit-page.js").then(module => module.AuditPage)),
  jobs: later(() => import("./jobs-page.js").then(module => module.JobsPage)),
  links: later(() => import("./links-page.js").then(module => module.LinksPage)),
  receivers: later(() => import("./receivers-page.js").then(module => module.ReceiversPage)),
  topics: later(() => import("./topics-page.js").then(module => module.TopicsPage)),
  limits: later(() => import("./limits-page.js").then(module => module.LimitsPage)),
}

export function OperatePage() {
  const name = place.value[1] ?? "health"
  const Page = Object.hasOwn(PAGES, name) && PAGES[name]
  if (!Page || !user.value?.roles.includes("operator")) {
    return html`<${FailedPage} error=${new Problem(404, {code: "not_found"})} />`
  }
  return html`<${Page} key=${name} />`
}
