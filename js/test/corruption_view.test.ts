import { describe, expect, it } from "vitest";
import { percent, rebalanced, type Split } from "../src/views/corruption_view/split";
import { describe as describeFate, fateOf } from "../src/views/corruption_view/strip";

const sum = (split: Split): number => split.reduce((total, share) => total + share, 0);

describe("three shares", () => {
  it("stay at sum 1, and the others keep their proportion", () => {
    expect(rebalanced([0.8, 0.1, 0.1], 0, 0.5)).toEqual([0.5, 0.25, 0.25]);
    expect(rebalanced([0.6, 0.3, 0.1], 0, 0.2)).toEqual([0.2, 0.6, 0.2]);
    for (const which of [0, 1, 2]) {
      for (const value of [0, 0.01, 1 / 3, 0.5, 0.999, 1]) {
        const next = rebalanced([0.7, 0.2, 0.1], which, value);
        expect(next[which]).toBeCloseTo(value, 5);
        expect(sum(next)).toBeCloseTo(1, 5);
        expect(Math.min(...next)).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it("come back from an extreme in halves", () => {
    const all = rebalanced([0.8, 0.1, 0.1], 0, 1);
    expect(all).toEqual([1, 0, 0]);
    expect(rebalanced(all, 0, 0.8)).toEqual([0.8, 0.1, 0.1]);
    expect(rebalanced([0, 0.5, 0.5], 1, 0)).toEqual([0, 0, 1]);
    expect(rebalanced([0.8, 0.1, 0.1], 2, 7)).toEqual([0, 0, 1]);
  });

  it("are told without decimals that are not there", () => {
    expect([0.8, 0.125, 1 / 3, 0].map(percent)).toEqual(["80 %", "12.5 %", "33.3 %", "0 %"]);
  });
});

describe("what a residue is", () => {
  it("is told with what the model gave to it", () => {
    expect(describeFate("A25", "masked", "_", undefined)).toBe("A25: hidden");
    expect(describeFate("A25", "untouched", "A", Number.NaN)).toBe("A25: not chosen");
    expect(describeFate("A25", "random", "W", 0.5)).toBe(
      "A25: shown as W\np(A) = 0.500, a loss of 0.69 nats",
    );
    expect(describeFate("A25", "kept", "A", 1)).toContain("kept, but to be guessed");
  });

  it("has a code", () => {
    expect([0, 1, 2, 3, undefined].map(fateOf)).toEqual([
      "untouched",
      "masked",
      "random",
      "kept",
      "untouched",
    ]);
  });
});
