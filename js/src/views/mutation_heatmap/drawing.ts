/** Draws the maps and the marks on them. */
import type { CellImage } from "../../core/cell_image";
import { chemistryInk, inkOn } from "../../core/colour";
import { prepareCanvas } from "../../core/elements";
import { hatching } from "../../core/hatch";
import type { ProteinInfo } from "../../core/model";
import { frameWithRim } from "../../core/rim";
import type { SelectionState } from "../../core/selection";
import type { Theme } from "../../core/theme";
import { residueTicks } from "../../core/ticks";
import { GUTTER, HEAD, heightOf, inSight, leftOf, ROW, ROWS, type Sight, topOf } from "./layout";
import type { ScoreMap } from "./maps";

/** A cell that is pointed at, here or in another view. */
export interface Pointed {
  position: number;
  row: number;
}

export interface Picture {
  protein: ProteinInfo;
  maps: readonly ScoreMap[];
  images: readonly CellImage[];
  sight: Sight;
  /** The letters as shown, from the top, and the column of each in the alphabet. */
  letters: string;
  order: readonly number[];
  limit: number | null;
  state: SelectionState;
  hover: readonly number[];
  pointed: readonly Pointed[];
  theme: Theme;
}

export function drawMaps(canvas: HTMLCanvasElement, picture: Picture): void {
  const { maps, sight, protein } = picture;
  const context = prepareCanvas(canvas, sight.width, heightOf(maps.length));
  const span = inSight(sight, protein.sequence.length);
  maps.forEach((_, k) => {
    drawHead(context, picture, k);
    context.save();
    context.beginPath();
    context.rect(GUTTER - 2, topOf(k) - HEAD, sight.width - GUTTER + 2, HEAD + ROWS * ROW + 8);
    context.clip();
    drawCells(context, picture, k, span);
    drawWildTypes(context, picture, k, span);
    drawMarks(context, picture, k);
    context.restore();
  });
  drawNumbers(context, picture, span);
}

function drawHead(context: CanvasRenderingContext2D, picture: Picture, k: number): void {
  const { maps, letters, theme, sight } = picture;
  const top = topOf(k);
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.font = `600 12px ${theme.font}`;
  context.fillStyle = theme.text;
  context.fillText(maps[k]?.label ?? "", GUTTER, top - 11, sight.width - GUTTER);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `600 11px ${theme.font}`;
  [...letters].forEach((letter, row) => {
    context.fillStyle = chemistryInk(letter, theme.dark);
    context.fillText(letter, GUTTER / 2 - 1, top + ROW * (row + 0.5) + 0.5);
  });
}

function drawCells(
  context: CanvasRenderingContext2D,
  { images, sight, theme, protein }: Picture,
  k: number,
  [first, last]: readonly [number, number],
): void {
  const image = images[k];
  const top = topOf(k);
  const width = sight.cell * (last - first);
  if (!image || last <= first) return;
  // Where nothing is known the ground shows: white would pass for a score of 0.
  context.fillStyle = hatching(context, theme);
  context.fillRect(leftOf(sight, first), top, width, ROW * ROWS);
  context.imageSmoothingEnabled = false;
  context.drawImage(
    image.canvas,
    ...([first, 0, last - first, ROWS] as const),
    ...([leftOf(sight, first), top, width, ROW * ROWS] as const),
  );
  context.strokeStyle = theme.line;
  context.lineWidth = 1;
  const end = leftOf(sight, protein.sequence.length);
  context.strokeRect(leftOf(sight, 0) - 0.5, top - 0.5, end - leftOf(sight, 0) + 1, ROW * ROWS + 1);
}

/** A dot on the letter that each residue has. */
function drawWildTypes(
  context: CanvasRenderingContext2D,
  { maps, letters, order, sight, protein, limit, theme }: Picture,
  k: number,
  [first, last]: readonly [number, number],
): void {
  const map = maps[k];
  if (!map) return;
  const radius = Math.max(1.2, Math.min(sight.cell, ROW) * 0.2);
  const scale = map.scale(limit);
  for (let position = first; position < last; position += 1) {
    const row = letters.indexOf(protein.sequence[position] ?? " ");
    if (row < 0) continue;
    const value = map.at(position, order[row] ?? 0);
    context.fillStyle = Number.isNaN(value) ? theme.muted : inkOn(map.kind, value, ...scale);
    context.beginPath();
    const x = leftOf(sight, position) + sight.cell / 2;
    context.arc(x, topOf(k) + ROW * (row + 0.5), radius, 0, 2 * Math.PI);
    context.fill();
  }
}

function drawMarks(context: CanvasRenderingContext2D, picture: Picture, k: number): void {
  const { state, hover, pointed, letters, sight, theme } = picture;
  const top = topOf(k);
  const column = (position: number) =>
    [leftOf(sight, position) - 0.5, top - 0.5, sight.cell + 1, ROW * ROWS + 1] as const;
  const cell = (position: number, row: number, colour: string): void => {
    const box = [leftOf(sight, position), top + ROW * row, Math.max(sight.cell, 4), ROW] as const;
    // The scale is dark at its ends and light in its middle.
    frameWithRim(context, box, colour, 2.5, theme.dark ? "#000000" : "#ffffff");
  };
  context.fillStyle = theme.mask;
  for (const position of state.masked) {
    context.fillRect(leftOf(sight, position), top - 7, sight.cell, 4);
  }
  if (state.focus !== null) {
    context.strokeStyle = theme.accent;
    context.lineWidth = 2;
    context.strokeRect(...column(state.focus));
  }
  for (const position of hover) {
    frameWithRim(context, column(position), theme.text, 1.5, theme.background);
  }
  for (const [position, letter] of state.substitutions) {
    context.fillStyle = theme.accent;
    context.fillRect(leftOf(sight, position), top - 7, sight.cell, 4);
    cell(position, letters.indexOf(letter), theme.accent);
  }
  for (const { position, row } of pointed) cell(position, row, theme.text);
}

function drawNumbers(
  context: CanvasRenderingContext2D,
  { maps, sight, protein, theme }: Picture,
  [first, last]: readonly [number, number],
): void {
  const bottom = topOf(maps.length - 1) + ROW * ROWS;
  context.fillStyle = theme.muted;
  context.font = `10px ${theme.font}`;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  for (const { position, text } of residueTicks(protein.labels, first, last - 1, sight.cell)) {
    const middle = leftOf(sight, position) + sight.cell / 2;
    if (middle < GUTTER + 8 || middle > sight.width - 10) continue;
    context.fillRect(Math.round(middle), bottom + 3, 1, 4);
    context.fillText(text, middle, bottom + 17);
  }
}
