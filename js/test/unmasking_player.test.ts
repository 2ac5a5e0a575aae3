import { describe, expect, it } from "vitest";
import { envelope } from "../dev/fake";
import { pointsOf } from "../src/views/unmasking_player/curves";
import { type LaneTrait, stepWords, Trace } from "../src/views/unmasking_player/trace";

/** Five residues: 1 and 3 are revealed in step 0 and 1, 4 in step 1. */
function lane(changes: Partial<LaneTrait> = {}): LaneTrait {
  const none = Number.NaN;
  return {
    strategy: "random",
    seed: 3,
    forked_at: null,
    sequence: "ACDEF",
    step_of: envelope(Float32Array.of(-1, 0, -1, 1, 1), 5),
    probability: envelope(Float32Array.of(none, 0.5, none, 0.25, 1), 5),
    entropies: envelope(Float32Array.of(none, 2, none, 3, 4, none, none, none, 1, 2), 2, 5),
    totals: envelope(Float32Array.of(2, -0.7, 1, 1, 7, 0, -2.1, 0.667, 2, 0), 2, 5),
    model: "toy",
    ...changes,
  };
}

describe("a trace", () => {
  it("says what each residue is after a step", () => {
    const trace = new Trace(lane());
    const states = (step: number) => [0, 1, 2, 3, 4].map((i) => trace.state(i, step));
    expect(states(-1)).toEqual(["context", "hidden", "context", "hidden", "hidden"]);
    expect(states(0)).toEqual(["context", "new", "context", "hidden", "hidden"]);
    expect(states(1)).toEqual(["context", "revealed", "context", "new", "new"]);
    // A longer lane beside it goes on: this one stays at its end.
    expect(states(9)).toEqual(states(1));
    expect(trace.masked).toBe(3);
  });

  it("tells the entropy of the last pass that asked, and of a revealed one when it was", () => {
    const trace = new Trace(lane());
    expect(trace.entropy(3, -1)).toBe(3);
    expect(trace.entropy(3, 0)).toBe(1);
    expect(trace.entropy(3, 1)).toBe(1);
    expect(trace.entropy(1, 1)).toBe(2);
  });

  it("puts itself into words", () => {
    const trace = new Trace(lane({ forked_at: 1 }));
    expect(trace.title).toBe("random, seed 3, forked at step 1");
    expect(trace.summary(-1)).toBe("3 hidden, nothing revealed yet.");
    expect(trace.summary(0)).toBe(
      "1 revealed, 2 hidden; 1 pass; log-probability \u22120.7 nats; identity 100 %. " +
        "Entropy left 7.00 bits.",
    );
    expect(trace.summary(5)).toContain("3 revealed, 0 hidden; 2 passes");
    expect(trace.summary(5)).not.toContain("Entropy left");
    expect(trace.describe(1, 1, "C2", "C")).toBe(
      "C2\nrevealed as C, the wild type in step 0\np = 0.500, entropy 2.00 bits",
    );
    expect(trace.describe(3, 0, "K4", "K")).toBe("K4\nhidden, entropy 1.00 bits");
    expect(trace.describe(0, 0, "A1", "A")).toBe("A1\nvisible all along");
    expect([stepWords(-1, 2), stepWords(1, 2)]).toEqual([
      "before the first step",
      "step 1 (0 to 1)",
    ]);
  });

  it("refuses totals of another shape", () => {
    const totals = envelope(Float32Array.of(1, 2), 1, 2);
    expect(() => new Trace(lane({ totals }))).toThrow("5 columns");
  });
});

describe("the curves", () => {
  const trait = (rows: Float32Array, ...shape: number[]) => ({
    lines: [["random", envelope(rows, ...shape)]] as [string, ReturnType<typeof envelope>][],
    label: "score",
    done: 1,
    total: 1,
    running: false,
  });

  it("come in the order of passes, and a single seed has no interval", () => {
    const none = Number.NaN;
    const rows = Float32Array.of(8, -3, -4, -2, 8, 5, 1, -5, none, none, 1, 1);
    const [line = []] = pointsOf(trait(rows, 2, 6));
    expect(line.map((point) => point.passes)).toEqual([1, 8]);
    expect([line[0]?.low, line[0]?.high]).toEqual([-5, -5]);
    expect([line[1]?.low, line[1]?.high]).toEqual([-4, -2]);
    expect(() => pointsOf(trait(Float32Array.of(1, 2), 1, 2))).toThrow("6 columns");
  });
});
