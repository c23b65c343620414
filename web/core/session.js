/**
 * Who is signed in. The access token lives in memory only; what renews it is a cookie that no script can read.
 *
 * Tabs share one session: one of them renews at a time, and tells the others.
 */

import {batch, computed, signal} from "@preact/signals"
import {remember, remembered} from "./memory.js"
import {Problem} from "./problem.js"
import {alone, hear, tell} from "./tabs.js"

/**
 * @typedef {object} User
 * @property {string} id
 * @property {string} username
 * @property {string} email
 * @property {boolean} email_verified
 * @property {string} display_name
 * @property {string | null} photo
 * @property {number} [photo_at]
 * @property {string[]} roles
 *
 * @typedef {{access_token: string, expires_at: string, user: User}} Tokens
 */

const CSRF = {"X-Coffer-Csrf": "1"}
const MARGIN_MS = 20_000
/** That somebody was signed in here: without it nobody is asked for a cookie that cannot be there. */
const MARK = "signed-in"

/** `expired` keeps the page and asks for the password above it. */
export const state = signal(/** @type {"starting" | "out" | "in" | "expired"} */ ("starting"))
export const user = signal(/** @type {User | null} */ (null))
export const isIn = computed(() => state.value === "in" || state.value === "expired")

let token = ""
let endsAt = 0
/** @type {(() => void)[]} */
let waiting = []

/** @param {Tokens} tokens */
function take(tokens) {
  if (user.value && user.value.id !== tokens.user.id) {
    // Somebody else signed in: nothing of the person before may stay on the screen.
    location.assign("/app/files")
    return
  }
  token = tokens.access_token
  endsAt = Date.parse(tokens.expires_at)
  remember(MARK, "1")
  batch(() => {
    user.value = tokens.user
    state.value = "in"
  })
  for (const go of waiting.splice(0)) go()
}

function forget() {
  token = ""
  endsAt = 0
  remember(MARK, null)
  batch(() => {
    user.value = null
    state.value = "out"
  })
}

/**
 * @param {string} path
 * @param {object} body
 * @returns {Promise<any>}
 */
async function ask(path, body) {
  let answer
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: {"Content-Type": "application/json", ...CSRF},
      body: JSON.stringify(body),
    })
  } catch {
    throw new Problem(0, {code: "offline"})
  }
  if (!answer.ok) throw await Problem.from(answer)
  return answer.status === 204 ? null : answer.json()
}

/** @param {Tokens} tokens */
function welcome(tokens) {
  take(tokens)
  tell({kind: "signed-in", tokens})
}

/** Whether somebody was signed in here when this browser was last asked. */
export const wasIn = () => remembered(MARK) !== null

/** At the start of a page: in again by the cookie, or out. */
export async function begin() {
  hear("signed-in", message => take(message.tokens))
  hear("signed-out", () => user.value && location.assign("/app/sign-in"))
  if (!wasIn()) {
    state.value = "out"
    return
  }
  try {
    await renew("")
  } catch (error) {
    // Whoever cannot be asked at this moment is not signed out by that.
    if (!(error instanceof Problem) || ![401, 403].includes(error.status)) throw error
    forget()
  }
}

/**
 * Get another token, unless a tab has got one since.
 * @param {string} spent the token that did not do
 */
export async function renew(spent) {
  await alone("renewing", async () => {
    if (token && token !== spent) return
    welcome(await ask("/v1/auth/refresh", {}))
  })
}

/**
 * A token that still lives for a while. Waits for the person where the session ended.
 * @returns {Promise<string>}
 */
export async function accessToken() {
  if (Date.now() > endsAt - MARGIN_MS) await renewOrWait(token)
  return token
}

/**
 * After a refusal: another token, or the person who signs in again. Raises Problem while nobody answers.
 * @param {string} spent
 */
export async function renewOrWait(spent) {
  if (state.value === "out") throw new Problem(401, {code: "unauthenticated"})
  try {
    if (state.value !== "expired") return await renew(spent)
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error
    state.value = "expired"
  }
  await new Promise(go => waiting.push(/** @type {() => void} */ (go)))
}

/**
 * Raises Problem `mfa_required` with what the second step needs.
 * @param {string} login
 * @param {string} password
 */
export async function signIn(login, password) {
  welcome(await ask("/v1/auth/login", {login, password, cookie: true, device_name: deviceName()}))
}

/**
 * The second step.
 * @param {string} mfaToken
 * @param {{code: string} | {recovery_code: string}} answer
 */
export async function signInWithCode(mfaToken, answer) {
  welcome(await ask("/v1/auth/login/mfa", {mfa_token: mfaToken, cookie: true, ...answer}))
}

/**
 * What a browser calls the uploads that somebody has not finished.
 * @param {string} userId
 */
export const unfinished = userId => `unfinished.${userId}`

/** Here and in the other tabs. Names of files do not stay behind on a machine that others use. */
export async function signOut() {
  await ask("/v1/auth/cookie/logout", {})
  const left = unfinished(user.value?.id ?? "")
  indexedDB.deleteDatabase(left)
  remember(left, null)
  forget()
  tell({kind: "signed-out"})
}

/** For the list of sessions: what this browser calls itself. */
function deviceName() {
  const agent = navigator.userAgent
  const browser = ["Firefox", "Edg", "Chrome", "Safari"].find(name => agent.includes(`${name}/`)) ?? "Browser"
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux"].find(name => agent.includes(name))
  return [browser === "Edg" ? "Edge" : browser, system].filter(Boolean).join(", ")
}
