/** Plays Python for the pair map: a scan above the contacts, or a map of no scan. */
import { envelope, type FakeModel } from "../fake";
import type { ToyModel } from "../lm";
import type { Part, Traits, World } from "../part";
import { scanTrait } from "../scan";

const LABELS = { js_div: "JS divergence (directed)", contacts: "Contacts, CB < 8 Å" };
type Name = keyof typeof LABELS;

/** What the labels of normalised maps end in. */
const NORMALISED: Record<string, string> = {
  none: "",
  apc: ", APC",
  separation_z: ", z-score by separation",
};

/** What is chosen in the view. */
interface Choice {
  upper: Name;
  lower: Name;
  normalisation: string;
  upper_model: string;
  lower_model: string;
}
const CHOSEN = ["upper", "lower", "normalisation", "upper_model", "lower_model"] as const;

export function pairHeatmap(world: World): Part {
  const { options, toy } = world;
  if (options.state === "own") return { traits: () => ownMaps(toy) };
  /** Whether the page was told of a scan: until then a map without one is whole. */
  let told = false;
  const draw = (view: FakeModel): void => {
    const chosen = Object.fromEntries(CHOSEN.map((name) => [name, view.get(name)]));
    view.receive(scanned(world, chosen as unknown as Choice, told));
  };
  return {
    traits() {
      const [model = ""] = options.models;
      const models = { upper_model: model, lower_model: model };
      const first = {
        upper: "js_div",
        lower: "contacts",
        normalisation: "none",
        ...models,
      } as const;
      return { ...scanned(world, first, told), models: options.models, ...models };
    },
    saved(view, changed) {
      if (CHOSEN.some((name) => name in changed)) draw(view);
    },
    heard(view, { type, ...region }) {
      if (type === "prioritise") view.receive({ region });
    },
    scanned(view) {
      told = true;
      draw(view);
    },
  };
}

/** The traits of a scan, as far as it is. */
function scanned({ options, toy }: World, chosen: Choice, told: boolean): Traits {
  const length = toy.sequence.length;
  const { state, status, models } = options;
  const scan = scanTrait(length, status);
  const ready = status === "ready" && !told;
  const suffix = NORMALISED[chosen.normalisation] ?? "";
  // Pairs far apart in the sequence come last.
  const reach = ready ? length : Number(scan.share) * length;
  const apart = (at: number) => Math.abs(Math.floor(at / length) - (at % length));
  const map = (name: Name, model: string): Traits => {
    const own = name === "js_div";
    // The larger the model the stronger the contacts.
    const size = (1 + models.indexOf(model)) / models.length;
    const normalised = own && suffix !== "";
    const values = own ? toy.pairMap(0.2 * size, 0.05) : toy.pairMap(1, 0);
    for (let at = 0; at < values.length; at += 1) {
      const value = values[at] ?? 0;
      if (own && apart(at) > reach) values[at] = Number.NaN;
      else if (normalised) values[at] = 20 * (value - 0.1);
      else if (!own) values[at] = Number(value > 0.5);
    }
    const of = own && models.length > 1 ? `, ${model}` : "";
    return {
      name,
      model: own ? model : "",
      label: LABELS[name] + (normalised ? suffix : "") + of,
      unit: normalised || !own ? "" : "bits",
      kind: normalised ? "diverging" : own ? "sequential" : "binary",
      values: envelope(values, length, length),
      limits: normalised ? [-3, 3] : [0, own ? 0.25 : 1],
      directed: own,
      scanned: own,
      normalised,
      floor: null,
    };
  };
  const estimated = Uint8Array.from({ length: length * length }, (_, at) =>
    Number(apart(at) > 0.2 * length && apart(at) <= reach),
  );
  const { upper, lower, normalisation, upper_model, lower_model } = chosen;
  return {
    upper,
    lower,
    options: Object.entries(LABELS),
    normalisation,
    normalisations: [
      ["none", "Not normalised"],
      ["apc", "APC"],
      ["separation_z", "z-score by separation"],
    ],
    upper_map: state === "empty" ? null : map(upper, upper_model),
    lower_map: state === "empty" ? null : map(lower, lower_model),
    distances: null,
    estimated: state === "estimated" ? envelope(estimated, length, length) : null,
    colour_limits: null,
    region: null,
    progress: ready ? null : { ...scan, text: `${status}: ${scan.done} of ${scan.total} pairs` },
  };
}

/** A map of somebody's own above the known contacts, both of no scan. */
function ownMaps(toy: ToyModel): Traits {
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
