import { describe, expect, it } from "vitest";
import {
  type Answer,
  namesOf,
  openLines,
  revealedLines,
  type Scored,
  score,
  summary,
} from "../src/views/residue_quiz/lines";

const LETTERS = "ACDE";

function answerOf(names: [string, Answer["kinds"][number], number[], number][]): Answer {
  const p = new Float32Array(names.flatMap(([, , row]) => row));
  return {
    column: 1,
    label: "C7",
    names: names.map(([name]) => name),
    kinds: names.map(([, kind]) => kind),
    probabilities: { dtype: "float32", shape: [names.length, 4], data: new DataView(p.buffer) },
    bits: names.map(([, , , bits]) => bits),
  };
}

describe("scores", () => {
  it("have a sign", () => {
    expect([1.234, -0.5, 0, -0.001, 0.004].map(score)).toEqual([
      "+1.23",
      "−0.50",
      "+0.00",
      "+0.00",
      "+0.00",
    ]);
  });
});

describe("the board", () => {
  it("has a line for the players together where they are several", () => {
    expect(namesOf(["Class"], ["demo"]).map(([, kind]) => kind)).toEqual(["player", "model"]);
    const kinds = namesOf(["Ada", "Max"], ["demo"]).map(([, kind]) => kind);
    expect(kinds).toEqual(["player", "player", "together", "model"]);
  });

  it("shows votes of players alone while the round is open", () => {
    const votes = [
      [2, 0, 1, 0],
      [0, 0, 0, 0],
    ];
    const lines = openLines(["Ada", "Max"], ["demo"], votes, LETTERS, []);
    expect(lines[0]?.heights).toEqual([1, 0, 0.5, 0]);
    expect(lines[0]?.counts).toEqual(["2", "", "1", ""]);
    expect(lines[0]?.words).toBe("Ada: A 2 votes, D 1 vote");
    expect(lines[1]?.words).toBe("Max: no votes");
    expect(lines[3]?.words).toBe("demo: hidden until the round is revealed");
    expect(lines[3]?.heights.every((height) => height === 0)).toBe(true);
  });

  it("calls one per cent so, also where it is a little less in float32", () => {
    const answer = answerOf([["Class", "player", [0.01, 0.004, 0.5, 0.486], -2.3]]);
    const [line] = revealedLines(["Class"], [], { ...answer, column: 0 }, LETTERS, []);
    expect(line?.counts).toEqual(["1", "", "50", "49"]);
  });

  it("shows what everybody gave once it is revealed, and sums the rounds", () => {
    const answer = answerOf([
      ["Class", "player", [0.5, 0.25, 0.125, 0.125], 2.32],
      ["demo", "model", [0.004, 0.99, 0.004, 0.002], -1.5],
    ]);
    const sheet: Scored[] = [
      ["Class", "player", [1, 2.32]],
      ["demo", "model", [null, -1.5]],
    ];
    const lines = revealedLines(["Class"], ["demo", "gone"], answer, LETTERS, sheet);
    expect(lines.map(({ bits }) => bits)).toEqual(["+2.32", "−1.50", "no answer"]);
    expect(lines.map(({ total }) => total)).toEqual(["+3.32", "−1.50", ""]);
    expect(lines[1]?.heights[1]).toBeCloseTo(1);
    expect(lines[0]?.heights[0]).toBeCloseTo(0.5 / 0.99);
    expect(lines[0]?.counts).toEqual(["50", "25", "13", "13"]);
    expect(lines[1]?.counts).toEqual(["", "99", "", ""]);
    expect(lines[2]?.counts.join("")).toBe("");
    expect(lines[0]?.words).toContain("true residue 0.250, +2.32 bits");
    expect(summary(answer, lines, false)).toBe(
      "It is C7: Class +2.32 bits, demo −1.50 bits, gone gave no answer.",
    );
    expect(summary(answer, lines, true)).toContain("In all: Class +3.32, demo −1.50 bits.");
  });
});
