/** The ground where nothing is known: white would pass for a 0, and no scale has stripes. */
import type { Theme } from "./theme";

/** Pixels from one line to the next. */
const TILE = 6;

/** A fill for canvases; the same look as `--plm-hatch` in core.css. */
export function hatching(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  { hatchGround, hatchLine }: Theme,
): CanvasPattern | string {
  const tile = new OffscreenCanvas(TILE, TILE);
  const ink = tile.getContext("2d");
  if (!ink) return hatchGround;
  ink.fillStyle = hatchGround;
  ink.fillRect(0, 0, TILE, TILE);
  ink.strokeStyle = hatchLine;
  ink.lineWidth = 1.2;
  ink.beginPath();
  // Lines that begin in the tiles before go on in this one.
  for (const shift of [-TILE, 0, TILE]) {
    ink.moveTo(shift - 1, TILE + 1);
    ink.lineTo(shift + TILE + 1, -1);
  }
  ink.stroke();
  return context.createPattern(tile, "repeat") ?? hatchGround;
}
