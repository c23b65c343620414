/** Files out of whatever was dropped, pasted or picked: folders are walked into. */

/**
 * @typedef {{file: File, folders: string[], handle?: FileSystemFileHandle | null}} Found a file and the folders that it stands in;
 *   with the handle it can be opened again after a reload
 */

/**
 * Has to be asked while the event is handled: browsers empty it afterwards.
 * @param {DataTransfer} transfer
 * @returns {Promise<Found[]>}
 */
export function filesIn(transfer) {
  const entries = [...transfer.items].filter(item => item.kind === "file").map(item => {
    const entry = item.webkitGetAsEntry?.() ?? item.getAsFile()
    return {entry, handle: entry && !(/** @type {any} */ (entry).isDirectory) ? handleOf(item) : null}
  })
  return Promise.all(entries.map(({entry, handle}) => found(entry, [], handle))).then(all => all.flat())
}

/**
 * Only some browsers have them.
 * @param {DataTransferItem} item
 * @returns {Promise<FileSystemFileHandle | null>}
 */
const handleOf = item => Promise.resolve(/** @type {any} */ (item).getAsFileSystemHandle?.() ?? null).catch(() => null)

/**
 * @param {File[]} picked
 * @returns {Found[]}
 */
export const filesPicked = picked =>
  picked.map(file => ({file, folders: (file.webkitRelativePath || "").split("/").slice(0, -1)}))

/**
 * @param {FileSystemEntry | File | null} entry
 * @param {string[]} folders
 * @param {Promise<FileSystemFileHandle | null> | null} [handle]
 * @returns {Promise<Found[]>}
 */
async function found(entry, folders, handle = null) {
  if (entry === null) return []
  if (entry instanceof File) return [{file: entry, folders, handle: await handle}]
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject))
    return [{file: /** @type {File} */ (file), folders, handle: await handle}]
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
