/**
 * Cells as colours, without the DOM. Values become ranks first, 0 for unknown and 1..255 along the
 * scale: a byte a cell, so that a new palette or zoom needs no look at the values.
 */
import { colourTable, type ScaleKind } from "../../core/colour";

export interface Summary {
  /** Finite values off the diagonal, and their range. */
  known: number;
  low: number;
  high: number;
}

export function summarise(values: ArrayLike<number>, length: number): Summary {
  let known = 0;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < length; i += 1) {
    for (let j = 0; j < length; j += 1) {
      const value = values[i * length + j] as number;
      if (i === j || !Number.isFinite(value)) continue;
      known += 1;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return { known, low, high };
}

type Half = "upper" | "lower" | "both";

/** The first rank, 1..255, that lies at or above a value. */
export function rankFrom(value: number, [low, high]: readonly [number, number]): number {
  if (!(high > low)) return 1;
  return Math.min(255, Math.max(1, Math.ceil(((value - low) / (high - low)) * 254) + 1));
}

/** Write the ranks of one map into its half of the cells. The diagonal has no rank. */
export function rankInto(
  ranks: Uint8Array,
  values: ArrayLike<number> | null,
  length: number,
  [low, high]: readonly [number, number],
  half: Half,
): void {
  const scale = high > low ? 254 / (high - low) : 0;
  for (let i = 0; i < length; i += 1) {
    const from = i * length + (half === "upper" ? i + 1 : 0);
    const to = i * length + (half === "lower" ? i : length);
    if (!values) ranks.fill(0, from, to);
    else {
      for (let at = from; at < to; at += 1) {
        const value = values[at] as number;
        // The array cuts the fraction off: half a step more rounds.
        const rank = (value - low) * scale + 1.5;
        ranks[at] = Number.isNaN(value) ? 0 : rank < 1 ? 1 : Math.min(rank, 255);
      }
    }
    ranks[i * length + i] = 0;
  }
}

/** How much of its colour a cell keeps that cannot be told from noise: the hatched ground shows. */
const FAINT = 90;

/** RGBA of each rank as the bytes of an image; rank 0 is see-through, those below `clear` faint. */
export function palette(kind: ScaleKind, dark: boolean, clear = 1): Uint32Array {
  const table = colourTable(kind);
  const bytes = new Uint8ClampedArray(1024);
  for (let rank = 1; rank < 256; rank += 1) {
    const k = Math.round(((rank - 1) / 254) * 255);
    const rgb = kind === "binary" ? yesNo(k > 127, dark) : table.subarray(3 * k, 3 * k + 3);
    bytes.set([...rgb, rank < clear ? FAINT : 255], 4 * rank);
  }
  return new Uint32Array(bytes.buffer);
}

/** A "no" that fills most of a map must lie still on either theme, and a "yes" stand out. */
export function yesNo(yes: boolean, dark: boolean): readonly [number, number, number] {
  if (dark) return yes ? [142, 199, 255] : [32, 36, 44];
  return yes ? [31, 58, 107] : [246, 247, 250];
}

/** How much a rank says, for cells that share a pixel: the strongest is shown. */
export function strengths(kind: ScaleKind): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, rank) => {
    if (rank === 0) return 0;
    if (kind === "diverging") return 1 + Math.abs(rank - 128);
    return kind === "distance" ? 256 - rank : rank;
  });
}

export interface Look {
  palette: Uint32Array;
  strength: Uint8Array;
}

export function lookOf(kind: ScaleKind, dark: boolean, clear = 1): Look {
  return { palette: palette(kind, dark, clear), strength: strengths(kind) };
}

/**
 * Draw the cells into an image of size x size pixels, size <= length. Where several cells fall on
 * one pixel the strongest is drawn, so that a lone contact is not lost when the map is small.
 */
export function paint(
  ranks: Uint8Array,
  length: number,
  upper: Look,
  lower: Look,
  size: number,
): Uint32Array {
  const image = new Uint32Array(size * size);
  if (size >= length) {
    for (let i = 0; i < length; i += 1) {
      const row = i * length;
      for (let at = row; at < row + i; at += 1) image[at] = lower.palette[ranks[at] as number] ?? 0;
      for (let at = row + i + 1; at < row + length; at += 1) {
        image[at] = upper.palette[ranks[at] as number] ?? 0;
      }
    }
    return image;
  }
  const pixelOf = Uint32Array.from({ length }, (_, k) => Math.floor((k * size) / length));
  const best = new Uint8Array(size * size);
  for (let i = 0; i < length; i += 1) {
    const row = (pixelOf[i] as number) * size;
    for (let j = 0; j < length; j += 1) {
      const rank = ranks[i * length + j] as number;
      const look = i < j ? upper : lower;
      const pixel = row + (pixelOf[j] as number);
      const strength = look.strength[rank] as number;
      if (strength <= (best[pixel] as number)) continue;
      best[pixel] = strength;
      image[pixel] = look.palette[rank] as number;
    }
  }
  return image;
}
