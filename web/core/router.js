/** Which place of the app the address names. Plain links lead there without loading the page anew. */

import {computed, signal} from "@preact/signals"

const address = signal(location.pathname + location.search + location.hash)

/** Whether this page belongs to a public link: nobody is signed in on it, whatever happens in other tabs. */
export const visiting = location.pathname.startsWith("/s/")

/** The path below `/app`, in segments. */
export const place = computed(() => {
  const path = address.value.split(/[?#]/)[0]
  return path.replace(/^\/app/, "").split("/").filter(Boolean).map(decodeURIComponent)
})

/** @type {import("@preact/signals").ReadonlySignal<URLSearchParams>} */
export const query = computed(() => new URLSearchParams(address.value.split("#")[0].split("?")[1] ?? ""))

/** @param {string} path */
export function go(path, {replace = false} = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", path)
  address.value = path
  if (!replace) scrollTo(0, 0)
}

addEventListener("popstate", () => (address.value = location.pathname + location.search + location.hash))

/** What stands behind `#token=` in the link of a mail; taken out of the address, so that nobody reads it there. */
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token")
  if (token) history.replaceState(null, "", location.pathname + location.search)
  return token
}

document.addEventListener("click", event => {
  const link = event.target instanceof Element ? event.target.closest("a") : null
  const other = event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey
  if (!link || other || event.defaultPrevented || link.target || link.hasAttribute("download")) return
  const near = link.pathname.startsWith("/app/") || (visiting && link.pathname === location.pathname)
  if (link.origin !== location.origin || !near) return
  event.preventDefault()
  go(link.pathname + link.search + link.hash)
})
