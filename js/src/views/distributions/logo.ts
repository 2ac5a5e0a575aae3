/**
 * Sequence logos (Schneider and Stephens, 1990): at each residue the letters stacked by their
 * probability, in all as high as the bits that the distribution knows, log2 20 - entropy.
 */
import { chemistryInk } from "../../core/colour";
import type { Theme } from "../../core/theme";
import { entropy } from "./stats";

export const MOST_BITS = Math.log2(20);
/** Lower letters cannot be read, and there are many of them: they leave a gap. */
const LOWEST = 0.01;

export interface Piece {
  /** Column of the alphabet. */
  a: number;
  /** Shares of the whole height, from the bottom. */
  from: number;
  to: number;
}

/** The letters of a distribution from the bottom up, the most probable one on top. */
export function stackOf(p: ArrayLike<number>): Piece[] {
  const height = Math.max(0, 1 - entropy(p) / MOST_BITS);
  if (Number.isNaN(height)) return [];
  const rising = Array.from(p, (value, a) => ({ a, value })).sort((x, y) => x.value - y.value);
  let from = 0;
  return rising.map(({ a, value }) => {
    const piece = { a, from, to: from + height * value };
    from = piece.to;
    return piece;
  });
}

/** The letter at a share of the height; null above the stack. */
export function letterAt(p: ArrayLike<number>, share: number): number | null {
  return stackOf(p).find(({ from, to }) => share >= from && share < to)?.a ?? null;
}

interface Place {
  x: number;
  width: number;
  top: number;
  height: number;
}

/** Draw one stack, each letter stretched to its place. */
export function drawStack(
  context: CanvasRenderingContext2D,
  p: ArrayLike<number>,
  letters: string,
  { x, width, top, height }: Place,
  theme: Theme,
): void {
  context.font = `700 100px ${theme.font}`;
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  for (const { a, from, to } of stackOf(p)) {
    if (to - from < LOWEST) continue;
    const letter = letters[a] ?? "";
    const glyph = context.measureText(letter);
    const rise = glyph.actualBoundingBoxAscent + glyph.actualBoundingBoxDescent;
    const across = glyph.actualBoundingBoxLeft + glyph.actualBoundingBoxRight;
    const [wide, high] = [(width - 1) / across, (height * (to - from) - 0.5) / rise];
    context.save();
    context.translate(x + 0.5, top + height * (1 - from));
    context.scale(wide, high);
    context.fillStyle = chemistryInk(letter, theme.dark);
    context.fillText(letter, glyph.actualBoundingBoxLeft, -glyph.actualBoundingBoxDescent);
    context.restore();
  }
}
