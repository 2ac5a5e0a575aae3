/** Points in a plane, where they lie and which is under the pointer; no DOM here. */
import { type ArrayEnvelope, decodeArray } from "./arrays";

export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Pixels from a point at which the pointer is still on it. */
const REACH = 9;

export class Points {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly xRange: readonly [number, number];
  readonly yRange: readonly [number, number];

  constructor(trait: { x: ArrayEnvelope; y: ArrayEnvelope }) {
    this.x = decodeArray(trait.x).values;
    this.y = decodeArray(trait.y).values;
    if (this.y.length !== this.x.length) {
      throw new Error(`the ${this.x.length} points came with ${this.y.length} heights`);
    }
    this.xRange = rangeOf(this.x);
    this.yRange = rangeOf(this.y);
  }

  get size(): number {
    return this.x.length;
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

  /** The points that are drawn in a rectangle. */
  within(box: Frame, frame: Frame): number[] {
    return Array.from({ length: this.size }, (_, k) => k).filter((point) => {
      const [x, y] = this.place(point, frame);
      const inside = x >= box.left && x <= box.left + box.width;
      return inside && y >= box.top && y <= box.top + box.height;
    });
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
