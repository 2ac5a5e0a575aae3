/** What colours the residues of the strip and of the structure. */
import { envelope } from "./fake";
import { LETTERS } from "./lm";
import type { Traits, World } from "./part";

/** The traits of both views as they open. */
export function colouring(world: World): Traits {
  const { state } = world.options;
  return {
    colour_by: "perplexity",
    colour_options: [
      ["perplexity", "perplexity"],
      ["p_wild_type", "p(wild type)"],
      ["chemistry", "chemistry"],
    ],
    pending: state === "pending",
    notice: "",
    ...valuesOf(world, "perplexity"),
    ...(state === "empty" ? { values: null, value_range: [] } : {}),
  };
}

/** A number a residue, for the present selection. */
export function valuesOf({ toy, selection }: World, name: string): Traits {
  const { masked, substitutions } = selection.state;
  const length = toy.sequence.length;
  const p = toy.probabilities(masked, substitutions);
  const values = new Float32Array(length);
  for (let i = 0; i < length; i += 1) {
    const row = p.subarray(20 * i, 20 * i + 20);
    values[i] =
      name === "perplexity"
        ? Math.exp(-row.reduce((sum, x) => sum + x * Math.log(x), 0))
        : (row[LETTERS.indexOf(toy.sequence[i] ?? "")] ?? Number.NaN);
  }
  return {
    values: name === "chemistry" ? null : envelope(values, length),
    value_label: name === "perplexity" ? "perplexity" : "p(wild type)",
    value_range: name === "perplexity" ? [1, 20] : [0, 1],
    value_kind: "sequential",
  };
}
