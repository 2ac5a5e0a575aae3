import { describe, expect, it } from "vitest";
import { envelope } from "../dev/fake";
import { Joint, JointDifference, limitsOf, strongest } from "../src/views/joint_table/table";

/** Three tables that hold `cells` of [a, b, p] each. */
function joint(...tables: [number, number, number][][]): Joint {
  const values = new Float32Array(1200);
  for (const [k, cells] of tables.entries()) {
    for (const [a, b, p] of cells) values[400 * k + 20 * a + b] = p;
  }
  return new Joint({
    pair: [3, 8],
    probabilities: envelope(values, 3, 20, 20),
    mutual_information: [1, 2, 3],
    disagreement: 0.5,
  });
}

const COUPLED = joint(
  [
    [0, 1, 0.5],
    [2, 3, 0.5],
  ],
  [
    [0, 1, 0.25],
    [0, 3, 0.25],
    [2, 1, 0.25],
    [2, 3, 0.25],
  ],
);

describe("a joint table", () => {
  it("has the margins of its rows and columns", () => {
    expect([...COUPLED.margin("mean", "i")].slice(0, 4)).toEqual([0.5, 0, 0.5, 0]);
    expect([...COUPLED.margin("mean", "j")].slice(0, 4)).toEqual([0, 0.5, 0, 0.5]);
  });

  it("tells how much more often than by chance two letters go together", () => {
    expect(COUPLED.at("mean", 0, 1)).toEqual({ a: 0, b: 1, p: 0.5, ratio: 1 });
    expect(COUPLED.at("i first", 0, 1).ratio).toBe(0);
    expect(COUPLED.at("mean", 0, 3).ratio).toBe(Number.NEGATIVE_INFINITY);
    expect(COUPLED.all("mean")[20 * 2 + 3]).toEqual(COUPLED.at("mean", 2, 3));
    expect(COUPLED.information("j first")).toBe(3);
  });

  it("lists what adds most to the mutual information, and nothing that adds none", () => {
    expect(strongest(COUPLED.all("mean"), 6).map(({ a, b }) => [a, b])).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(strongest(COUPLED.all("i first"), 6)).toEqual([]);
  });

  it("scales colours without what never happens", () => {
    expect(limitsOf(COUPLED.all("mean"), "log_ratio")).toEqual([-1, 1]);
    expect(limitsOf(COUPLED.all("mean"), "probability")).toEqual([0, 0.5]);
  });

  it("is subtracted number by number", () => {
    const other = joint(
      [
        [0, 1, 0.25],
        [0, 3, 0.25],
        [2, 3, 0.5],
      ],
      [],
    );
    const change = new JointDifference(COUPLED, other);
    const at = (a: number, b: number) => change.all("mean")[20 * a + b];
    expect(at(0, 1)).toEqual({ a: 0, b: 1, p: 0.25, ratio: 1 - Math.log2(0.25 / (0.5 * 0.25)) });
    expect(at(2, 3)).toEqual({ a: 2, b: 3, p: 0, ratio: 1 - Math.log2(0.5 / (0.5 * 0.75)) });
    expect(at(0, 3)?.p).toBe(-0.25);
    expect([...change.margin("mean", "j")].slice(0, 4)).toEqual([0, 0.25, 0, -0.25]);
    expect(change.largest("mean", 6).map(({ a, b, p }) => [a, b, p])).toEqual([
      [0, 1, 0.25],
      [0, 3, -0.25],
    ]);
    expect(change.limits("mean", "probability")).toEqual([-0.25, 0.25]);
    const top = 1 - Math.log2(0.5 / (0.5 * 0.75));
    expect(change.limits("mean", "log_ratio")).toEqual([-top, top]);
    const same = new JointDifference(COUPLED, COUPLED);
    expect(same.limits("mean", "log_ratio")).toEqual([-1e-6, 1e-6]);
    expect(same.largest("mean", 6)).toEqual([]);
  });

  it("refuses bytes of another shape", () => {
    const probabilities = envelope(new Float32Array(400), 20, 20);
    const trait = { pair: [0, 1] as [number, number], mutual_information: [], disagreement: 0 };
    expect(() => new Joint({ ...trait, probabilities })).toThrow("three 20 x 20 are needed");
  });
});
