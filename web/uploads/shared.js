/** Files that another app shared with this one: the worker beside the pages keeps them until the person has decided. */

const STORE = "coffer.shared"
const SHARES = "shares"
const DAY = 86_400_000

/** @typedef {{files: File[], at: number}} Share */

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(shares: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>}
 */
const within = (mode, work) =>
  new Promise((resolve, reject) => {
    const opening = indexedDB.open(STORE, 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore(SHARES, {autoIncrement: true})
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const transaction = opening.result.transaction(SHARES, mode)
      const request = work(transaction.objectStore(SHARES))
      transaction.oncomplete = () => (opening.result.close(), resolve(request.result))
      transaction.onabort = () => (opening.result.close(), reject(transaction.error))
    }
  })

/** Those of the last day; what nobody asked about for longer is not brought up again. */
export async function sharedFiles() {
  /** @type {Share[]} */
  const shares = await within("readonly", shares => shares.getAll())
  return shares.filter(({at}) => Date.now() - at < DAY).flatMap(({files}) => files)
}

export const forgetShared = () => within("readwrite", shares => shares.clear())
