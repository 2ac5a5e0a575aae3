import { describe, expect, it } from "vitest";
import {
  band,
  moved,
  pointsOf,
  replaced,
  stepped,
  stretched,
  stretches,
} from "../src/views/recovery_view/geometry";

describe("a segment", () => {
  it("moves as far as there is room, and keeps its length", () => {
    expect(moved([10, 20], 5, 64)).toEqual([15, 25]);
    expect(moved([10, 20], -50, 64)).toEqual([0, 10]);
    expect(moved([10, 20], 500, 64)).toEqual([54, 64]);
  });

  it("is stretched at either end, and never to nothing", () => {
    expect(stretched([10, 20], "start", 4, 64)).toEqual([4, 20]);
    expect(stretched([10, 20], "start", 40, 64)).toEqual([17, 20]);
    expect(stretched([10, 20], "stop", 3, 64)).toEqual([10, 13]);
    expect(stretched([10, 20], "stop", 90, 64)).toEqual([10, 64]);
  });

  it("does not lie over its partner", () => {
    const pair = [
      [10, 20],
      [30, 40],
    ] as const;
    expect(replaced(pair, 0, [15, 25])).toEqual([
      [15, 25],
      [30, 40],
    ]);
    expect(replaced(pair, 0, [20, 31])).toBeNull();
    expect(replaced(pair, 1, [20, 30])).toEqual([
      [10, 20],
      [20, 30],
    ]);
    expect(replaced([[10, 20]], 0, [0, 64])).toEqual([[0, 64]]);
  });

  it("is moved by keys, and left alone by others", () => {
    expect(stepped([10, 20], "ArrowRight", false, 64)).toEqual([11, 21]);
    expect(stepped([10, 20], "ArrowLeft", true, 64)).toEqual([0, 10]);
    expect(stepped([10, 20], "End", false, 64)).toEqual([54, 64]);
    expect(stepped([10, 20], "+", false, 64)).toEqual([10, 21]);
    expect(stepped([10, 20], "-", false, 64)).toEqual([10, 19]);
    expect(stepped([10, 20], "a", false, 64)).toBeNull();
  });
});

describe("a curve", () => {
  it("is read row by row", () => {
    const rows = [0, 0.1, 0.05, 0.2, 0, 0.3, 4, 5, 0.9, 0.8, 0.95, 0.7, 1, 4];
    expect(pointsOf([2, 7], rows)[1]).toEqual({
      k: 5,
      median: 0.9,
      q25: 0.8,
      q75: 0.95,
      low: 0.7,
      high: 1,
      seeds: 4,
    });
    expect(() => pointsOf([2, 6], rows)).toThrow("7 columns");
  });

  it("has a band from its upper edge back along the lower one", () => {
    const points = pointsOf([2, 7], [0, 2, 1, 3, 0, 4, 1, 1, 2, 1, 3, 0, 4, 1]);
    const same = (value: number) => value;
    expect(band(points, "low", "high", same, same)).toBe("M0.0,4.0L1.0,4.0L1.0,0.0L0.0,0.0Z");
    expect(band([], "low", "high", same, same)).toBe("");
  });

  it("has gaps where nothing is computed yet", () => {
    const points = pointsOf(
      [4, 7],
      [0, 3, 4, 9].flatMap((k) => [k, 1, 1, 1, 1, 1, 1]),
    );
    expect(stretches(points).map((some) => some.map(({ k }) => k))).toEqual([[0], [3, 4], [9]]);
    expect(stretches([])).toEqual([]);
  });
});
