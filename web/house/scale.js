/** Where things of a chart stand: round numbers on the axis, and days that are not told one by one. No screen. */

/**
 * Round steps from at most the smallest value to at least the largest; nought is one of them.
 * @param {number} smallest
 * @param {number} largest
 * @param {number} [most] how many, about
 * @returns {number[]}
 */
export function ticks(smallest, largest, most = 4) {
  const low = Math.min(0, smallest)
  const high = Math.max(0, largest)
  if (low === high) return [0, 1]
  const rough = (high - low) / most
  const power = 10 ** Math.floor(Math.log10(rough))
  // Neither people nor bytes come in halves.
  const step = Math.max(1, [1, 2, 5, 10].map(times => times * power).find(size => size >= rough * 0.999) ?? 10 * power)
  const from = Math.floor(low / step + 1e-9)
  const to = Math.ceil(high / step - 1e-9)
  return Array.from({length: to - from + 1}, (_, index) => (from + index) * step)
}

/**
 * Which of so many places carry a label, if one needs so much room.
 * @param {number} count
 * @param {number} width of all of them
 * @param {number} room for one label
 * @returns {number[]}
 */
export function labelled(count, width, room) {
  const every = Math.max(1, Math.ceil((count * room) / Math.max(1, width)))
  // Counted from the end: the last one is today.
  return Array.from({length: count}, (_, index) => index).filter(index => (count - 1 - index) % every === 0)
}

/**
 * The largest parts by name, and all others together.
 * @param {Record<string, number>[]} maps
 * @param {number} most
 * @returns {{names: string[], rest: boolean}}
 */
export function largest(maps, most) {
  /** @type {Map<string, number>} */
  const total = new Map()
  for (const map of maps) for (const [name, value] of Object.entries(map)) total.set(name, (total.get(name) ?? 0) + value)
  const names = [...total].filter(([, value]) => value > 0).sort(([, a], [, b]) => b - a).map(([name]) => name)
  return {names: names.slice(0, most), rest: names.length > most}
}
