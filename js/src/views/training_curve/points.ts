/** The numbers behind the curve: rows of arrays, and a running mean; no DOM here. */
import type { NumericArray } from "../../core/arrays";

export interface Point {
  step: number;
  loss: number;
  /** Share of targets that get most probability; unknown of a step of training. */
  accuracy?: number;
}

/** Rows of step and loss, and maybe accuracy. */
export function pointsOf({ shape, values }: NumericArray): Point[] {
  const [rows = 0, width = 0] = shape;
  return Array.from({ length: rows }, (_, row) => {
    const at = (column: number): number => values[row * width + column] ?? Number.NaN;
    return { step: at(0), loss: at(1), ...(width > 2 ? { accuracy: at(2) } : {}) };
  });
}

/** Means of the points up to `reach` before and after each one; fewer at the ends. */
export function smoothed(points: readonly Point[], reach: number): Point[] {
  return points.map(({ step }, index) => {
    const near = points.slice(Math.max(0, index - reach), index + reach + 1);
    return { step, loss: near.reduce((sum, { loss }) => sum + loss, 0) / near.length };
  });
}

/** How far to average: about a fortieth of the curve on either side. */
export function reachOf(count: number): number {
  return Math.floor(count / 40);
}

/** The point whose step is nearest. */
export function nearest(points: readonly Point[], step: number): Point | undefined {
  return points.reduce<Point | undefined>(
    (best, point) =>
      best && Math.abs(best.step - step) <= Math.abs(point.step - step) ? best : point,
    undefined,
  );
}
