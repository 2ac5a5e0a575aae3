/** The map on its canvas: cells, axes and marks; and over them what is pointed at. */
import { hatching } from "../../core/hatch";
import { frameWithRim } from "../../core/rim";
import type { Theme } from "../../core/theme";
import { residueTicks } from "../../core/ticks";
import { drawEstimates, drawRegion, type Estimates } from "./marks";
import type { Region } from "./region";
import type { Cell, Frame, Window } from "./window";

export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Everything that the map shows, apart from the pointer. */
export interface Picture {
  frame: Frame;
  window: Window;
  length: number;
  labels: readonly string[];
  sequence: string;
  /** All cells of the map, square; null when there are none. */
  image: CanvasImageSource | null;
  imageSize: number;
  /** Whether the ground may be seen, through cells without a value or in the noise. */
  hatched: boolean;
  /** Null when all cells are computed. */
  estimates: Estimates | null;
  /** Computed first, and not there yet. */
  region: Region | null;
  masked: readonly number[];
  pair: readonly [number, number] | null;
  theme: Theme;
}

const LETTERS_FROM = 11;
const DIAGONAL_FROM = 3;
const MARK = 6;
const SMALLEST_FRAME = 9;

export function drawMap(context: Context, picture: Picture): void {
  const { frame, image, imageSize, length, window, theme } = picture;
  const { left, top, side } = frame;
  context.clearRect(0, 0, frame.width, frame.height);
  context.save();
  context.beginPath();
  context.rect(left, top, side, side);
  context.clip();
  if (picture.hatched) {
    context.fillStyle = hatching(context, theme);
    context.fillRect(left, top, side, side);
  }
  if (image) {
    const pixels = imageSize / length;
    const shown = (side / window.cell) * pixels;
    context.imageSmoothingEnabled = false;
    context.drawImage(
      image,
      window.x * pixels,
      window.y * pixels,
      shown,
      shown,
      left,
      top,
      side,
      side,
    );
  }
  drawEstimates(context, picture);
  drawDiagonal(context, picture);
  if (picture.region) drawRegion(context, picture, picture.region);
  drawPair(context, picture);
  context.restore();
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  context.strokeRect(left - 0.5, top - 0.5, side + 1, side + 1);
  drawAxes(context, picture);
}

/** Where a cell is drawn: its top left corner. */
export function cornerOf({ frame, window }: Picture, { i, j }: Cell): [number, number] {
  return [frame.left + (j - window.x) * window.cell, frame.top + (i - window.y) * window.cell];
}

function drawDiagonal(context: Context, picture: Picture): void {
  const { window, frame, length, sequence, masked, theme } = picture;
  const { cell } = window;
  const first = Math.floor(Math.max(window.x, window.y));
  const last = Math.min(length - 1, Math.ceil(Math.min(window.x, window.y) + frame.side / cell));
  if (cell < DIAGONAL_FROM) {
    const [x, y] = cornerOf(picture, { i: 0, j: 0 });
    context.strokeStyle = theme.background;
    context.lineWidth = Math.max(1.5, cell * 1.4);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + length * cell, y + length * cell);
    context.stroke();
  } else {
    context.fillStyle = theme.background;
    for (let k = first; k <= last; k += 1) {
      const [x, y] = cornerOf(picture, { i: k, j: k });
      context.fillRect(x, y, cell, cell);
    }
  }
  context.fillStyle = theme.mask;
  const size = Math.max(4, cell);
  for (const position of masked) {
    const [x, y] = cornerOf(picture, { i: position, j: position });
    context.fillRect(x + (cell - size) / 2, y + (cell - size) / 2, size, size);
  }
  if (cell < LETTERS_FROM) return;
  const hidden = new Set(masked);
  context.font = `600 ${Math.min(15, cell * 0.72)}px ${theme.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let k = first; k <= last; k += 1) {
    const [x, y] = cornerOf(picture, { i: k, j: k });
    context.fillStyle = hidden.has(k) ? theme.background : theme.muted;
    context.fillText(sequence[k] ?? "", x + cell / 2, y + cell / 2 + 0.5);
  }
}

function drawPair(context: Context, picture: Picture): void {
  const { pair, theme } = picture;
  if (!pair) return;
  const [i, j] = pair;
  frameCell(context, picture, { i, j }, theme.accent, 2.5);
  frameCell(context, picture, { i: j, j: i }, theme.accent, 2.5);
}

/** A frame around a cell, with a rim that keeps it visible on any colour. */
function frameCell(
  context: Context,
  picture: Picture,
  cell: Cell,
  colour: string,
  width: number,
): void {
  const [x, y] = cornerOf(picture, cell);
  const size = Math.max(SMALLEST_FRAME, picture.window.cell + width);
  const inset = (picture.window.cell - size) / 2;
  const box = [x + inset, y + inset, size, size] as const;
  frameWithRim(context, box, colour, width, picture.theme.background);
}

function drawAxes(context: Context, picture: Picture): void {
  const { frame, window, labels, length, masked, theme } = picture;
  const { left, top, side } = frame;
  const { cell } = window;
  context.font = `11px ${theme.font}`;
  context.fillStyle = theme.muted;
  context.strokeStyle = theme.muted;
  context.lineWidth = 1;
  const shown = side / cell;
  const centre = (position: number, start: number) => (position + 0.5 - start) * cell;
  const visible = (start: number) =>
    residueTicks(
      labels,
      Math.floor(start),
      Math.min(length - 1, Math.ceil(start + shown)),
      cell,
    ).filter(({ position }) => {
      const at = centre(position, start);
      return at >= 0 && at <= side;
    });
  context.beginPath();
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  for (const { position, text } of visible(window.x)) {
    const x = left + centre(position, window.x);
    // The last number may be wider than what is left of the canvas.
    const half = context.measureText(text).width / 2;
    context.fillText(text, Math.min(x, frame.width - half), top - 11);
    context.moveTo(x, top - 2);
    context.lineTo(x, top - 6);
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { position, text } of visible(window.y)) {
    const y = top + centre(position, window.y);
    context.fillText(text, left - 10, y + 0.5);
    context.moveTo(left - 2, y);
    context.lineTo(left - 6, y);
  }
  context.stroke();
  context.fillStyle = theme.mask;
  for (const position of masked) {
    const x = centre(position, window.x);
    const y = centre(position, window.y);
    if (x >= 0 && x <= side) triangle(context, left + x, top - 1, 0);
    if (y >= 0 && y <= side) triangle(context, left - 1, top + y, 1);
  }
}

/** A small arrow head that points at the map, from above (0) or from the left (1). */
function triangle(context: Context, x: number, y: number, turn: 0 | 1): void {
  const half = MARK / 2 + 0.5;
  context.beginPath();
  context.moveTo(x, y);
  if (turn === 0) {
    context.lineTo(x - half, y - MARK);
    context.lineTo(x + half, y - MARK);
  } else {
    context.lineTo(x - MARK, y - half);
    context.lineTo(x - MARK, y + half);
  }
  context.fill();
}

/** Lines through the row and the column pointed at, and their labels on the axes. */
export function drawCrosshair(context: Context, picture: Picture, { i, j }: Cell): void {
  const { frame, window, theme } = picture;
  const { left, top, side } = frame;
  const { cell } = window;
  const [x, y] = cornerOf(picture, { i, j });
  const [cx, cy] = [x + cell / 2, y + cell / 2];
  context.save();
  context.beginPath();
  context.rect(left, top, side, side);
  context.clip();
  const gap = Math.max(SMALLEST_FRAME, cell) / 2;
  context.beginPath();
  for (const [from, to] of [
    [left, cx - gap],
    [cx + gap, left + side],
  ] as const) {
    context.moveTo(from, cy);
    context.lineTo(to, cy);
  }
  for (const [from, to] of [
    [top, cy - gap],
    [cy + gap, top + side],
  ] as const) {
    context.moveTo(cx, from);
    context.lineTo(cx, to);
  }
  context.globalAlpha = 0.7;
  context.strokeStyle = theme.background;
  context.lineWidth = 3;
  context.stroke();
  context.globalAlpha = 1;
  context.strokeStyle = theme.text;
  context.lineWidth = 1;
  context.stroke();
  frameCell(context, picture, { i, j }, theme.text, 1.5);
  context.restore();
  if (cx >= left && cx <= left + side) axisChip(context, picture, j, cx, top - 3, "top");
  if (cy >= top && cy <= top + side) axisChip(context, picture, i, left - 3, cy, "left");
}

function axisChip(
  context: Context,
  { labels, theme, frame }: Picture,
  position: number,
  x: number,
  y: number,
  edge: "top" | "left",
): void {
  const text = labels[position] ?? "";
  context.font = `600 11px ${theme.font}`;
  const width = context.measureText(text).width + 10;
  const height = 17;
  const centred = Math.max(0, Math.min(x - width / 2, frame.width - width));
  const [boxX, boxY] = edge === "top" ? [centred, y - height] : [x - width, y - height / 2];
  context.fillStyle = theme.text;
  context.beginPath();
  context.roundRect(boxX, boxY, width, height, 3);
  context.fill();
  context.fillStyle = theme.background;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, boxX + width / 2, boxY + height / 2 + 0.5);
}
