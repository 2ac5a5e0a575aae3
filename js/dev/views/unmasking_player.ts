/** Plays Python for unmasking: made-up traces, and what they score by strategy. */
import { envelope, randomSource } from "../fake";
import { LETTERS, type ToyModel } from "../lm";
import type { Part, Traits, World } from "../part";

/** A trace in eight steps; after a fork the rest is drawn anew. */
function laneTrait(toy: ToyModel, strategy: string, seed: number, forkedAt: number | null): Traits {
  const length = toy.sequence.length;
  const steps = 8;
  const kept = forkedAt ?? 0;
  const random = randomSource(1);
  const other = randomSource(seed + 7);
  const stepOf = new Float32Array(length).fill(-1);
  const probability = new Float32Array(length).fill(Number.NaN);
  const entropies = new Float32Array(steps * length).fill(Number.NaN);
  const totals = new Float32Array(steps * 5);
  const letters = [...toy.sequence];
  const hidden = Array.from({ length }, (_, i) => i).filter((i) => i % 2 === 0 || i % 5 === 1);
  for (const i of hidden) {
    const first = Math.floor(random() * steps);
    const draw = random();
    const again = [other(), other()] as const;
    const anew = first >= kept && kept > 0;
    const step = anew ? kept + Math.floor(again[0] * (steps - kept)) : first;
    const luck = anew ? again[1] : draw;
    stepOf[i] = step;
    probability[i] = 0.1 + 0.9 * luck;
    if (luck < 0.6) letters[i] = LETTERS[Math.floor(luck * 30)] ?? "A";
    for (let t = 0; t <= step; t += 1) entropies[t * length + i] = 3.8 - 0.2 * t * draw;
  }
  for (let t = 0; t < steps; t += 1) {
    const done = hidden.filter((i) => (stepOf[i] ?? 0) <= t);
    const logP = done.reduce((sum, i) => sum + Math.log(probability[i] ?? 1), 0);
    const same = done.filter((i) => letters[i] === toy.sequence[i]).length;
    const left = hidden.length - done.length;
    const identity = done.length > 0 ? same / done.length : 0;
    totals.set([left, logP, identity, t + 1, 3.2 * left], 5 * t);
  }
  return {
    strategy,
    seed,
    forked_at: forkedAt,
    sequence: letters.join(""),
    step_of: envelope(stepOf, length),
    probability: envelope(probability, length),
    entropies: envelope(entropies, steps, length),
    totals: envelope(totals, steps, 5),
    model: "toy",
  };
}

export function unmaskingPlayer({ options: { state }, toy }: World): Part {
  return {
    traits: () => traitsOf(toy, state),
    heard(view, { type, strategy, seed, step }) {
      if (type !== "fork") return;
      const [first] = view.get("lanes") as Traits[];
      const fork = laneTrait(toy, String(strategy), Number(seed), Number(step));
      view.receive({ lanes: [first, fork] });
    },
  };
}

function traitsOf(toy: ToyModel, state: string): Traits {
  const line = (by: number): Float32Array => {
    const rows = new Float32Array(6 * 5);
    for (let k = 0; k < 5; k += 1) {
      const score = -121 + by * (1 - 1 / (k + 1));
      rows.set([2 ** k, score, score - 0.6, score + 0.6, 2 ** k, 200], 6 * k);
    }
    return rows;
  };
  const strategies = ["random", "entropy", "pair-guided"];
  return {
    strategies: [
      "one-shot",
      "random",
      "entropy",
      "max-probability",
      "left-to-right",
      "pair-guided",
    ],
    step: state === "pending" ? -1 : 3,
    lanes: [laneTrait(toy, "entropy", 0, null)],
    busy: state === "pending",
    notice: "",
    curves:
      state === "empty"
        ? null
        : {
            lines: strategies.map((name, k) => [name, envelope(line(3 + k), 5, 6)]),
            label: "score of the judge",
            done: 400,
            total: 1000,
            running: state === "pending",
          },
  };
}
