/** Plays Python for measured effects against scores: the substitutions of the made-up experiment. */
import { envelope } from "../fake";
import type { Part, World } from "../part";
import { LABELS, measured, ratios } from "./mutation_heatmap";

export function scatterPlot({ options, toy }: World): Part {
  const [x, y] = [ratios(toy, "masked"), measured(toy)];
  const known = [...y.keys()].filter((at) => Number.isFinite(y[at]));
  const pick = (values: Float32Array) => Float32Array.from(known, (at) => values[at] ?? 0);
  const sites = Float32Array.from(known.flatMap((at) => [Math.floor(at / 20), at % 20]));
  const starts = Float32Array.from({ length: known.length + 1 }, (_, k) => k);
  const empty = options.state === "empty";
  const points = {
    x: envelope(pick(x), known.length),
    y: envelope(pick(y), known.length),
    sites: envelope(sites, known.length, 2),
    starts: envelope(starts, starts.length),
  };
  return {
    traits: () => ({
      points: empty ? null : points,
      x_label: LABELS.masked,
      y_label: LABELS.dms,
      caption: empty ? "" : `Spearman 0.912 [0.899, 0.923], n = ${known.length}`,
    }),
  };
}
