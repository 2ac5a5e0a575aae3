/** Plays Python for maps of substitutions: scores of the toy model, and a made-up experiment. */
import { envelope, type FakeModel, randomSource } from "../fake";
import { CHEMISTRY_ORDER, LETTERS, type ToyModel } from "../lm";
import type { Part, Traits, World } from "../part";

export const LABELS = {
  masked: "LLR, masked (nats)",
  "wild-type": "LLR, wild-type (nats)",
  mutant: "LLR, mutant (nats)",
  dms: "measured, made up",
};
type Name = keyof typeof LABELS;

/** (L, 20) log-likelihood ratios. */
export function ratios(toy: ToyModel, context: string): Float32Array {
  const length = toy.sequence.length;
  const values = new Float32Array(20 * length);
  for (let i = 0; i < length; i += 1) {
    const p = toy.probabilities(context === "masked" ? [i] : [], []);
    const own = p[20 * i + LETTERS.indexOf(toy.sequence[i] ?? "")] ?? 1;
    for (let a = 0; a < 20; a += 1) {
      values[20 * i + a] = Math.log((p[20 * i + a] ?? 0) / own);
    }
  }
  return values;
}

/** Three of five substitutions measured: the masked scores and noise. */
export function measured(toy: ToyModel): Float32Array {
  const random = randomSource(11);
  return ratios(toy, "masked").map((value) =>
    value !== 0 && random() < 0.6 ? value + 1.5 * (random() - 0.5) : Number.NaN,
  );
}

export function mutationHeatmap({ options, toy }: World): Part {
  const length = toy.sequence.length;
  const computed = new Set<Name>(
    options.state === "empty" ? ["dms"] : ["dms", "masked", "wild-type"],
  );
  const map = (name: Name): Traits => {
    const own = name === "dms";
    const there = computed.has(name);
    const values = own ? measured(toy) : ratios(toy, name);
    return {
      name,
      label: LABELS[name],
      kind: "diverging",
      limits: own ? [-5, 5] : [-6, 6],
      values: envelope(there ? values : values.fill(Number.NaN), length, 20),
      scored: !own,
      unit: own ? "measured" : "nats",
      progress: there
        ? null
        : { status: "ready", done: 0, total: length, text: `0 of ${length} residues` },
    };
  };
  const show = (view: FakeModel): void => {
    const names = [view.get("show"), view.get("below")].filter((name) => name !== "");
    view.receive({ maps: names.map((name) => map(name as Name)) });
  };
  return {
    traits: () => ({
      show: "masked",
      below: "dms",
      maps: [map("masked"), map("dms")],
      options: Object.entries(LABELS),
      order: "chemistry",
      limit: null,
      letters: LETTERS,
      chemistry_order: CHEMISTRY_ORDER,
    }),
    saved(view, changed) {
      if ("show" in changed || "below" in changed) show(view);
    },
    heard(view, { type, name }) {
      if (type !== "start") return;
      computed.add(name as Name);
      show(view);
    },
  };
}
