import { describe, expect, it } from "vitest";
import { envelope } from "../dev/fake";
import { CellLink } from "../src/core/cells";
import {
  firstCell,
  GUTTER,
  inSight,
  leftOf,
  placeAt,
  ROW,
  reveal,
  topOf,
  zoomAt,
} from "../src/views/mutation_heatmap/layout";
import { type MapTrait, ScoreMap } from "../src/views/mutation_heatmap/maps";
import { Cloud } from "../src/views/scatter_plot/cloud";

describe("the layout of the maps", () => {
  const sight = { width: 1020, cell: 10, scroll: 0 };

  it("finds the cell that is drawn at a point, in either map", () => {
    for (const map of [0, 1]) {
      const x = leftOf(sight, 7) + 5;
      const y = topOf(map) + ROW * 3 + 2;
      expect(placeAt(sight, x, y, 100, 2)).toEqual({ map, position: 7, row: 3 });
    }
    expect(placeAt(sight, GUTTER - 1, topOf(0) + 5, 100, 2)).toBeNull();
    expect(placeAt(sight, 200, topOf(0) - 3, 100, 2)).toBeNull();
    expect(placeAt(sight, 200, topOf(1) + 5, 100, 1)).toBeNull();
  });

  it("keeps the column under the pointer when it zooms, to both ends", () => {
    const at = placeAt(sight, 500, topOf(0) + 1, 1000, 1);
    let zoomed = sight;
    for (let k = 0; k < 3; k += 1) zoomed = zoomAt(zoomed, 500, 1.4, 1000);
    expect(placeAt(zoomed, 500, topOf(0) + 1, 1000, 1)).toEqual(at);
    for (let k = 0; k < 30; k += 1) zoomed = zoomAt(zoomed, 500, 1 / 1.4, 1000);
    expect(zoomed.cell).toBeCloseTo(1);
    expect(zoomed.scroll).toBe(0);
    expect(inSight(zoomed, 1000)).toEqual([0, 1000]);
    for (let k = 0; k < 30; k += 1) zoomed = zoomAt(zoomed, 1019, 1.4, 1000);
    expect(zoomed.scroll).toBeLessThanOrEqual(GUTTER + zoomed.cell * 1000 - zoomed.width);
  });

  it("shows all of a short protein, and scrolls a long one to what is asked for", () => {
    expect(firstCell(1020, 76)).toBeCloseTo(1000 / 76);
    expect(firstCell(1020, 1000)).toBe(8);
    const there = reveal({ width: 1020, cell: 8, scroll: 0 }, 900, 1000);
    expect(leftOf(there, 900) + 8).toBe(1020);
    expect(reveal(there, 899, 1000)).toEqual(there);
  });
});

describe("a map", () => {
  const trait = (values: Float32Array, scored = true): MapTrait => ({
    name: "masked",
    label: "LLR",
    kind: "diverging",
    limits: [-4, 4],
    values: envelope(values, 2, 20),
    scored,
    unit: scored ? "nats" : "measured",
    progress: null,
  });

  it("has a value by position and letter, where one is known", () => {
    const values = new Float32Array(40).fill(Number.NaN);
    values[20 + 3] = -4;
    values[3] = 4;
    const map = new ScoreMap(trait(values), 2);
    expect([map.at(0, 3), map.at(1, 3), map.at(1, 4)]).toEqual([4, -4, Number.NaN]);
    expect([map.known, map.largest]).toEqual([2, 4]);
  });

  it("takes a chosen scale for scores alone", () => {
    const values = new Float32Array(40);
    expect(new ScoreMap(trait(values), 2).scale(2)).toEqual([-2, 2]);
    expect(new ScoreMap(trait(values, false), 2).scale(2)).toEqual([-4, 4]);
  });

  it("refuses another shape", () => {
    expect(() => new ScoreMap(trait(new Float32Array(40)), 3)).toThrow("3 x 20 are needed");
  });
});

describe("a cloud of variants", () => {
  const cloud = new Cloud(
    {
      x: envelope(Float32Array.of(0, 10, 5), 3),
      y: envelope(Float32Array.of(0, 10, 0), 3),
      // A1C; C2D and A1D; D3A
      sites: envelope(Float32Array.of(0, 1, 1, 2, 0, 2, 2, 0), 4, 2),
      starts: envelope(Float32Array.of(0, 1, 3, 4), 4),
    },
    "ACD",
  );
  const frame = { left: 10, top: 10, width: 100, height: 100 };

  it("knows the substitutions of each point, and the points of a substitution", () => {
    expect(cloud.cells(1)).toEqual([
      [1, "D"],
      [0, "D"],
    ]);
    expect(cloud.having([[0, "D"]], [])).toEqual([1]);
    expect(cloud.having([], [0])).toEqual([0, 1]);
    expect(cloud.having([], [])).toEqual([]);
  });

  it("finds the point under the pointer, and none far from all", () => {
    const [x, y] = cloud.place(1, frame);
    expect(y).toBeLessThan(cloud.place(0, frame)[1]);
    expect(cloud.nearest(x + 3, y + 3, frame)).toBe(1);
    expect(cloud.nearest(20, 20, frame)).toBeNull();
  });

  it("is walked from left to right", () => {
    expect(cloud.step(null, 1)).toBe(0);
    expect(cloud.step(0, 1)).toBe(2);
    expect(cloud.step(2, 10)).toBe(1);
  });
});

it("tells other views of the page which cells are pointed at, and itself nothing", () => {
  const controller = new AbortController();
  const heard: string[] = [];
  const link = (name: string, id = "one"): CellLink => {
    const made: CellLink = new CellLink(id, controller.signal, () =>
      heard.push(`${name} ${made.cells.map(([i, a]) => `${i}${a}`)}`),
    );
    return made;
  };
  const [map] = [link("map"), link("plot"), link("elsewhere", "two")];
  map?.point([[3, "W"]]);
  map?.point([[3, "W"]]);
  map?.point([]);
  expect(heard).toEqual(["plot 3W", "plot "]);
  controller.abort();
  map?.point([[4, "W"]]);
  expect(heard.length).toBe(2);
});
