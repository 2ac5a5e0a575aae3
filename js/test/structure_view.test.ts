import { describe, expect, it } from "vitest";
import { chemistryColour, colourTable } from "../src/core/colour";
import { fitCamera } from "../src/views/structure_view/camera";
import { paintResidues } from "../src/views/structure_view/colouring";
import { marksOf } from "../src/views/structure_view/marks";
import {
  countStyles,
  dashes,
  distance,
  PAIR_STYLES,
  type Point,
} from "../src/views/structure_view/pairs";

describe("dashes", () => {
  const from: Point = [1, 2, 3];
  const to: Point = [11, 2, 3];

  it("is one piece for a solid line and for one shorter than a dash", () => {
    expect(dashes(from, to, null)).toEqual([[from, to]]);
    expect(dashes(from, [1.5, 2, 3], [1, 1])).toEqual([[from, [1.5, 2, 3]]]);
  });

  it("begins on one atom, ends on the other, and keeps dashes and gaps even", () => {
    const pieces = dashes(from, to, [1.1, 0.7]);
    expect(pieces[0]?.[0]).toEqual(from);
    const last = pieces.at(-1)?.[1] ?? from;
    expect(distance(last, to)).toBeLessThan(1e-9);
    const gaps = pieces.slice(1).map((piece, k) => distance(pieces[k]?.[1] ?? from, piece[0]));
    for (const [a, b] of pieces) expect(distance(a, b)).toBeCloseTo(1.1, 9);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThan(1e-9);
    expect(gaps[0]).toBeGreaterThan(0.4);
    expect(gaps[0]).toBeLessThan(1);
  });
});

describe("countStyles", () => {
  it("tells contacts, others and unknown apart", () => {
    const pairs = [
      [0, 9, true],
      [1, 9, false],
      [2, 9, false],
      [3, 9, null],
    ] as const;
    expect(countStyles(pairs)).toEqual({ contact: 1, apart: 2, unknown: 1 });
  });

  it("has another dash for each style, not another colour alone", () => {
    const looks = Object.values(PAIR_STYLES).map(({ dash }) => JSON.stringify(dash));
    expect(new Set(looks).size).toBe(looks.length);
  });
});

describe("paintResidues", () => {
  const base = { kind: "sequential", limits: [0, 1], chemistry: false, unknown: 7 } as const;
  const hex = (k: number) => {
    const [r = 0, g = 0, b = 0] = colourTable("sequential").slice(3 * k, 3 * k + 3);
    return (r << 16) | (g << 8) | b;
  };

  it("takes colours from the scale and grey where there is no value", () => {
    const values = new Float32Array([0, 1, Number.NaN, 2]);
    expect([...paintResidues("ACDEF", { ...base, values })]).toEqual([
      hex(0),
      hex(255),
      7,
      hex(255),
      7,
    ]);
    expect([...paintResidues("AC", { ...base, values: null })]).toEqual([7, 7]);
  });

  it("colours by chemistry whatever the values are", () => {
    const painted = paintResidues("AD", { ...base, values: null, chemistry: true });
    expect(painted[1]).toBe(Number.parseInt(chemistryColour("D").slice(1), 16));
    expect(painted[0]).not.toBe(painted[1]);
  });
});

describe("fitCamera", () => {
  const seen = (point: Point, fit: { centre: Point; distance: number }, aspect: number) => {
    const depth = fit.distance + point[2] - fit.centre[2];
    const half = depth * Math.tan(Math.PI / 9);
    return Math.max(
      Math.abs(point[0] - fit.centre[0]) / half / aspect,
      Math.abs(point[1] - fit.centre[1]) / half,
    );
  };

  it("shows every residue, and fills most of the frame", () => {
    for (const aspect of [0.7, 1, 1.8]) {
      const points = Array.from({ length: 200 }, (_, k): Point => {
        return [40 * Math.sin(k), 15 * Math.cos(2 * k) + 100, 20 * Math.sin(3 * k) - 7];
      });
      const fit = fitCamera(points, aspect, 40);
      if (!fit) throw new Error("no fit");
      const reach = Math.max(...points.map((point) => seen(point, fit, aspect)));
      expect(reach).toBeLessThan(0.95);
      expect(reach).toBeGreaterThan(aspect > 1 ? 0.5 : 0.75);
    }
  });

  it("has nothing to show without residues", () => {
    expect(fitCamera([], 1, 40)).toBeNull();
  });
});

describe("marksOf", () => {
  const state = {
    masked: [1],
    substitutions: [[2, "W"]] as const,
    focus: null,
    clock: 1,
    can_undo: false,
    can_redo: false,
  };
  const facts = {
    spot: (k: number) => [k, 0] as const,
    tip: (k: number) => [k, 9] as const,
    labels: ["A25", "K26", "G27"],
    hover: [1],
    state: { ...state, pair: null },
    pairLength: 7.26,
    values: [1, 2.5, 3],
    valueLabel: "Perplexity",
    classes: [],
  };

  it("rings the residue pointed at and says what is known of it", () => {
    expect(marksOf(facts)).toEqual({
      rings: [[1, 0]],
      hover: "K26 · masked · Perplexity 2.50",
      pair: null,
    });
    expect(marksOf({ ...facts, hover: [2], values: null }).hover).toBe("G27 · now W");
    const state = { ...facts, valueLabel: "State", values: [1, 1, Number.NaN] };
    const classes = ["helix", "strand"];
    expect(marksOf({ ...state, classes }).hover).toBe("K26 · masked · State strand");
    expect(marksOf({ ...state, classes, hover: [2] }).hover).toBe("G27 · now W · State unknown");
  });

  it("rings both ends of a pair, and labels the selected pair once", () => {
    const pair = { ...facts, hover: [0, 2], state: { ...state, pair: [2, 0] as const } };
    const marks = marksOf(pair);
    expect(marks.rings).toEqual([
      [0, 9],
      [2, 9],
    ]);
    expect(marks.hover).toBe("");
    expect(marks.pair?.text).toBe("G27 · A25  7.3 Å");
    expect(marksOf({ ...pair, state: facts.state }).hover).toBe("A25 · G27");
  });
});
