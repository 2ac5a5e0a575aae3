/** What the fake kernel tells of a second model: its tables of a pair, and the differences. */
import { envelope } from "./fake";
import type { ToyModel } from "./lm";

type Traits = Record<string, unknown>;
type Pair = readonly [number, number] | null;
export type Shown = "reference" | "model" | "difference";

/** The choice that views of two models offer; nothing where no second one has a name. */
export function choiceOf(name: string): Traits {
  return name === "" ? {} : { models: ["base", name, `${name} \u2212 base`], shown: name };
}

/** What a choice means. */
export function shownOf(name: string, shown: unknown): Shown {
  if (name === "" || shown === name) return "model";
  return shown === "base" ? "reference" : "difference";
}

/** The tables of a pair; of the reference the two residues are coupled half as much. */
export function jointTables(toy: ToyModel, pair: Pair, two: boolean): Traits {
  if (!pair) return { table: null, reference_table: null };
  const model = toy.joint(...pair);
  const reference = model.map((p, at) => {
    const table = model.subarray(400 * Math.floor(at / 400), 400 * (1 + Math.floor(at / 400)));
    const [a, b] = [Math.floor((at % 400) / 20), at % 20];
    const margin = (of: (k: number) => boolean) =>
      table.reduce((sum, q, k) => sum + (of(k) ? q : 0), 0);
    const rows = margin((k) => Math.floor(k / 20) === a);
    return 0.5 * p + 0.5 * rows * margin((k) => k % 20 === (b + 1) % 20);
  });
  // The figures are made up: Python's are tested in Python.
  const content = (values: Float32Array, mutual_information: number[], disagreement: number) => ({
    pair,
    probabilities: envelope(values, 3, 20, 20),
    mutual_information,
    disagreement,
  });
  return {
    table: content(model, [0.31, 0.3, 0.32], 0.04),
    reference_table: two ? content(reference, [0.19, 0.2, 0.18], 0.05) : null,
  };
}

/** The block of a pair; that of the reference is half as strong, and turned. */
export function blockTrait(toy: ToyModel, pair: Pair, shown: Shown): Traits {
  if (!pair) return { table: null };
  const model = toy.block(...pair);
  const reference = model.map((_, at) => 0.5 * (model[(at + 21) % 400] ?? 0));
  const values = {
    model,
    reference,
    difference: model.map((value, at) => value - (reference[at] ?? 0)),
  }[shown];
  const difference = shown === "difference";
  const limit = Math.max(...(difference ? values : model).map(Math.abs));
  const [score, rank] = { model: [1.25, 3], reference: [0.5, 41], difference: [0.75, 2] }[shown];
  const content = { pair, values: envelope(values, 20, 20), limit, difference };
  return { table: { ...content, score, rank, pairs: 2016 } };
}

/** Bytes of pictures of attention as those of another model, or of a difference: 128 is none. */
export function otherPictures(
  bytes: Uint8Array,
  heads: number,
  side: number,
  shown: Shown,
): Uint8Array {
  if (shown === "model") return bytes;
  return bytes.map((byte, at) => {
    const same = (Math.floor(at / side ** 2) % heads) % 2 === 0;
    if (shown === "reference") return same ? byte : 255 - byte;
    return same ? 128 : 128 + Math.round((byte - 128) * 0.9);
  });
}
