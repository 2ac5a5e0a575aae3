/** The table on a canvas: a row a letter at i, a column one at j, and bars of the margins. */
import { chemistryInk, colourOf } from "../../core/colour";
import { prepareCanvas } from "../../core/elements";
import type { Theme } from "../../core/theme";
import type { Combination, Show } from "./table";

const CELL = 16;
const HEAD = 34;
const SIZE = 20;
const MARGIN = 44;
const SIDE = HEAD + SIZE * CELL + MARGIN;

export interface Cell {
  row: number;
  column: number;
}

export interface Picture {
  /** 20 letters in the order of display, and the column of each in the alphabet. */
  letters: string;
  order: readonly number[];
  labels: readonly [string, string];
  wildTypes: readonly [string | undefined, string | undefined];
  combinations: readonly Combination[];
  margins: readonly [ArrayLike<number>, ArrayLike<number>];
  show: Show;
  limits: readonly [number, number];
  pointed: Cell | null;
  theme: Theme;
}

export function drawTable(canvas: HTMLCanvasElement, picture: Picture): void {
  const context = prepareCanvas(canvas, SIDE, SIDE);
  const { order, combinations, show, limits, theme, pointed, letters } = picture;
  context.clearRect(0, 0, SIDE, SIDE);
  const at = (k: number): number => HEAD + CELL * k;
  for (let row = 0; row < SIZE; row += 1) {
    for (let column = 0; column < SIZE; column += 1) {
      const one = combinations[(order[row] ?? 0) * SIZE + (order[column] ?? 0)];
      if (!one) continue;
      context.fillStyle = colourOfCell(one, show, limits);
      context.fillRect(at(column), at(row), CELL - 0.5, CELL - 0.5);
    }
  }
  drawMargins(context, picture);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `600 11px ${theme.font}`;
  for (const [k, letter] of [...letters].entries()) {
    context.fillStyle = chemistryInk(letter, theme.dark);
    context.fillText(letter, HEAD - 9, at(k) + CELL / 2);
    context.fillText(letter, at(k) + CELL / 2, HEAD - 9);
  }
  context.fillStyle = theme.text;
  context.font = `600 12px ${theme.font}`;
  context.fillText(picture.labels[1], at(SIZE / 2), 9);
  context.save();
  context.translate(8, at(SIZE / 2));
  context.rotate(-Math.PI / 2);
  context.fillText(picture.labels[0], 0, 0);
  context.restore();
  const [own, other] = picture.wildTypes.map((letter) => (letter ? letters.indexOf(letter) : -1));
  if (own !== undefined && other !== undefined && own >= 0 && other >= 0) {
    frame(context, at(other), at(own), theme.accent, 2.5, theme);
  }
  if (pointed) frame(context, at(pointed.column), at(pointed.row), theme.text, 1.5, theme);
}

/** Row and column at a point of the canvas; null outside of the table. */
export function cellAt(x: number, y: number): Cell | null {
  const [row, column] = [Math.floor((y - HEAD) / CELL), Math.floor((x - HEAD) / CELL)];
  return row >= 0 && row < SIZE && column >= 0 && column < SIZE ? { row, column } : null;
}

/** Where a cell's top left corner is on the canvas. */
export function cornerOf({ row, column }: Cell): [number, number] {
  return [HEAD + CELL * column, HEAD + CELL * row];
}

function colourOfCell(
  { p, ratio }: Combination,
  show: Show,
  [low, high]: readonly [number, number],
): string {
  if (show === "probability") return colourOf("sequential", Math.sqrt(p), 0, Math.sqrt(high));
  // What never happens has no ratio worth a colour.
  return colourOf("diverging", Number.isFinite(ratio) ? ratio : 0, low, high);
}

function drawMargins(context: CanvasRenderingContext2D, { margins, order, theme }: Picture): void {
  const largest = Math.max(...margins.flatMap((margin) => Array.from(margin)));
  const room = (MARGIN - 8) / largest;
  const start = HEAD + SIZE * CELL + 4;
  context.fillStyle = theme.muted;
  for (let k = 0; k < SIZE; k += 1) {
    const [atI = 0, atJ = 0] = margins.map((margin) => margin[order[k] ?? 0] ?? 0);
    const place = HEAD + CELL * k + 2;
    context.fillRect(start, place, Math.max(0.5, room * atI), CELL - 4.5);
    context.fillRect(place, start, CELL - 4.5, Math.max(0.5, room * atJ));
  }
}

function frame(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  colour: string,
  thickness: number,
  theme: Theme,
): void {
  context.strokeStyle = theme.background;
  context.lineWidth = thickness + 2;
  context.strokeRect(x - 0.5, y - 0.5, CELL + 0.5, CELL + 0.5);
  context.strokeStyle = colour;
  context.lineWidth = thickness;
  context.strokeRect(x - 0.5, y - 0.5, CELL + 0.5, CELL + 0.5);
}
