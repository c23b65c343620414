/** The order in which a folder is listed, as the server keeps it: an item that appears goes where a reload would show it. */

/**
 * @typedef {import("./item.js").Item} Item
 * @typedef {"name" | "modified_at" | "size"} Column
 * @typedef {{by: Column, descending: boolean}} Order
 */

/** @param {string} name */
const key = name => name.normalize("NFC").toLowerCase().normalize("NFC")

/**
 * @param {Column} column
 * @param {Item} item
 */
function valueOf(column, item) {
  if (column === "name") return key(item.name)
  return column === "size" ? (item.size ?? 0) : Date.parse(item.modified_at)
}

/**
 * Folders first; the id decides between equals.
 * @param {Order} order
 * @returns {(a: Item, b: Item) => number}
 */
export function comparing({by, descending}) {
  const sign = descending ? -1 : 1
  return (a, b) => {
    if (a.kind !== b.kind) return a.kind === "folder" ? -1 : 1
    const [left, right] = [valueOf(by, a), valueOf(by, b)]
    if (left !== right) return left < right ? -sign : sign
    return a.id < b.id ? -sign : a.id > b.id ? sign : 0
  }
}

/**
 * Where an item belongs among sorted ones.
 * @param {Item[]} items
 * @param {Item} item
 * @param {(a: Item, b: Item) => number} compare
 */
export function placeFor(items, item, compare) {
  let [low, high] = [0, items.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare(items[middle], item) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** As the server writes it. @param {Order} order */
export const written = ({by, descending}) => (descending ? `-${by}` : by)
