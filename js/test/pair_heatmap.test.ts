import { describe, expect, it } from "vitest";
import {
  lookOf,
  paint,
  palette,
  rankFrom,
  rankInto,
  summarise,
} from "../src/views/pair_heatmap/raster";
import { boxOf, describeRegion, mirrored, regionBetween } from "../src/views/pair_heatmap/region";
import { describeCell, type MapFacts } from "../src/views/pair_heatmap/tooltip_text";
import {
  cellAt,
  cellNear,
  cellsInSight,
  clamp,
  isZoomed,
  layOut,
  MAX_CELL,
  panBy,
  reveal,
  whole,
  zoomAt,
} from "../src/views/pair_heatmap/window";

const labels = (length: number) => Array.from({ length }, (_, k) => `A${k + 1}`);

describe("window", () => {
  const [length, side] = [100, 500];

  it("lays a square out in the width that there is", () => {
    for (const width of [320, 450, 600, 1200]) {
      const frame = layOut(width, labels(1000));
      expect(frame.left + frame.side).toBeLessThanOrEqual(frame.width);
      expect(frame.width).toBe(width);
      expect(frame.height).toBeGreaterThan(frame.top + frame.side);
    }
    expect(layOut(1200, labels(10)).side).toBe(layOut(2000, labels(10)).side);
  });

  it("keeps the cell under the pointer when it zooms in and out again", () => {
    let window = whole(length, side);
    const before = cellAt(window, 320, 75, length, side);
    for (const factor of [1.5, 2, 1.3]) {
      window = zoomAt(window, 320, 75, factor, length, side);
      expect(cellAt(window, 320, 75, length, side)).toEqual(before);
    }
    expect(isZoomed(window, length, side)).toBe(true);
    window = zoomAt(window, 320, 75, 1e-3, length, side);
    expect(window).toEqual(whole(length, side));
    expect(isZoomed(window, length, side)).toBe(false);
  });

  it("never shows what is beside the map, nor cells larger than sense", () => {
    const window = zoomAt(whole(length, side), 499, 499, 4, length, side);
    const panned = panBy(window, -1e6, 1e6, length, side);
    expect(panned.x).toBeCloseTo(length - side / panned.cell, 9);
    expect(panned.y).toBe(0);
    expect(zoomAt(window, 0, 0, 1e6, length, side).cell).toBe(MAX_CELL);
    // A peptide's cells are larger than that already.
    expect(clamp(whole(5, side), 5, side).cell).toBe(100);
  });

  it("finds rows by y, columns by x, and nothing outside", () => {
    const window = whole(length, side);
    expect(cellAt(window, 12, 7, length, side)).toEqual({ i: 1, j: 2 });
    expect(cellAt(window, -1, 7, length, side)).toBeNull();
    expect(cellAt(window, 12, 500, length, side)).toBeNull();
  });

  it("moves no further than needed to show a cell", () => {
    const window = zoomAt(whole(length, side), 0, 0, 4, length, side);
    expect(reveal(window, { i: 3, j: 3 }, length, side)).toEqual(window);
    const moved = reveal(window, { i: 3, j: 60 }, length, side);
    expect(moved.y).toBe(window.y);
    expect(moved.x).toBeCloseTo(61 - side / window.cell, 9);
  });
});

describe("region", () => {
  const [length, side] = [100, 500];
  const frame = { width: 560, height: 540, left: 40, top: 20, side };

  it("lies between the corners of a drag in any direction", () => {
    const want = { rows: [3, 9], columns: [40, 51] };
    expect(regionBetween({ i: 3, j: 40 }, { i: 9, j: 51 })).toEqual(want);
    expect(regionBetween({ i: 9, j: 40 }, { i: 3, j: 51 })).toEqual(want);
    expect(regionBetween({ i: 5, j: 5 }, { i: 5, j: 5 })).toEqual({
      rows: [5, 5],
      columns: [5, 5],
    });
    expect(mirrored({ rows: [3, 9], columns: [40, 51] })).toEqual({
      rows: [40, 51],
      columns: [3, 9],
    });
  });

  it("ends at the edge of what is in sight when the pointer leaves the map", () => {
    const all = whole(length, side);
    expect(cellNear(all, -30, 900, length, side)).toEqual({ i: 99, j: 0 });
    const window = zoomAt(all, 250, 250, 4, length, side);
    const { rows, columns } = cellsInSight(window, length, side);
    expect(cellNear(window, -30, 900, length, side)).toEqual({ i: rows[1], j: columns[0] });
    expect(cellNear(window, 250, 100, length, side)).toEqual(
      cellAt(window, 250, 100, length, side),
    );
  });

  it("in sight holds every cell that a part is seen of, and no more", () => {
    expect(cellsInSight(whole(length, side), length, side)).toEqual({
      rows: [0, 99],
      columns: [0, 99],
    });
    expect(cellsInSight({ x: 10.5, y: 20, cell: 20 }, length, side)).toEqual({
      rows: [20, 44],
      columns: [10, 35],
    });
  });

  it("is drawn around whole cells", () => {
    const region = { rows: [2, 4], columns: [10, 10] } as const;
    expect(boxOf(region, frame, { x: 5, y: 1, cell: 20 })).toEqual([140, 40, 20, 60]);
  });

  it("is told by the names of its residues", () => {
    expect(describeRegion({ rows: [0, 3], columns: [7, 7] }, labels(9))).toBe(
      "rows A1 to A4, columns A8",
    );
  });
});

describe("raster", () => {
  const nan = Number.NaN;
  const values = new Float32Array([nan, 0.1, nan, 0.9, nan, 0.5, 0.2, 0.4, nan]);

  it("counts what is known off the diagonal", () => {
    const summary = summarise(values, 3);
    expect(summary.known).toBe(5);
    expect(summary.low).toBeCloseTo(0.1);
    expect(summary.high).toBeCloseTo(0.9);
  });

  it("ranks from the low to the high limit, and unknown apart from low", () => {
    const ranks = new Uint8Array(9);
    rankInto(ranks, values, 3, [0.2, 0.6], "both");
    expect([...ranks]).toEqual([0, 1, 0, 255, 0, 192, 1, 128, 0]);
  });

  it("leaves the other half alone", () => {
    const ranks = new Uint8Array(9).fill(7);
    rankInto(ranks, values, 3, [0, 1], "upper");
    expect([3, 6, 7].map((at) => ranks[at])).toEqual([7, 7, 7]);
    expect(ranks[5]).not.toBe(7);
    rankInto(ranks, null, 3, [0, 1], "lower");
    expect([3, 6, 7].map((at) => ranks[at])).toEqual([0, 0, 0]);
  });

  it("sees through unknown cells only", () => {
    const colours = new Uint8Array(palette("sequential", false).buffer);
    expect(colours[3]).toBe(0);
    expect(Math.min(...[1, 128, 255].map((rank) => colours[4 * rank + 3] ?? 0))).toBe(255);
  });

  it("paints one pixel a cell, each half with its own colours", () => {
    const ranks = new Uint8Array(9).fill(200);
    const [upper, lower] = [lookOf("sequential", false), lookOf("diverging", false)];
    const image = paint(ranks, 3, upper, lower, 3);
    expect(image[1]).toBe(upper.palette[200]);
    expect(image[3]).toBe(lower.palette[200]);
    expect(image[4]).toBe(0);
  });

  it("shows a lone strong cell among many on one pixel", () => {
    const length = 40;
    for (const [kind, strong, weak] of [
      ["sequential", 250, 20],
      ["diverging", 3, 128],
      ["distance", 2, 240],
    ] as const) {
      const ranks = new Uint8Array(length * length).fill(weak);
      ranks[3 * length + 30] = strong;
      const look = lookOf(kind, true);
      const image = paint(ranks, length, look, look, 10);
      expect(image[0 * 10 + 7]).toBe(look.palette[strong]);
      expect(image[0 * 10 + 5]).toBe(look.palette[weak]);
    }
  });
});

describe("noise", () => {
  it("makes the cells below the floor faint, to a step of the scale", () => {
    const limits = [0, 0.5] as const;
    const values = [Number.NaN, 0.001, 0.0099, 0.0101, 0.3, 0.5];
    const ranks = new Uint8Array(36);
    rankInto(ranks, [...values, ...new Array(30).fill(Number.NaN)], 6, limits, "both");
    const bytes = new Uint8Array(palette("sequential", false, rankFrom(0.01, limits)).buffer);
    const alpha = [...ranks.slice(1, 6)].map((rank) => bytes[4 * rank + 3]);
    expect(alpha.slice(0, 1)).toEqual([90]);
    expect(alpha.slice(3)).toEqual([255, 255]);
    expect(rankFrom(0, limits)).toBe(1);
    expect(rankFrom(9, limits)).toBe(255);
    expect(rankFrom(0.01, [0, 0])).toBe(1);
  });
});

describe("describeCell", () => {
  const map = (facts: Partial<MapFacts>): MapFacts => ({
    name: "js_div",
    model: "",
    label: "JS divergence",
    unit: "bits",
    kind: "sequential",
    directed: false,
    scanned: true,
    values: [Number.NaN, 0.25, 0.5, Number.NaN],
    ...facts,
  });
  const facts = {
    labels: ["A25", "K40"],
    length: 2,
    distances: [0, 7.3, 7.3, 0],
    estimated: null,
    running: true,
  };

  it("gives both maps and the distance of a pair", () => {
    const contacts = map({
      name: "contacts",
      label: "Contacts",
      kind: "binary",
      values: [0, 1, 1, 0],
    });
    expect(describeCell(0, 1, { ...facts, maps: [map({}), contacts] })).toBe(
      "A25 · K40\nJS divergence  0.250 bits\nContacts  yes\nCB distance  7.3 Å",
    );
  });

  it("gives both directions of a directed map, the row's first", () => {
    const text = describeCell(1, 0, { ...facts, distances: null, maps: [map({ directed: true })] });
    expect(text).toBe(
      "K40 · A25\nJS divergence\n  K40 when A25 is hidden  0.500 bits\n" +
        "  A25 when K40 is hidden  0.250 bits",
    );
  });

  it("claims nothing of what was hidden in a map that is of no scan", () => {
    const own = map({ directed: true, scanned: false, label: "Attention", unit: "" });
    const text = describeCell(1, 0, { ...facts, distances: null, maps: [own] });
    expect(text).toBe(
      "K40 · A25\nAttention\n  K40 (row), A25 (column)  0.500\n  A25 (row), K40 (column)  0.250",
    );
  });

  it("tells estimated pairs from computed ones", () => {
    const estimated = [0, 1, 0, 0];
    expect(describeCell(0, 1, { ...facts, estimated, maps: [map({})] })).toContain(
      "A25 · K40 (estimated)",
    );
    expect(describeCell(1, 0, { ...facts, estimated, maps: [map({})] })).not.toContain("estim");
  });

  it("says whether a gap will be filled", () => {
    const gaps = [Number.NaN, Number.NaN, Number.NaN, Number.NaN];
    const told = (scanned: boolean, running: boolean) =>
      describeCell(0, 1, {
        ...facts,
        running,
        distances: null,
        maps: [map({ scanned, values: gaps })],
      });
    expect(told(true, true)).toContain("not computed yet");
    expect(told(true, false)).toContain("unknown");
    expect(told(false, true)).toContain("unknown");
  });

  it("gives units where a normalised map has one, and the inverse distance its own", () => {
    const z = map({ label: "JS divergence, z-score by separation", unit: "", kind: "diverging" });
    const near = map({ name: "inverse_ca_distance", label: "Inverse CA distance", unit: "1/Å" });
    expect(describeCell(0, 1, { ...facts, distances: null, maps: [z, near] })).toBe(
      "A25 · K40\nJS divergence, z-score by separation  0.250\nInverse CA distance  0.250 1/Å",
    );
  });

  it("says the same map and the same distance once", () => {
    const distance = map({
      name: "distance",
      label: "CB distance",
      unit: "Å",
      values: [0, 7, 7, 0],
    });
    const text = describeCell(0, 1, { ...facts, maps: [distance, distance] });
    expect(text).toBe("A25 · K40\nCB distance  7.00 Å");
  });
});
