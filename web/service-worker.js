/**
 * Beside the pages, between them and the network: opens the app while the network is away, and takes what other apps share with it.
 *
 * It keeps files of the app only, those of one state in one store. What the server says of a drive, and bytes of files, are none of
 * its business: it does not answer for them, and nothing of them is ever kept.
 */

const BASE = "{assets}"
const PAGE = "/app"
const SHARED = "/app/share"
const KEPT = `coffer ${BASE}`
/** What pages open with, and what they ask for by themselves. */
const LATER = "{later} core/installed.js core/scripts.js texts/en.json texts/de.json".split(" ")
const SHARES = "coffer.shared"

addEventListener("install", event => event.waitUntil(keep()))
addEventListener("activate", event => event.waitUntil(takeOver()))

/** The page and every file that opens it. */
async function keep() {
  const store = await caches.open(KEPT)
  const page = await fetch(PAGE, {cache: "no-cache", headers: {Accept: "text/html"}, credentials: "omit"})
  if (!page.ok) throw new Error(`no page: ${page.status}`)
  const named = (await page.clone().text()).matchAll(/(?:href|src)="([^"]+)"/g)
  const files = [...named].map(([, address]) => address).filter(address => address.startsWith(`${BASE}/`))
  // A page of another state would ask for files that this store does not have.
  if (!files.length) throw new Error("another state of the app is served already")
  await store.addAll(new Set([...files, ...LATER.map(name => `${BASE}/${name}`)]))
  await store.put(PAGE, page)
  await skipWaiting()
}

/** Files of other states go; pages that are open have theirs already or fetch them. */
async function takeOver() {
  for (const name of await caches.keys()) if (name.startsWith("coffer ") && name !== KEPT) await caches.delete(name)
  await registration.navigationPreload?.enable()
  await clients.claim()
}

addEventListener("fetch", event => {
  const {request} = event
  const {origin, pathname} = new URL(request.url)
  if (origin !== location.origin) return
  if (request.mode === "navigate") {
    if (request.method === "POST" && pathname === SHARED) event.respondWith(takeShare(request))
    else if (request.method === "GET" && isPlace(pathname)) event.respondWith(page(event))
  } else if (request.method === "GET" && pathname.startsWith(`${BASE}/`)) event.respondWith(file(request))
})

/** @param {string} path */
const isPlace = path => path === "/" || path === "/app" || (path.startsWith("/app/") && !path.startsWith("/app/assets/")) || path.startsWith("/s/")

/** From the network; without it the page as it was, which says itself that nothing can be reached. */
async function page(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request))
  } catch (error) {
    const kept = await caches.match(PAGE, {cacheName: KEPT})
    if (kept) return kept
    throw error
  }
}

/** Never changes under its address. */
const file = async request => (await caches.match(request.url, {cacheName: KEPT})) ?? fetch(request)

/** Keeps what was shared until the page has asked the person, whoever it was that sent it here. */
async function takeShare(request) {
  try {
    const form = await request.formData()
    const files = form.getAll("files").filter(one => one instanceof File && one.name)
    const words = ["title", "text", "url"].map(name => form.get(name)).filter(one => typeof one === "string" && one)
    if (words.length && !files.length) files.push(new File([words.join("\n")], "Shared.txt", {type: "text/plain"}))
    if (files.length) await keepShare(files)
  } catch {
    return Response.redirect("/app/files?shared=lost", 303)
  }
  return Response.redirect("/app/files?shared=1", 303)
}

/** @param {File[]} files */
function keepShare(files) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(SHARES, 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore("shares", {autoIncrement: true})
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const writing = opening.result.transaction("shares", "readwrite")
      writing.objectStore("shares").add({files, at: Date.now()})
      writing.oncomplete = () => (opening.result.close(), resolve(undefined))
      writing.onabort = () => (opening.result.close(), reject(writing.error))
    }
  })
}
