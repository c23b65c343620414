/** What stands beside the pages: asked to be there as soon as the first page has its work done. */

import {ours} from "./scripts.js"

/** Browsers that have none, or keep nothing, do without. */
export function install() {
  const workers = navigator.serviceWorker
  workers?.register(ours("/app/service-worker.js"), {scope: "/", updateViaCache: "none"}).catch(() => undefined)
}
