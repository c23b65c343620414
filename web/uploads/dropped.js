/** Files out of whatever was dropped, pasted or picked: folders are walked into. */

/** @typedef {{file: File, folders: string[]}} Found a file and the folders that it stands in */

/**
 * Has to be asked while the event is handled: browsers empty it afterwards.
 * @param {DataTransfer} transfer
 * @returns {Promise<Found[]>}
 */
export function filesIn(transfer) {
  const entries = [...transfer.items].filter(item => item.kind === "file").map(item => item.webkitGetAsEntry?.() ?? item.getAsFile())
  return Promise.all(entries.map(entry => found(entry, []))).then(all => all.flat())
}

/**
 * @param {FileList} picked
 * @returns {Found[]}
 */
export const filesPicked = picked =>
  Array.from(picked, file => ({file, folders: (file.webkitRelativePath || "").split("/").slice(0, -1)}))

/**
 * @param {FileSystemEntry | File | null} entry
 * @param {string[]} folders
 * @returns {Promise<Found[]>}
 */
async function found(entry, folders) {
  if (entry === null) return []
  if (entry instanceof File) return [{file: entry, folders}]
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject))
    return [{file: /** @type {File} */ (file), folders}]
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader()
  const all = []
  // Hands out a hundred at a time, until none are left.
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
    if (!some.length) break
    all.push(...some)
  }
  return (await Promise.all(all.map(inner => found(inner, [...folders, entry.name])))).flat()
}
