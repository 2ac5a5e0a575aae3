/** Which part of the map is shown: sizes in CSS pixels, positions in cells; no DOM. */

/** Where the square map lies in the canvas. */
export interface Frame {
  /** Of the canvas. */
  width: number;
  height: number;
  /** The map's top left corner and its side. */
  left: number;
  top: number;
  side: number;
}

/** The cell coordinates at the map's top left corner, and the size of a cell. */
export interface Window {
  x: number;
  y: number;
  cell: number;
}

export interface Cell {
  /** Row: the residue affected. */
  i: number;
  /** Column: the residue hidden as well. */
  j: number;
}

const MAX_SIDE = 620;
const MIN_SIDE = 120;
const TOP = 26;
const RIGHT = 8;
const BOTTOM = 8;
const LETTER_WIDTH = 6.7;
/** Cells are not made larger than this, in pixels. */
export const MAX_CELL = 44;

export function layOut(width: number, labels: readonly string[]): Frame {
  const longest = labels.reduce((most, label) => Math.max(most, label.length), 2);
  const gutter = Math.ceil(16 + LETTER_WIDTH * longest);
  const side = Math.max(MIN_SIDE, Math.min(MAX_SIDE, Math.floor(width) - gutter - RIGHT));
  const spare = Math.max(0, width - gutter - RIGHT - side);
  return {
    width: Math.max(width, gutter + side + RIGHT),
    height: TOP + side + BOTTOM,
    left: gutter + Math.floor(spare / 2),
    top: TOP,
    side,
  };
}

/** All of an L x L map. */
export function whole(length: number, side: number): Window {
  return { x: 0, y: 0, cell: side / Math.max(1, length) };
}

export function isZoomed(window: Window, length: number, side: number): boolean {
  return window.cell > whole(length, side).cell * 1.0001;
}

/** Keep the window inside the map. */
export function clamp({ x, y, cell }: Window, length: number, side: number): Window {
  const smallest = whole(length, side).cell;
  const size = Math.max(smallest, Math.min(Math.max(MAX_CELL, smallest), cell));
  const last = Math.max(0, length - side / size);
  return { x: Math.max(0, Math.min(last, x)), y: Math.max(0, Math.min(last, y)), cell: size };
}

/** Zoom by a factor; the cell under (px, py), in pixels of the map, stays there. */
export function zoomAt(
  window: Window,
  px: number,
  py: number,
  factor: number,
  length: number,
  side: number,
): Window {
  const { cell } = clamp({ ...window, cell: window.cell * factor }, length, side);
  const x = window.x + px / window.cell - px / cell;
  const y = window.y + py / window.cell - py / cell;
  return clamp({ x, y, cell }, length, side);
}

export function panBy(
  window: Window,
  dx: number,
  dy: number,
  length: number,
  side: number,
): Window {
  const { x, y, cell } = window;
  return clamp({ x: x - dx / cell, y: y - dy / cell, cell }, length, side);
}

/** Move the window as little as needed to show a cell. */
export function reveal(window: Window, { i, j }: Cell, length: number, side: number): Window {
  const shown = side / window.cell;
  const into = (start: number, at: number) => Math.max(Math.min(start, at), at + 1 - shown);
  return clamp({ ...window, x: into(window.x, j), y: into(window.y, i) }, length, side);
}

/** First and last row and column of which a part is in sight. */
export function cellsInSight(
  { x, y, cell }: Window,
  length: number,
  side: number,
): { rows: [number, number]; columns: [number, number] } {
  const range = (start: number): [number, number] => [
    Math.floor(start),
    // A window may end a rounding error into the next cell.
    Math.min(length, Math.ceil(start + side / cell - 1e-6)) - 1,
  ];
  return { rows: range(y), columns: range(x) };
}

/** The cell nearest to a point that may lie outside of the map, in pixels of it. */
export function cellNear(
  window: Window,
  px: number,
  py: number,
  length: number,
  side: number,
): Cell {
  const { rows, columns } = cellsInSight(window, length, side);
  const within = ([first, last]: [number, number], at: number) =>
    Math.max(first, Math.min(last, Math.floor(at)));
  return {
    i: within(rows, window.y + py / window.cell),
    j: within(columns, window.x + px / window.cell),
  };
}

/** The cell at a point of the map, in pixels; null outside. */
export function cellAt(
  window: Window,
  px: number,
  py: number,
  length: number,
  side: number,
): Cell | null {
  if (px < 0 || py < 0 || px >= side || py >= side) return null;
  const i = Math.floor(window.y + py / window.cell);
  const j = Math.floor(window.x + px / window.cell);
  return i < length && j < length ? { i, j } : null;
}
