import { describe, expect, it } from "vitest";
import { moveFocus } from "../src/core/blocks";
import { substituted, toggled } from "../src/core/substitutions";
import {
  applyDrag,
  describe as describeResidue,
  inDrag,
  inverted,
} from "../src/views/sequence_strip/gestures";

describe("dragging", () => {
  it("masks every residue between its ends, in either direction", () => {
    expect(applyDrag([1, 9], { from: 3, to: 5, mask: true })).toEqual([1, 3, 4, 5, 9]);
    expect(applyDrag([4, 9], { from: 5, to: 3, mask: true })).toEqual([3, 4, 5, 9]);
  });

  it("unmasks when it started on a masked residue", () => {
    expect(applyDrag([1, 3, 4, 9], { from: 3, to: 8, mask: false })).toEqual([1, 9]);
  });

  it("previews what it will change", () => {
    const drag = { from: 5, to: 3, mask: true };
    expect([2, 3, 4, 5, 6].map((i) => inDrag(drag, i))).toEqual([false, true, true, true, false]);
    expect(inDrag(null, 3)).toBe(false);
  });
});

it("inverts the masks", () => {
  expect(inverted([0, 2], 4)).toEqual([1, 3]);
  expect(inverted([], 2)).toEqual([0, 1]);
});

describe("moving the focus by keys", () => {
  const move = (key: string, focus: number | null) => moveFocus(key, focus, 64, 20);

  it("goes along and across rows", () => {
    expect(move("ArrowRight", 4)).toBe(5);
    expect(move("ArrowLeft", 4)).toBe(3);
    expect(move("ArrowDown", 4)).toBe(24);
    expect(move("ArrowUp", 24)).toBe(4);
    expect(move("Home", 40)).toBe(0);
    expect(move("End", 40)).toBe(63);
  });

  it("stays where there is no neighbour", () => {
    expect(move("ArrowLeft", 0)).toBe(0);
    expect(move("ArrowRight", 63)).toBe(63);
    expect(move("ArrowUp", 4)).toBe(4);
    expect(move("ArrowDown", 60)).toBe(60);
  });

  it("starts at an end and ignores other keys", () => {
    expect(move("ArrowRight", null)).toBe(0);
    expect(move("End", null)).toBe(63);
    expect(move("a", 4)).toBeNull();
    expect(moveFocus("ArrowRight", null, 0, 20)).toBeNull();
  });
});

describe("substituting", () => {
  it("puts a letter, replaces it, and takes it back", () => {
    const one = substituted([], 7, "G", "A");
    expect(one).toEqual([[7, "G"]]);
    expect(substituted(one, 2, "W", "L")).toEqual([
      [2, "W"],
      [7, "G"],
    ]);
    expect(substituted(one, 7, "P", "A")).toEqual([[7, "P"]]);
    expect(substituted(one, 7, null, "A")).toEqual([]);
  });

  it("makes several at once, and takes them back where all are there", () => {
    const both = toggled(
      [[7, "G"]],
      [
        [7, "G"],
        [2, "W"],
      ],
      "AAAAAAAA",
    );
    expect(both).toEqual([
      [2, "W"],
      [7, "G"],
    ]);
    expect(
      toggled(
        both,
        [
          [7, "G"],
          [2, "W"],
        ],
        "AAAAAAAA",
      ),
    ).toEqual([]);
    expect(toggled(both, [[7, "G"]], "AAAAAAAA")).toEqual([[2, "W"]]);
  });

  it("treats the residue's own letter as no substitution", () => {
    expect(substituted([[7, "G"]], 7, "A", "A")).toEqual([]);
  });
});

it("names a residue for a screen reader", () => {
  expect(describeResidue("A25", false, undefined)).toBe("A25");
  expect(describeResidue("A25", true, undefined)).toBe("A25, masked");
  expect(describeResidue("A25", true, "G")).toBe("A25, masked, replaced by G");
});
