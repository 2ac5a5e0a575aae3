/** Where columns and rows lie: a column a residue, twenty rows a map; no DOM here. */

export const ROW = 13;
export const ROWS = 20;
/** Room for the letters of the rows. */
export const GUTTER = 20;
/** Room above a map for its name and for the caps of masked residues. */
export const HEAD = 26;
/** Room below the last map for the numbers of the residues. */
export const FOOT = 22;
const READABLE = 8;
const WIDEST = 36;
const FIT_AT_MOST = 20;

/** What is in sight. */
export interface Sight {
  /** Of the canvas, in CSS pixels. */
  width: number;
  /** Of a column. */
  cell: number;
  /** Pixels of columns that are scrolled out to the left. */
  scroll: number;
}

export interface Place {
  /** Of the maps, from the top. */
  map: number;
  position: number;
  row: number;
}

export function heightOf(maps: number): number {
  return maps * (HEAD + ROWS * ROW) + FOOT;
}

/** Where the cells of a map begin. */
export function topOf(map: number): number {
  return HEAD + map * (HEAD + ROWS * ROW);
}

/** Width of a column before anyone zooms: all fit while they can be told apart, else it scrolls. */
export function firstCell(width: number, length: number): number {
  const fit = (width - GUTTER) / Math.max(1, length);
  return Math.max(READABLE, Math.min(FIT_AT_MOST, fit));
}

/** The nearest width of a column that may be. */
export function clampCell(cell: number, width: number, length: number): number {
  const fit = (width - GUTTER) / Math.max(1, length);
  return Math.max(Math.min(fit, READABLE), Math.min(WIDEST, cell));
}

/** The nearest scroll position that may be. */
export function clampScroll({ width, cell, scroll }: Sight, length: number): number {
  return Math.max(0, Math.min(GUTTER + cell * length - width, scroll));
}

/** Zoom by a factor; the column at x, in pixels of the canvas, stays there. */
export function zoomAt(sight: Sight, x: number, factor: number, length: number): Sight {
  const cell = clampCell(sight.cell * factor, sight.width, length);
  const inside = Math.max(0, x - GUTTER);
  const scroll = ((sight.scroll + inside) / sight.cell) * cell - inside;
  const next = { ...sight, cell, scroll };
  return { ...next, scroll: clampScroll(next, length) };
}

/** Scroll as little as needed to show a column. */
export function reveal(sight: Sight, position: number, length: number): Sight {
  const left = position * sight.cell;
  const room = sight.width - GUTTER;
  const scroll = Math.max(Math.min(sight.scroll, left), left + sight.cell - room);
  return { ...sight, scroll: clampScroll({ ...sight, scroll }, length) };
}

/** Left edge of a column in the canvas. */
export function leftOf(sight: Sight, position: number): number {
  return GUTTER + position * sight.cell - sight.scroll;
}

/** The cell at a point of the canvas; null outside of the maps. */
export function placeAt(
  sight: Sight,
  x: number,
  y: number,
  length: number,
  maps: number,
): Place | null {
  if (x < GUTTER || x >= sight.width) return null;
  const position = Math.floor((x - GUTTER + sight.scroll) / sight.cell);
  if (position < 0 || position >= length) return null;
  for (let map = 0; map < maps; map += 1) {
    const row = Math.floor((y - topOf(map)) / ROW);
    if (row >= 0 && row < ROWS) return { map, position, row };
  }
  return null;
}

/** First and last+1 column of which a part is in sight. */
export function inSight(sight: Sight, length: number): [number, number] {
  const first = Math.max(0, Math.floor(sight.scroll / sight.cell));
  const last = Math.ceil((sight.scroll + sight.width - GUTTER) / sight.cell);
  return [first, Math.min(length, last)];
}
