/** Plays Python for embeddings in two dimensions: made up, one cluster a chemistry. */
import { CHEMISTRY } from "../../src/core/colour";
import { envelope, type FakeModel, randomSource } from "../fake";
import type { Part, Traits, World } from "../part";

const FAMILIES = ["family", "shuffled", "mutant", "other"];
const SEQUENCES = 90;

export function embeddingPlot(world: World): Part {
  return {
    traits: () => traitsOf(world),
    saved: (view) => view.receive(traitsOf(world, view)),
  };
}

/** The traits for the projection and the colours that the view wants. */
function traitsOf({ options: { state }, toy }: World, view?: FakeModel): Traits {
  const given = <T>(name: string, fallback: T): T => (view?.get(name) as T | undefined) ?? fallback;
  const sequences = state === "sequences";
  const count = sequences ? SEQUENCES : toy.sequence.length;
  const layer = given("layer", 3);
  const method = given<string>("method", "pca");
  const colourBy = given<string>("colour_by", sequences ? "family" : "chemistry");
  const random = randomSource(7 + layer + (method === "umap" ? 50 : 0));
  const group = (k: number): number =>
    sequences
      ? k % FAMILIES.length
      : CHEMISTRY.findIndex(({ letters }) => letters.includes(toy.sequence[k] ?? ""));
  const [x, y] = [new Float32Array(count), new Float32Array(count)];
  for (let k = 0; k < count; k += 1) {
    // Deeper layers have tighter clusters.
    const [angle, spread] = [1.3 * group(k), 4 - layer];
    x[k] = 4 * Math.cos(angle) + spread * (random() - 0.5);
    y[k] = 3 * Math.sin(angle) + spread * (random() - 0.5);
  }
  const numbers = Float32Array.from({ length: count }, (_, k) => k + 1);
  const classes = sequences ? FAMILIES : ["helix", "strand", "other"];
  const inClasses = Float32Array.from({ length: count }, (_, k) =>
    sequences ? group(k) : Math.floor(k / 7) % 3,
  );
  if (sequences) inClasses[4] = Number.NaN;
  const byClass = colourBy === "family" || colourBy === "secondary_structure";
  const empty = state === "empty" || state === "pending";
  return {
    unit: sequences ? "sequence" : "residue",
    points: empty ? null : { x: envelope(x, count), y: envelope(y, count) },
    names: sequences ? Array.from({ length: count }, (_, k) => `sample ${k + 1}`) : [],
    indices: Array.from({ length: count }, (_, k) => k),
    x_label: method === "pca" ? "PC1 (24.5% of the variance)" : "UMAP 1",
    y_label: method === "pca" ? "PC2 (11.2% of the variance)" : "UMAP 2",
    caption: empty ? "" : `toy, layer ${layer}, ${count} ${sequences ? "sequences" : "residues"}`,
    method,
    methods: [
      ["pca", "PCA"],
      ["umap", "UMAP"],
    ],
    layer,
    layers: sequences ? [3] : [0, 1, 2, 3],
    colour_by: colourBy,
    colour_options: sequences
      ? [
          ["family", "family"],
          ["length", "Length (residues)"],
        ]
      : [
          ["chemistry", "Chemistry"],
          ["secondary_structure", "Secondary structure"],
          ["position", "Position, from 1"],
        ],
    colouring:
      colourBy === "chemistry" || empty
        ? null
        : {
            label: byClass ? (sequences ? "family" : "Secondary structure") : "Position, from 1",
            kind: byClass ? "classes" : "sequential",
            values: envelope(byClass ? inClasses : numbers, count),
            limits: [1, count],
            classes: byClass ? classes : [],
          },
    chosen: given("chosen", -1),
    pending: state === "pending",
    notice:
      state === "pending"
        ? "Computing embeddings: running: 12 of 90 sequences, 8 s left"
        : state === "empty"
          ? "PCA needs at least 2 residues, and 1 is there"
          : "",
  };
}
