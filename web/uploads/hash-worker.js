/** Hashes away from the page: bytes in, SHA-256 in hexadecimal out. */

addEventListener("message", async event => {
  const {id, blob} = event.data
  try {
    const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer())
    const hash = Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, "0")).join("")
    postMessage({id, hash})
  } catch (error) {
    // The file is gone or changed under our hands.
    postMessage({id, error: String(error)})
  }
})
