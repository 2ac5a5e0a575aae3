/** The mutation views' traits, as Python would give them, of the toy model and a made-up experiment. */
import { envelope, randomSource } from "./fake";
import { CHEMISTRY_ORDER, LETTERS, type ToyModel } from "./lm";

const LABELS: Record<string, string> = {
  masked: "LLR, masked (nats)",
  "wild-type": "LLR, wild-type (nats)",
  mutant: "LLR, mutant (nats)",
  dms: "measured, made up",
};

/** (L, 20) log-likelihood ratios. */
function ratios(toy: ToyModel, context: string): Float32Array {
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
function measured(toy: ToyModel): Float32Array {
  const random = randomSource(11);
  return ratios(toy, "masked").map((value) =>
    value !== 0 && random() < 0.6 ? value + 1.5 * (random() - 0.5) : Number.NaN,
  );
}

export class FakeMutations {
  #toy: ToyModel;
  #computed: Set<string>;

  constructor(toy: ToyModel, state: string) {
    this.#toy = toy;
    this.#computed = new Set(state === "empty" ? [] : ["masked", "wild-type"]);
  }

  compute(name: string): void {
    this.#computed.add(name);
  }

  heatmap(show: string, below: string): Record<string, unknown> {
    return {
      show,
      below,
      maps: [show, below].filter((name) => name !== "").map((name) => this.#map(name)),
      options: Object.entries(LABELS),
      order: "chemistry",
      limit: null,
      letters: LETTERS,
      chemistry_order: CHEMISTRY_ORDER,
    };
  }

  scatter(): Record<string, unknown> {
    const [x, y] = [ratios(this.#toy, "masked"), measured(this.#toy)];
    const known = [...y.keys()].filter((at) => Number.isFinite(y[at]));
    const pick = (values: Float32Array) => Float32Array.from(known, (at) => values[at] ?? 0);
    const sites = Float32Array.from(known.flatMap((at) => [Math.floor(at / 20), at % 20]));
    const starts = Float32Array.from({ length: known.length + 1 }, (_, k) => k);
    return {
      points: {
        x: envelope(pick(x), known.length),
        y: envelope(pick(y), known.length),
        sites: envelope(sites, known.length, 2),
        starts: envelope(starts, starts.length),
      },
      x_label: LABELS.masked,
      y_label: LABELS.dms,
      caption: `Spearman 0.912 [0.899, 0.923], n = ${known.length}`,
    };
  }

  #map(name: string): Record<string, unknown> {
    const length = this.#toy.sequence.length;
    const there = name === "dms" || this.#computed.has(name);
    const values = name === "dms" ? measured(this.#toy) : ratios(this.#toy, name);
    return {
      name,
      label: LABELS[name],
      kind: "diverging",
      limits: name === "dms" ? [-5, 5] : [-6, 6],
      values: envelope(there ? values : values.fill(Number.NaN), length, 20),
      scored: name !== "dms",
      unit: name === "dms" ? "measured" : "nats",
      progress: there
        ? null
        : { status: "ready", done: 0, total: length, text: `0 of ${length} residues` },
    };
  }
}
