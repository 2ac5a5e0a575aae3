/** Where the columns and rows of the profile lie; no DOM here. */

export const ROW = 10;
/** Room above the columns for the caps of masked ones, below for feet and numbers. */
export const HEAD = 8;
export const FOOT = 22;
export const HEIGHT = HEAD + 20 * ROW + FOOT;
/** Height of a logo: under it is a line of letters. */
export const LOGO = 20 * ROW - 14;
const NARROWEST = 7;
const WIDEST = 18;

/** Width of a column: all fit when they can stay readable, else the profile scrolls. */
export function columnWidth(available: number, length: number): number {
  return Math.max(NARROWEST, Math.min(WIDEST, available / Math.max(1, length)));
}

export interface Cell {
  position: number;
  /** 0 at the top; outside of 0..19 above and below the cells. */
  row: number;
}

/** The cell at a point of the canvas, whose left edge shows the profile from `scroll` on. */
export function cellAt(
  x: number,
  y: number,
  scroll: number,
  width: number,
  length: number,
): Cell | null {
  const position = Math.floor((x + scroll) / width);
  if (position < 0 || position >= length) return null;
  return { position, row: Math.floor((y - HEAD) / ROW) };
}

/** First and last+1 column to draw. */
export function visible(
  scroll: number,
  view: number,
  width: number,
  length: number,
): [number, number] {
  const first = Math.max(0, Math.floor(scroll / width));
  return [first, Math.min(length, Math.ceil((scroll + view) / width))];
}

/** Scroll position that brings a column into view with some neighbours, else the present one. */
export function scrollTo(position: number, scroll: number, view: number, width: number): number {
  const left = width * position;
  if (left >= scroll && left + width <= scroll + view) return scroll;
  return Math.max(0, left + width / 2 - view / 2);
}
