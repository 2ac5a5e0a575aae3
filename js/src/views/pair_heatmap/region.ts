/** Rectangles of cells, drawn to have their pairs computed first; no DOM. */
import type { Cell, Frame, Window } from "./window";

/** First and last residue of the rows and of the columns, both included. */
export interface Region {
  rows: readonly [number, number];
  columns: readonly [number, number];
}

/** The smallest region with two cells in it, corners of a drag in any direction. */
export function regionBetween(a: Cell, b: Cell): Region {
  return {
    rows: [Math.min(a.i, b.i), Math.max(a.i, b.i)],
    columns: [Math.min(a.j, b.j), Math.max(a.j, b.j)],
  };
}

/** Its other half: the same pairs on the other side of the diagonal. */
export function mirrored({ rows, columns }: Region): Region {
  return { rows: columns, columns: rows };
}

/** Where it is drawn: left, top, width and height in pixels of the canvas. */
export function boxOf(
  { rows, columns }: Region,
  { left, top }: Frame,
  { x, y, cell }: Window,
): [number, number, number, number] {
  return [
    left + (columns[0] - x) * cell,
    top + (rows[0] - y) * cell,
    (columns[1] - columns[0] + 1) * cell,
    (rows[1] - rows[0] + 1) * cell,
  ];
}

export function describeRegion({ rows, columns }: Region, labels: readonly string[]): string {
  const range = ([first, last]: readonly [number, number]) =>
    first === last ? (labels[first] ?? "") : `${labels[first] ?? ""} to ${labels[last] ?? ""}`;
  return `rows ${range(rows)}, columns ${range(columns)}`;
}
