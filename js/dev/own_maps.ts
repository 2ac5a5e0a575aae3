/** Plays Python for a pair map of no scan: a map of somebody's own above the known contacts. */
import { envelope } from "./fake";
import type { ToyModel } from "./lm";

export function ownMaps(toy: ToyModel): Record<string, unknown> {
  const length = toy.sequence.length;
  const scores = toy.pairMap(1, 0.2);
  const known = toy.pairMap(1, 0);
  for (let i = 0; i < length; i += 1) {
    for (let j = 0; j < i; j += 1) scores[i * length + j] = scores[j * length + i] ?? 0;
  }
  for (let at = 0; at < length * length; at += 1) {
    scores[at] = (scores[at] ?? Number.NaN) - 0.2;
    known[at] = Number((known[at] ?? 0) > 0.4);
  }
  const labels = { Jacobian: "Jacobian", "known contacts": "Known contacts" };
  const map = (name: keyof typeof labels, kind: string, values: Float32Array, end: number) => ({
    name,
    model: "",
    label: labels[name],
    unit: "",
    kind,
    values: envelope(values, length, length),
    limits: [kind === "diverging" ? -end : 0, end],
    directed: false,
    scanned: false,
    normalised: false,
    floor: null,
  });
  return {
    upper: "Jacobian",
    lower: "known contacts",
    options: Object.entries(labels),
    normalisation: "none",
    normalisations: [["none", "Not normalised"]],
    upper_model: "",
    lower_model: "",
    models: [],
    upper_map: map("Jacobian", "diverging", scores, 1),
    lower_map: map("known contacts", "binary", known, 1),
    distances: null,
    estimated: null,
    colour_limits: null,
    region: null,
    progress: null,
  };
}
