/** Marks over the cells: which are estimated, and which are computed first. */
import type { Context, Picture } from "./drawing";
import { boxOf, mirrored, type Region } from "./region";
import { cellsInSight } from "./window";

/** Estimated cells are marked from this size on, in pixels. */
export const MARK_FROM = 8;

/** Which cells are estimated, and the halves that show numbers of the scan. */
export interface Estimates {
  cells: ArrayLike<number>;
  upper: boolean;
  lower: boolean;
}

/** A light dot in the corner of each estimated cell; its shadow keeps it visible on light colours. */
export function drawEstimates(context: Context, picture: Picture): void {
  const { estimates, frame, window, length } = picture;
  const { cell } = window;
  if (!estimates || cell < MARK_FROM) return;
  const { cells, upper, lower } = estimates;
  const size = Math.min(4, Math.max(2, Math.round(cell * 0.14)));
  const { rows, columns } = cellsInSight(window, length, frame.side);
  // Squares, not circles: at this size nobody can tell, and thousands of them are drawn at once.
  for (const [style, shift] of [
    ["rgb(0 0 0 / 55%)", 1],
    ["rgb(255 255 255 / 90%)", 0],
  ] as const) {
    context.fillStyle = style;
    for (let i = rows[0]; i <= rows[1]; i += 1) {
      const y = Math.round(frame.top + (i - window.y) * cell) + 2;
      for (let j = columns[0]; j <= columns[1]; j += 1) {
        if (i === j || !cells[i * length + j] || !(i < j ? upper : lower)) continue;
        const x = Math.round(frame.left + (j + 1 - window.x) * cell) - 2 - size;
        context.fillRect(x + shift, y + shift, size, size);
      }
    }
  }
}

/** The outline of a region and of its mirror image: the same pairs. */
export function drawRegion(context: Context, picture: Picture, region: Region, dash = true): void {
  const { frame, window, theme } = picture;
  for (const part of [region, mirrored(region)]) {
    const box = boxOf(part, frame, window);
    context.lineWidth = 4;
    context.setLineDash([]);
    context.strokeStyle = theme.background;
    context.strokeRect(...box);
    context.lineWidth = 2;
    context.setLineDash(dash ? [6, 4] : []);
    context.strokeStyle = theme.accent;
    context.strokeRect(...box);
  }
  context.setLineDash([]);
}

/** The rectangle while it is drawn. */
export function drawBrush(context: Context, picture: Picture, region: Region): void {
  const { left, top, side } = picture.frame;
  context.save();
  context.beginPath();
  context.rect(left, top, side, side);
  context.clip();
  context.fillStyle = picture.theme.accent;
  context.globalAlpha = 0.25;
  context.fillRect(...boxOf(region, picture.frame, picture.window));
  context.globalAlpha = 1;
  drawRegion(context, picture, region, false);
  context.restore();
}
