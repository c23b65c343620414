/** How big lines are, so that any of them can be placed without drawing those before. The style sheet keeps to these. */

export const ROW = 56
export const ROW_HEAD = 40
const TILE_WIDTH = 184
const TILE_LINE = 212
const NARROW = 560
const NARROW_TILE_WIDTH = 150
const NARROW_TILE_LINE = 188

/**
 * @param {boolean} tiles
 * @param {number} width
 */
export function geometry(tiles, width) {
  if (!tiles) return {columns: 1, line: ROW}
  const narrow = width < NARROW
  const columns = Math.max(2, Math.floor(width / (narrow ? NARROW_TILE_WIDTH : TILE_WIDTH)))
  return {columns, line: narrow ? NARROW_TILE_LINE : TILE_LINE}
}
