import { describe, expect, it } from "vitest";
import { nearest, pointsOf, smoothed } from "../src/views/training_curve/points";

describe("the points of a training", () => {
  it("are read row by row, with accuracy where there is one", () => {
    const values = new Float32Array([1, 2.5, 2, 2.25]);
    expect(pointsOf({ shape: [2, 2], values })).toEqual([
      { step: 1, loss: 2.5 },
      { step: 2, loss: 2.25 },
    ]);
    expect(pointsOf({ shape: [1, 3], values: new Float32Array([4, 2, 0.5]) })).toEqual([
      { step: 4, loss: 2, accuracy: 0.5 },
    ]);
    expect(pointsOf({ shape: [0, 2], values: new Float32Array() })).toEqual([]);
  });

  it("are averaged over what is near, over less at the ends", () => {
    const points = [3, 6, 0, 9].map((loss, step) => ({ step, loss }));
    expect(smoothed(points, 1).map(({ loss }) => loss)).toEqual([4.5, 3, 5, 4.5]);
    expect(smoothed(points, 0)).toEqual(points);
  });

  it("are found by the nearest step", () => {
    const points = [0, 10, 20].map((step) => ({ step, loss: step }));
    expect(nearest(points, 14)?.step).toBe(10);
    expect(nearest(points, 99)?.step).toBe(20);
    expect(nearest([], 1)).toBeUndefined();
  });
});
