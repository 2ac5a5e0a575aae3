/** The points, where they lie and which is under the pointer; no DOM here. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import type { Cell } from "../../core/cells";

export interface PointsTrait {
  x: ArrayEnvelope;
  y: ArrayEnvelope;
  /** (n, 2): position, and column of the letter, of all substitutions. */
  sites: ArrayEnvelope;
  /** (points + 1): where the substitutions of each point begin. */
  starts: ArrayEnvelope;
}

export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Pixels from a point at which the pointer is still on it. */
const REACH = 9;

export class Cloud {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly xRange: readonly [number, number];
  readonly yRange: readonly [number, number];
  #sites: ArrayLike<number>;
  #starts: ArrayLike<number>;
  #letters: string;

  constructor(trait: PointsTrait, letters: string) {
    this.x = decodeArray(trait.x).values;
    this.y = decodeArray(trait.y).values;
    this.#sites = decodeArray(trait.sites).values;
    this.#starts = decodeArray(trait.starts).values;
    this.#letters = letters;
    const count = this.x.length;
    if (this.y.length !== count || this.#starts.length !== count + 1) {
      throw new Error(`the ${count} points came with ${this.y.length} heights`);
    }
    this.xRange = rangeOf(this.x);
    this.yRange = rangeOf(this.y);
  }

  get size(): number {
    return this.x.length;
  }

  /** The substitutions of a point. */
  cells(point: number): Cell[] {
    const [from, to] = [this.#starts[point] ?? 0, this.#starts[point + 1] ?? 0];
    return Array.from({ length: to - from }, (_, k): Cell => {
      const at = 2 * (from + k);
      return [this.#sites[at] ?? 0, this.#letters[this.#sites[at + 1] ?? 0] ?? ""];
    });
  }

  /** The points with one of these substitutions; with none given, those at these positions. */
  having(cells: readonly Cell[], positions: readonly number[]): number[] {
    const found: number[] = [];
    if (cells.length === 0 && positions.length === 0) return found;
    for (let point = 0; point < this.size; point += 1) {
      const own = this.cells(point);
      const meant =
        cells.length > 0
          ? own.some(([i, a]) => cells.some(([j, b]) => i === j && a === b))
          : own.some(([i]) => positions.includes(i));
      if (meant) found.push(point);
    }
    return found;
  }

  /** Where a point is drawn. */
  place(point: number, frame: Frame): [number, number] {
    const [left, right] = this.xRange;
    const [low, high] = this.yRange;
    return [
      frame.left + (frame.width * ((this.x[point] ?? 0) - left)) / (right - left),
      frame.top + (frame.height * (high - (this.y[point] ?? 0))) / (high - low),
    ];
  }

  /** The nearest point within reach. */
  nearest(x: number, y: number, frame: Frame): number | null {
    let [best, least]: [number | null, number] = [null, REACH * REACH];
    for (let point = 0; point < this.size; point += 1) {
      const [px, py] = this.place(point, frame);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance <= least) [best, least] = [point, distance];
    }
    return best;
  }

  /** The points from left to right, for the arrow keys. */
  step(point: number | null, by: number): number {
    const sorted = Array.from({ length: this.size }, (_, k) => k).sort(
      (a, b) => (this.x[a] ?? 0) - (this.x[b] ?? 0),
    );
    const rank = point === null ? (by > 0 ? -1 : sorted.length) : sorted.indexOf(point);
    return sorted[Math.max(0, Math.min(sorted.length - 1, rank + by))] ?? 0;
  }
}

/** The range of the values, a little wider. */
function rangeOf(values: ArrayLike<number>): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let k = 0; k < values.length; k += 1) {
    low = Math.min(low, values[k] ?? 0);
    high = Math.max(high, values[k] ?? 0);
  }
  if (!(high >= low)) return [0, 1];
  const room = high > low ? 0.04 * (high - low) : 0.5;
  return [low - room, high + room];
}

/** Round numbers within a range, about as many as asked for. */
export function axisTicks([low, high]: readonly [number, number], about: number): number[] {
  const rough = (high - low) / Math.max(1, about);
  const decade = 10 ** Math.floor(Math.log10(rough));
  const size = ([1, 2, 5, 10].find((k) => k * decade >= rough * (1 - 1e-9)) ?? 10) * decade;
  const first = Math.ceil(low / size);
  const count = Math.floor(high / size) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, k) => (first + k) * size);
}
