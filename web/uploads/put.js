/** Bytes to a signed address. XMLHttpRequest, because `fetch` does not say how far it is. */

export class PutRefused extends Error {
  /** @param {number} status 0 where there was no answer */
  constructor(status) {
    super(`the storage answered ${status}`)
    this.name = "PutRefused"
    this.status = status
  }
}

/**
 * Raises PutRefused, or AbortError.
 * @param {{url: string, method?: string, headers: Record<string, string>}} signed
 * @param {Blob} blob
 * @param {{progress: (sent: number) => void, signal: AbortSignal}} how
 * @returns {Promise<string>} its ETag
 */
export const put = ({url, method = "PUT", headers}, blob, {progress, signal}) =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const request = new XMLHttpRequest()
    const stop = () => request.abort()
    signal.addEventListener("abort", stop, {once: true})
    request.open(method, url)
    // The length is the browser's to say, and is that of the blob.
    for (const [name, value] of Object.entries(headers)) if (name.toLowerCase() !== "content-length") request.setRequestHeader(name, value)
    request.upload.onprogress = event => progress(event.loaded)
    request.onload = () => {
      if (request.status < 200 || request.status > 299) return reject(new PutRefused(request.status))
      progress(blob.size)
      resolve(request.getResponseHeader("ETag") ?? "")
    }
    request.onerror = () => reject(new PutRefused(0))
    request.onabort = () => reject(signal.reason)
    request.onloadend = () => signal.removeEventListener("abort", stop)
    request.send(blob)
  })
