import { describe, expect, it } from "vitest";
import { envelope } from "../dev/fake";
import { Block } from "../src/views/jacobian_table/block";

const NONE = { score: null, rank: null, pairs: 3 };

function block(...cells: [number, number, number][]): Block {
  const values = new Float32Array(400);
  for (const [a, b, value] of cells) values[20 * a + b] = value;
  return new Block({ pair: [3, 8], values: envelope(values, 20, 20), ...NONE });
}

describe("a block of the Jacobian", () => {
  it("has rows for letters at i and columns for those at j", () => {
    const one = block([2, 3, 0.5]);
    expect(one.at(2, 3)).toBe(0.5);
    expect(one.at(3, 2)).toBe(0);
  });

  it("is coloured symmetrically about zero", () => {
    expect(block([0, 1, 0.5], [4, 4, -2]).limits).toEqual([-2, 2]);
    expect(block().limits).toEqual([-1e-6, 1e-6]);
  });

  it("lists the largest of either sign first", () => {
    const found = block([0, 1, 0.5], [4, 5, -2], [6, 7, 1]).strongest(2);
    expect(found).toEqual([
      { a: 4, b: 5, value: -2 },
      { a: 6, b: 7, value: 1 },
    ]);
  });

  it("refuses bytes of another shape", () => {
    const values = envelope(new Float32Array(20), 20);
    expect(() => new Block({ pair: [0, 1], values, ...NONE })).toThrow("20 x 20 are needed");
  });
});
