import { describe, expect, it } from "vitest";
import { residueTicks, roundStep, ticksAround, ticksWithin } from "../src/core/ticks";

const labels = (length: number) => Array.from({ length }, (_, k) => `A${k + 1}`);

describe("the numbers of residues", () => {
  it("names round numbers of the chain, not of the array", () => {
    const chain = ["M-1", "A0", ...Array.from({ length: 60 }, (_, k) => `G${k + 1}`)];
    const shown = residueTicks(chain, 0, 61, 4);
    expect(shown.map(({ text }) => text)).toEqual(["0", "10", "20", "30", "40", "50", "60"]);
    expect(shown[1]).toEqual({ position: 11, text: "10" });
  });

  it("names every residue when there is room, insertion codes too", () => {
    expect(residueTicks(["A24", "A25", "C25A"], 0, 2, 40).map(({ text }) => text)).toEqual([
      "A24",
      "A25",
      "C25A",
    ]);
    expect(residueTicks(["A20", "C20A"], 0, 1, 8).map(({ text }) => text)).toEqual(["20"]);
  });

  it("keeps numbers apart", () => {
    for (const cell of [0.3, 0.7, 1.4, 5, 9, 17, 33]) {
      const shown = residueTicks(labels(2000), 0, 1999, cell);
      const gap = ((shown[1]?.position ?? 0) - (shown[0]?.position ?? 0)) * cell;
      expect(gap).toBeGreaterThanOrEqual(36);
    }
  });
});

describe("a step", () => {
  it("is the next round number", () => {
    expect([0.3, 1, 1.2, 5.6, 7, 64].map(roundStep)).toEqual([0.5, 1, 2, 10, 10, 100]);
    // A rounding error above a round number is that number.
    expect(roundStep(0.1 + 0.2 - 0.1)).toBeCloseTo(0.2, 12);
  });
});

describe("the numbers of values", () => {
  it("are round, and within the range", () => {
    expect(ticksWithin([-1.1, 2.3], 4)).toEqual([-1, 0, 1, 2]);
    expect(ticksWithin([0.41, 0.49], 4)).toEqual([0.42, 0.44, 0.46, 0.48]);
    expect(ticksWithin([-121.3, -97], 5)).toEqual([-120, -115, -110, -105, -100]);
    expect(ticksWithin([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticksWithin([5, 5], 5)).toEqual([5]);
  });

  it("hold all values where they are to be around them", () => {
    expect(ticksAround([2.31, 2.76], 4)).toEqual([2.2, 2.4, 2.6, 2.8]);
    expect(ticksAround([0, 400], 4)).toEqual([0, 100, 200, 300, 400]);
  });

  it("have a height where all values are one", () => {
    const flat = ticksAround([2.5, 2.5], 4);
    expect(flat.length).toBeGreaterThan(1);
    expect(flat[0]).toBeLessThanOrEqual(2.5);
    expect(flat[flat.length - 1]).toBeGreaterThanOrEqual(2.5);
  });
});
