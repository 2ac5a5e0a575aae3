import { describe, expect, it } from "vitest";
import { envelope } from "../dev/fake";
import { letterAt, MOST_BITS, stackOf } from "../src/views/distributions/logo";
import { axisTop, cardPositions, History } from "../src/views/distributions/prediction";
import {
  cellAt,
  columnWidth,
  HEAD,
  ROW,
  scrollTo,
  visible,
} from "../src/views/distributions/profile_layout";
import { entropy, jsDivergence, mostProbable, perplexity } from "../src/views/distributions/stats";

describe("statistics of a distribution", () => {
  const certain = [1, 0, 0, 0];
  const other = [0, 1, 0, 0];
  const uniform = [0.25, 0.25, 0.25, 0.25];

  it("has the entropy and perplexity of the closed forms", () => {
    expect(entropy(uniform)).toBeCloseTo(2, 12);
    expect(entropy(certain)).toBe(0);
    expect(perplexity(new Float32Array(20).fill(0.05))).toBeCloseTo(20, 5);
    expect(perplexity(certain)).toBe(1);
    expect(entropy([0.5, Number.NaN])).toBeNaN();
  });

  it("has the divergence in bits, not the distance", () => {
    expect(jsDivergence(certain, other)).toBeCloseTo(1, 12);
    expect(jsDivergence(uniform, uniform)).toBe(0);
    // scipy.spatial.distance.jensenshannon([.9, .1], [.5, .5], base=2) ** 2
    expect(jsDivergence([0.9, 0.1], [0.5, 0.5])).toBeCloseTo(0.14679310243605, 12);
    expect(jsDivergence([0.5, 0.5], [0.9, 0.1])).toBeCloseTo(0.14679310243605, 12);
  });

  it("never leaves 0 to 1 by rounding", () => {
    const p = Float32Array.from({ length: 20 }, (_, a) => (a === 3 ? 0.9999999 : 1e-9));
    expect(jsDivergence(p, p)).toBeGreaterThanOrEqual(0);
    expect(jsDivergence(certain, other)).toBeLessThanOrEqual(1);
  });

  it("finds the most probable letter, or none", () => {
    expect(mostProbable([0.1, 0.7, 0.2])).toBe(1);
    expect(mostProbable([Number.NaN, Number.NaN])).toBe(-1);
    expect(mostProbable([Number.NaN, 0.2])).toBe(1);
  });
});

describe("the history of predictions", () => {
  const trait = (value: number, masked: number[], substitutions: [number, string][] = []) => ({
    probabilities: envelope(new Float32Array(40).fill(value), 2, 20),
    masked,
    substitutions,
  });

  it("keeps the prediction of the context before as the ghost", () => {
    const history = new History();
    history.take(trait(0.1, []));
    expect(history.previous).toBeNull();
    history.take(trait(0.2, [1]));
    expect(history.previous?.at(1)[0]).toBeCloseTo(0.1);
    history.take(trait(0.3, [1], [[0, "G"]]));
    expect(history.previous?.at(1)[0]).toBeCloseTo(0.2);
    expect(history.current?.at(1)[0]).toBeCloseTo(0.3);
    expect(history.updates).toBe(3);
  });

  it("does not take a new answer for the same context as a ghost", () => {
    const history = new History();
    history.take(trait(0.1, [0]));
    history.take(trait(0.2, [1]));
    history.take(trait(0.3, [1]));
    expect(history.previous?.masked).toEqual([0]);
  });

  it("takes what another model predicts for the same context as the ghost", () => {
    const history = new History();
    const reference = trait(0.4, [1]).probabilities;
    history.take({ ...trait(0.1, [1]), reference });
    expect(history.previous?.at(1)[0]).toBeCloseTo(0.4);
    history.take({ ...trait(0.2, [0]), reference });
    expect(history.previous?.at(1)[0]).toBeCloseTo(0.4);
    expect(history.previous?.masked).toEqual([0]);
  });

  it("has the difference to the other model, signed, and its size", () => {
    const history = new History();
    history.take(trait(0.1, [1]));
    expect(history.difference).toBeNull();
    const reference = trait(0.4, [1]).probabilities;
    history.take({ ...trait(0.1, [1]), reference });
    expect(history.difference?.at(1)[0]).toBeCloseTo(-0.3);
    expect(history.difference?.size).toBeCloseTo(0.3);
    expect(history.difference?.masked).toEqual([1]);
    const unknown = envelope(new Float32Array(40).fill(Number.NaN), 2, 20);
    history.take({ ...trait(0.1, [1]), reference: unknown });
    expect(history.difference?.known(0)).toBeNull();
    expect(history.difference?.size).toBe(0);
  });

  it("counts the same value once and forgets a prediction that is taken away", () => {
    const history = new History();
    const first = trait(0.1, [0]);
    history.take(first);
    history.take(first);
    expect(history.updates).toBe(1);
    history.take(trait(0.2, [1]));
    history.take(null);
    expect(history.current).toBeNull();
    expect(history.previous).toBeNull();
  });

  it("knows the residues that have a prediction", () => {
    const history = new History();
    const values = new Float32Array(40).fill(0.1, 0, 20).fill(Number.NaN, 20);
    history.take({ ...trait(0, [0]), probabilities: envelope(values, 2, 20) });
    expect(history.current?.known(0)?.[0]).toBeCloseTo(0.1);
    expect(history.current?.known(1)).toBeNull();
  });

  it("knows whether it answers the selection", () => {
    const history = new History();
    history.take(trait(0.1, [1], [[0, "G"]]));
    const state = { masked: [1], substitutions: [[0, "G"]] as [number, string][] };
    expect(history.current?.isFor(state)).toBe(true);
    expect(history.current?.isFor({ ...state, masked: [] })).toBe(false);
    expect(history.current?.isFor({ ...state, substitutions: [[0, "W"]] })).toBe(false);
  });
});

it("gives cards to the focus first, then to the masked residues", () => {
  const state = {
    masked: [3, 8],
    substitutions: [],
    pair: null,
    clock: 0,
    can_undo: false,
    can_redo: false,
  };
  expect(cardPositions({ ...state, focus: 8 })).toEqual([8, 3]);
  expect(cardPositions({ ...state, focus: 5 })).toEqual([5, 3, 8]);
  expect(cardPositions({ ...state, focus: null })).toEqual([3, 8]);
});

it("ends the axis at a round number above the largest bar", () => {
  expect([0.02, 0.1, 0.11, 0.21, 0.51, 1].map(axisTop)).toEqual([0.1, 0.1, 0.2, 0.5, 1, 1]);
});

describe("the layout of the profile", () => {
  it("fits short proteins and scrolls long ones", () => {
    expect(columnWidth(960, 64)).toBe(15);
    expect(columnWidth(960, 363)).toBe(7);
    expect(columnWidth(960, 10)).toBe(18);
  });

  it("finds the cell under the pointer, scrolled or not", () => {
    expect(cellAt(0, HEAD, 0, 10, 64)).toEqual({ position: 0, row: 0 });
    expect(cellAt(29.9, HEAD + 2.5 * ROW, 100, 10, 64)).toEqual({ position: 12, row: 2 });
    expect(cellAt(5, HEAD - 1, 0, 10, 64)?.row).toBe(-1);
    expect(cellAt(641, HEAD, 0, 10, 64)).toBeNull();
    expect(cellAt(-1, HEAD, 0, 10, 64)).toBeNull();
  });

  it("draws only the columns in sight", () => {
    expect(visible(0, 100, 10, 64)).toEqual([0, 10]);
    expect(visible(95, 100, 10, 64)).toEqual([9, 20]);
    expect(visible(600, 100, 10, 64)).toEqual([60, 64]);
  });

  it("scrolls to a column only when it is out of sight", () => {
    expect(scrollTo(5, 0, 100, 10)).toBe(0);
    expect(scrollTo(30, 0, 100, 10)).toBe(255);
    expect(scrollTo(1, 300, 100, 10)).toBe(0);
  });
});

describe("a logo", () => {
  const known = Float64Array.from({ length: 20 }, (_, a) => Number(a === 4));
  const uniform = new Float64Array(20).fill(0.05);
  const two = Float64Array.from({ length: 20 }, (_, a) => (a === 3 ? 0.75 : a === 7 ? 0.25 : 0));

  it("is as high as what is known", () => {
    expect(stackOf(known).at(-1)).toEqual({ a: 4, from: 0, to: 1 });
    expect(stackOf(uniform).at(-1)?.to).toBeCloseTo(0, 12);
    const bits = 0.75 * Math.log2(4 / 3) + 0.25 * 2;
    expect(stackOf(two).at(-1)?.to).toBeCloseTo(1 - bits / MOST_BITS, 12);
  });

  it("stacks the most probable letter on top", () => {
    const [second, first] = stackOf(two).slice(-2);
    expect([second?.a, first?.a]).toEqual([7, 3]);
    expect((first?.to ?? 0) - (first?.from ?? 0)).toBeCloseTo(0.75 * (first?.to ?? 0), 12);
    expect(letterAt(two, 0.01)).toBe(7);
    expect(letterAt(two, (first?.to ?? 0) - 0.01)).toBe(3);
    expect(letterAt(two, 0.999)).toBeNull();
  });

  it("is empty where nothing is known yet", () => {
    expect(stackOf(new Float64Array(20).fill(Number.NaN))).toEqual([]);
  });
});
