/** Addresses of scripts that run beside the page. The policy of the page takes them from here only. */

/** @type {any} */
let policy = null

/**
 * The address of a script of ours; other addresses are refused by throwing a TypeError.
 * @param {string} address
 * @returns {any} a TrustedScriptURL where browsers have them
 */
export function ours(address) {
  const {trustedTypes} = /** @type {any} */ (globalThis)
  policy ??= trustedTypes?.createPolicy("coffer", {createScriptURL: checked}) ?? {createScriptURL: checked}
  return policy.createScriptURL(address)
}

/** @param {string} address */
function checked(address) {
  const {origin, pathname, href} = new URL(address, location.href)
  if (origin !== location.origin || !pathname.startsWith("/app/")) throw new TypeError(`not a script of ours: ${href}`)
  return href
}
