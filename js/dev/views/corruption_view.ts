/** Plays Python for a training example; the losses are those of the made-up model. */
import { envelope, type FakeModel, randomSource } from "../fake";
import { LETTERS } from "../lm";
import type { Part, Traits, World } from "../part";

const BINS = 40;

export function corruptionView(world: World): Part {
  const draw = (view: FakeModel) => view.receive(traitsOf(world, view));
  return {
    traits: () => traitsOf(world),
    saved: draw,
    heard(view, { type }) {
      if (type === "redraw") {
        view.receive({ seed: Number(view.get("seed")) + 1 });
        draw(view);
      } else if (type === "apply") view.receive({ in_step: true });
      else averaged(view, type === "stop" ? 64 : 32, type === "average");
    },
  };
}

/** The traits of a draw as the view wants it. */
function traitsOf({ options: { state }, toy }: World, view?: FakeModel): Traits {
  const given = <T>(name: string, fallback: T): T => (view?.get(name) as T | undefined) ?? fallback;
  const rate = given("rate", 0.15);
  const split = given("split", [0.8, 0.1, 0.1]);
  const span = given("span", 1);
  const seed = given("seed", 7);
  const distribution = given("rate_distribution", "fixed");
  const random = randomSource(seed);
  const drawn = distribution === "fixed" ? rate : 0.7 * random() * random() + 0.02;
  const { sequence } = toy;
  const fates = new Uint8Array(sequence.length);
  const shown = [...sequence];
  for (let i = 0; i < fates.length; i += span) {
    if (random() >= drawn) continue;
    for (let j = i; j < Math.min(fates.length, i + span); j += 1) {
      const u = random();
      const [masked = 0, replaced = 0] = split;
      fates[j] = u < masked ? 1 : u < masked + replaced ? 2 : 3;
      if (fates[j] === 1) shown[j] = "_";
      if (fates[j] === 2) shown[j] = LETTERS[Math.floor(20 * random())] ?? "A";
    }
  }
  const counts = [0, 1, 2, 3].map((code) => fates.filter((fate) => fate === code).length);
  const pending = state === "pending" || state === "error" || state === "empty";
  const masked = [...fates.keys()].filter((i) => fates[i] === 1);
  const chances = new Float32Array(fates.length).fill(Number.NaN);
  const p = toy.probabilities(masked, []);
  for (const [i, fate] of fates.entries()) {
    const at = p[20 * i + LETTERS.indexOf(sequence[i] ?? "A")] ?? 0.05;
    if (fate > 0) chances[i] = fate === 3 ? 0.7 : fate === 2 ? at / 3 : at;
  }
  const row = (codes: readonly number[]): (number | null)[] => {
    const values = [...chances].filter((_, i) => codes.includes(fates[i] ?? 0));
    if (values.length === 0) return [0, null, null];
    const sum = values.reduce((total, value) => total - Math.log(value), 0);
    const right = values.filter((value) => value > 0.3).length;
    return [values.length, sum / values.length, right / values.length];
  };
  const draw = pending ? null : [row([1]), row([2]), row([3]), row([1, 2, 3])];
  const shares = new Float32Array(BINS);
  for (let k = 0; k < BINS; k += 1) {
    const r = (k + 0.5) / BINS;
    shares[k] = distribution === "fixed" ? Number(Math.abs(r - rate) < 0.5 / BINS) : (1 - r) ** 3;
  }
  const distributions = [
    ["fixed", "fixed: BERT, ESM-2"],
    ["esm3", "ESM3: Beta(3, 9) or uniform"],
    ["cosine", "cosine: cos(πu/2)"],
  ];
  return {
    rate,
    split,
    span,
    seed,
    rate_distribution: distribution,
    options: distributions,
    fates: envelope(fates, fates.length),
    shown: shown.join(""),
    facts: { rate: drawn, counts, model: "toy" },
    histogram: { shares: envelope(shares, BINS), mean: distribution === "fixed" ? rate : 0.3 },
    true_p: pending ? null : envelope(chances, fates.length),
    losses: { draw, average: null, done: 0, total: 0, running: false, problem: "" },
    pending: state === "pending",
    problem: state === "empty" ? "The model could not predict this: too much is hidden." : "",
    in_step: true,
  };
}

/** Many draws, some of which are computed. */
function averaged(view: FakeModel, done: number, running: boolean): void {
  const losses = view.get("losses") as Record<string, unknown>;
  const n = (share: number) => Math.round(share * 9.6 * done);
  const average = [
    [n(0.8), 2.5, 0.2],
    [n(0.1), 2.99, 0.07],
    [n(0.1), 0.5, 0.98],
    [n(1), 2.36, 0.26],
  ];
  view.receive({ losses: { ...losses, average, done, total: 200, running } });
}
