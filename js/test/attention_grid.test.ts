import { describe, expect, it } from "vitest";
import { ToyModel } from "../dev/lm";
import type { World } from "../dev/part";
import { attentionGrid } from "../dev/views/attention_grid";
import type { ArrayEnvelope } from "../src/core/arrays";
import { Heads } from "../src/views/attention_grid/heads";
import { cornerOf, headAt, layoutOf, stepOf } from "../src/views/attention_grid/layout";

const bytes = (...shape: number[]): ArrayEnvelope => {
  const size = shape.reduce((product, n) => product * n, 1);
  const data = Uint8Array.from({ length: size }, (_, k) => k % 256);
  return { dtype: "uint8", shape, data: new DataView(data.buffer) };
};
const shares = (values: number[], ...shape: number[]): ArrayEnvelope => ({
  dtype: "float32",
  shape,
  data: new DataView(Float32Array.from(values).buffer),
});

describe("attention heads", () => {
  it("finds each picture at its place", () => {
    const heads = new Heads(bytes(2, 3, 2, 2), null);
    expect([...heads.picture({ row: 1, head: 2 })]).toEqual([20, 21, 22, 23]);
    expect(heads.precision({ row: 1, head: 2 })).toBeNull();
    expect(heads.best(5)).toEqual([]);
  });

  it("ranks the heads that find anything", () => {
    const heads = new Heads(bytes(2, 2, 1, 1), shares([0.1, 0.7, 0, 0.7], 2, 2));
    expect(heads.best(5)).toEqual([
      { row: 0, head: 1 },
      { row: 1, head: 1 },
      { row: 0, head: 0 },
    ]);
    expect(heads.best(1)).toEqual([{ row: 0, head: 1 }]);
  });

  it("refuses what does not fit together", () => {
    expect(() => new Heads(bytes(2, 3, 2), null)).toThrow("shape (2, 3, 2)");
    expect(() => new Heads(bytes(2, 3, 2, 4), null)).toThrow("shape (2, 3, 2, 4)");
    expect(() => new Heads(bytes(2, 3, 2, 2), shares([1, 2], 1, 2))).toThrow("2 x 3 heads");
  });

  it("reads what the dev page makes up", () => {
    const world = { options: { state: "live" }, toy: new ToyModel(30) } as World;
    const traits = attentionGrid(world).traits();
    const heads = new Heads(traits.pictures as ArrayEnvelope, traits.precision as ArrayEnvelope);
    expect([heads.rows, heads.heads, heads.side]).toEqual([4, 6, 30]);
  });
});

describe("the layout of the grid", () => {
  it.each([
    [33, 20, 568],
    [3, 6, 1000],
    [48, 40, 300],
  ])("puts %i x %i heads where they are found again in %i pixels", (rows, heads, room) => {
    const layout = layoutOf(rows, heads, room);
    for (const place of [
      { row: 0, head: 0 },
      { row: rows - 1, head: heads - 1 },
    ]) {
      const [x, y] = cornerOf(layout, place);
      expect(headAt(layout, x + layout.cell / 2, y + layout.cell / 2)).toEqual(place);
      expect(x + layout.cell).toBeLessThanOrEqual(layout.width);
    }
    expect(headAt(layout, 2, 40)).toBeNull();
    expect(headAt(layout, layout.width + 1, 40)).toBeNull();
    expect(layout.cell).toBeGreaterThanOrEqual(16);
  });

  it("fits a model of many heads into the width of a page", () => {
    expect(layoutOf(33, 20, 568).width).toBeLessThanOrEqual(568);
  });

  it("is walked over by keys, and not left", () => {
    const layout = layoutOf(3, 6, 500);
    const from = { row: 0, head: 5 };
    expect(stepOf("ArrowDown", from, layout)).toEqual({ row: 1, head: 5 });
    expect(stepOf("ArrowUp", from, layout)).toEqual(from);
    expect(stepOf("ArrowRight", from, layout)).toEqual(from);
    expect(stepOf("Home", from, layout)).toEqual({ row: 0, head: 0 });
    expect(stepOf("a", from, layout)).toBeNull();
  });
});
