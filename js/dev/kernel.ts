/** Plays the kernel: one selection behind all views, answers after a short delay. */
import type { ProteinInfo } from "../src/core/model";
import type { SelectionState } from "../src/core/selection";
import { attentionTraits } from "./attention";
import { averaged, corruptionTraits } from "./corruption";
import { embeddingTraits } from "./embeddings";
import { envelope, FakeModel } from "./fake";
import { CHEMISTRY_ORDER, LETTERS, ToyModel } from "./lm";
import { FakeMutations } from "./mutations";
import { ownMaps } from "./own_maps";
import { choosePairs, pairTable } from "./pair_table";
import { playQuiz, quizTraits } from "./quiz";
import { recoveryTraits } from "./recovery";
import { scanAt, scanTrait } from "./scan";
import { trainingTraits } from "./training";
import { blockTrait, choiceOf, jointTables, shownOf } from "./two_models";
import { laneTrait, unmaskingTraits } from "./unmasking";

export interface Options {
  length: number;
  masks: number;
  /** live | pending | empty | estimated | own | sequences | error */
  state: string;
  /** Status of the scan panel. */
  status: string;
  /** Whose scans the map shows, by size. */
  models: string[];
  presenter: boolean;
  /** Name of a model that the attention and the tables of a pair compare with a base; may be none. */
  two: string;
  /** Put behind all words that the views are given. */
  text: string;
  /** Milliseconds between a gesture and its answer; below 0 there is none, as of a kernel that is gone. */
  delay: number;
}

interface Message {
  type: string;
  text?: string;
  percent?: number;
  name?: string;
  step?: number;
  strategy?: string;
  seed?: number;
}

/** What the labels of normalised maps end in. */
const NORMALISED: Record<string, string> = {
  apc: ", APC",
  separation_z: ", z-score by separation",
};

export class FakeKernel {
  readonly models = new Map<string, FakeModel>();
  readonly toy: ToyModel;
  #options: Options;
  #mutations: FakeMutations;
  #state: SelectionState;
  /** Whether the page was told of a scan: until then a map without one is whole. */
  #told = false;
  #undone: SelectionState[] = [];
  #done: SelectionState[] = [];

  constructor(options: Options) {
    this.#options = options;
    this.toy = new ToyModel(options.length);
    this.#mutations = new FakeMutations(this.toy, options.state);
    const step = Math.max(1, Math.floor(options.length / (options.masks + 1)));
    const masked = Array.from({ length: options.masks }, (_, k) => (k + 1) * step);
    this.#state = {
      masked,
      substitutions: options.masks > 0 ? [[5, "W"]] : [],
      focus: masked[0] ?? null,
      pair: null,
      clock: 1,
      can_undo: false,
      can_redo: false,
    };
  }

  /** Bring the scan to a share of its pairs, as Python tells of it. */
  scanAt(status: string, share: number): void {
    this.#options.status = status;
    scanAt(status, share);
    this.#told = true;
    this.models.get("scan_panel")?.receive({ scan: scanTrait(this.toy.sequence.length, status) });
    const map = this.models.get("pair_heatmap");
    const of = (name: string) => String(map?.get(name));
    map?.receive(
      this.#heatmap(
        of("upper"),
        of("lower"),
        of("normalisation"),
        of("upper_model"),
        of("lower_model"),
      ),
    );
    const count = Math.floor(share * 50);
    const pairs = Array.from({ length: count }, (_, k) => [k, k + 8, k % 3 !== 0]);
    this.models.get("structure_view")?.receive({ pairs });
  }

  /** A model for one view, with the traits that Python would give it. */
  model(name: string): FakeModel {
    const model = new FakeModel({ ...this.#common(), ...this.#traits(name) }, this.#options.text);
    const answer = () => model.receive({ answered: Number(model.get("answered")) + 1 });
    model.onSave = (changed) =>
      this.#later(() => {
        this.#saved(model, changed);
        if (Object.keys(changed).join() !== "hover") answer();
      });
    model.onSend = (message) =>
      this.#later(() => {
        this.#message(message as { type: string });
        answer();
      });
    this.models.set(name, model);
    return model;
  }

  #later(work: () => void): void {
    if (this.#options.delay >= 0) setTimeout(work, this.#options.delay);
  }

  #common(): Record<string, unknown> {
    const { sequence, labels } = this.toy;
    const protein: ProteinInfo = { name: "toy", sequence, labels };
    const { presenter } = this.#options;
    const error =
      this.#options.state === "error"
        ? "The model ran out of memory: use a shorter protein or a smaller model."
        : "";
    return {
      protein,
      selection_id: "dev",
      selection_state: this.#state,
      hover: [],
      answered: 0,
      error,
      presenter,
    };
  }

  #traits(name: string): Record<string, unknown> {
    const pending = this.#options.state === "pending";
    const empty = this.#options.state === "empty";
    const options = [
      ["perplexity", "perplexity"],
      ["p_wild_type", "p(wild type)"],
      ["chemistry", "chemistry"],
    ];
    if (name === "sequence_strip" || name === "structure_view") {
      return {
        colour_by: "perplexity",
        colour_options: options,
        pending,
        notice: "",
        ...this.#values("perplexity"),
        ...(empty ? { values: null, value_range: [] } : {}),
        structure: null,
        pairs: [],
        top_k: 10,
        top_k_max: 50,
      };
    }
    if (name === "distributions") {
      return {
        prediction: empty ? null : this.#prediction(),
        letters: LETTERS,
        chemistry_order: CHEMISTRY_ORDER,
        order: "alphabet",
        profile: "heat",
        pending,
      };
    }
    if (name === "joint_table") {
      return {
        ...choiceOf(this.#options.two),
        table: null,
        reference_table: null,
        pending,
        automatic: true,
        show: "log_ratio",
        chain_order: "mean",
        letters: LETTERS,
        chemistry_order: CHEMISTRY_ORDER,
      };
    }
    if (name === "pair_table") return pairTable(this.toy, empty);
    if (name === "pair_heatmap" && this.#options.state === "own") return ownMaps(this.toy);
    if (name === "jacobian_table") {
      return {
        ...choiceOf(this.#options.two),
        table: null,
        notice: pending ? "Not there yet: the two residues have still to be substituted." : "",
        letters: LETTERS,
        chemistry_order: CHEMISTRY_ORDER,
      };
    }
    if (name === "pair_heatmap") {
      const models = this.#options.models;
      const [model = ""] = models;
      const chosen = { upper_model: model, lower_model: model };
      return { ...this.#heatmap("js_div", "contacts", "none", model, model), models, ...chosen };
    }
    if (name === "mutation_heatmap") return this.#mutations.heatmap("masked", "dms");
    if (name === "scatter_plot") {
      return { ...this.#mutations.scatter(), ...(empty ? { points: null, caption: "" } : {}) };
    }
    if (name === "corruption_view") return corruptionTraits(this.toy, this.#options.state);
    if (name === "residue_quiz") {
      return quizTraits(this.toy, this.#options.state, this.#options.models);
    }
    if (name === "embedding_plot") return embeddingTraits(this.toy, this.#options.state);
    if (name === "recovery_view") return recoveryTraits(this.#options.length, this.#options.state);
    if (name === "unmasking_player") return unmaskingTraits(this.toy, this.#options.state);
    if (name === "training_curve") {
      return trainingTraits(this.#options.state, this.#options.status);
    }
    if (name === "scan_panel")
      return { scan: scanTrait(this.toy.sequence.length, this.#options.status) };
    if (name === "attention_grid") {
      return { ...choiceOf(this.#options.two), ...attentionTraits(this.toy, this.#options.state) };
    }
    return {};
  }

  #heatmap(
    upper: string,
    lower: string,
    normalisation: string,
    upperModel: string,
    lowerModel: string,
  ): Record<string, unknown> {
    const length = this.toy.sequence.length;
    const { state, status } = this.#options;
    const scan = scanTrait(this.toy.sequence.length, status);
    const ready = status === "ready" && !this.#told;
    const suffix = NORMALISED[normalisation] ?? "";
    const labels = { js_div: "JS divergence (directed)", contacts: "Contacts, CB < 8 Å" };
    // Pairs far apart in the sequence come last.
    const reach = ready ? length : Number(scan.share) * length;
    const apart = (at: number) => Math.abs(Math.floor(at / length) - (at % length));
    const map = (name: string, model: string) => {
      const scanned = name === "js_div";
      // The larger the model the stronger the contacts.
      const size = (1 + this.#options.models.indexOf(model)) / this.#options.models.length;
      const normalised = scanned && suffix !== "";
      const values = scanned ? this.toy.pairMap(0.2 * size, 0.05) : this.toy.pairMap(1, 0);
      for (let at = 0; at < values.length; at += 1) {
        const value = values[at] ?? 0;
        if (scanned && apart(at) > reach) values[at] = Number.NaN;
        else if (normalised) values[at] = 20 * (value - 0.1);
        else if (!scanned) values[at] = Number(value > 0.5);
      }
      return {
        name,
        model: scanned ? model : "",
        label:
          labels[name as keyof typeof labels] +
          (normalised ? suffix : "") +
          (scanned && this.#options.models.length > 1 ? `, ${model}` : ""),
        unit: normalised || !scanned ? "" : "bits",
        kind: normalised ? "diverging" : scanned ? "sequential" : "binary",
        values: envelope(values, length, length),
        limits: normalised ? [-3, 3] : [0, scanned ? 0.25 : 1],
        directed: scanned,
        scanned,
        normalised,
        floor: null,
      };
    };
    const estimated = Uint8Array.from({ length: length * length }, (_, at) =>
      Number(apart(at) > 0.2 * length && apart(at) <= reach),
    );
    return {
      upper,
      lower,
      options: Object.entries(labels),
      normalisation,
      normalisations: [
        ["none", "Not normalised"],
        ["apc", "APC"],
        ["separation_z", "z-score by separation"],
      ],
      upper_map: state === "empty" ? null : map(upper, upperModel),
      lower_map: state === "empty" ? null : map(lower, lowerModel),
      distances: null,
      estimated:
        state === "estimated" ? { dtype: "uint8", shape: [length, length], data: estimated } : null,
      colour_limits: null,
      region: null,
      progress: ready ? null : { ...scan, text: `${status}: ${scan.done} of ${scan.total} pairs` },
    };
  }

  #prediction(): Record<string, unknown> {
    const { masked, substitutions } = this.#state;
    const values = this.toy.probabilities(masked, substitutions);
    return {
      probabilities: envelope(values, this.toy.sequence.length, 20),
      masked: [...masked],
      substitutions: [...substitutions],
    };
  }

  #values(name: string): Record<string, unknown> {
    const length = this.toy.sequence.length;
    const p = this.toy.probabilities(this.#state.masked, this.#state.substitutions);
    const values = new Float32Array(length);
    for (let i = 0; i < length; i += 1) {
      const row = p.subarray(20 * i, 20 * i + 20);
      values[i] =
        name === "perplexity"
          ? Math.exp(-row.reduce((sum, x) => sum + x * Math.log(x), 0))
          : (row[LETTERS.indexOf(this.toy.sequence[i] ?? "")] ?? Number.NaN);
    }
    return {
      values: name === "chemistry" ? null : envelope(values, length),
      value_label: name === "perplexity" ? "perplexity" : "p(wild type)",
      value_range: name === "perplexity" ? [1, 20] : [0, 1],
      value_kind: "sequential",
    };
  }

  #saved(from: FakeModel, changed: Record<string, unknown>): void {
    if (changed.selection_state) {
      const state = changed.selection_state as SelectionState;
      const context = ({ masked, substitutions }: SelectionState) =>
        JSON.stringify([masked, substitutions]);
      if (context(state) !== context(this.#state)) {
        this.#done.push(this.#state);
        this.#undone = [];
      }
      this.#select(state);
    }
    if (changed.hover) {
      for (const model of this.models.values()) {
        if (model !== from) model.receive({ hover: changed.hover });
      }
    }
    if (changed.shown) this.#choose(String(changed.shown));
    if (["segments", "strategy", "using", "flank"].some((trait) => trait in changed)) {
      from.receive(recoveryTraits(this.#options.length, this.#options.state, from));
    }
    if (["rate", "split", "span", "rate_distribution", "seed"].some((trait) => trait in changed)) {
      from.receive(corruptionTraits(this.toy, this.#options.state, from));
    }
    if (from === this.models.get("embedding_plot") && !changed.selection_state && !changed.hover) {
      from.receive(embeddingTraits(this.toy, this.#options.state, from));
      return;
    }
    if (from === this.models.get("pair_table") && !changed.selection_state && !changed.hover) {
      choosePairs(from, this.toy);
    }
    if (changed.colour_by) from.receive(this.#values(String(changed.colour_by)));
    if ("show" in changed || "below" in changed) this.#showMutations();
    const chosen = ["normalisation", "upper", "lower", "upper_model", "lower_model"];
    if (this.#options.state !== "own" && chosen.some((name) => name in changed)) {
      const of = (name: string) => String(from.get(name));
      from.receive(
        this.#heatmap(
          of("upper"),
          of("lower"),
          of("normalisation"),
          of("upper_model"),
          of("lower_model"),
        ),
      );
    }
  }

  #select(given: SelectionState): void {
    const state = {
      ...given,
      can_undo: this.#done.length > 0,
      can_redo: this.#undone.length > 0,
    };
    this.#state = state;
    for (const model of this.models.values()) model.receive({ selection_state: state });
    if (this.#options.state !== "live") return;
    const joint = this.models.get("joint_table");
    if (joint?.get("automatic")) this.#joint();
    this.#block();
    const strip = this.models.get("sequence_strip");
    strip?.receive(this.#values(String(strip.get("colour_by"))));
    this.models.get("distributions")?.receive({ prediction: this.#prediction(), pending: false });
  }

  #showMutations(): void {
    const view = this.models.get("mutation_heatmap");
    if (!view?.get("maps")) return; // another view has a trait of this name
    const { maps } = this.#mutations.heatmap(String(view.get("show")), String(view.get("below")));
    view.receive({ maps });
  }

  #joint(): void {
    const tables = jointTables(this.toy, this.#state.pair, this.#options.two !== "");
    this.models.get("joint_table")?.receive({ ...tables, pending: false });
  }

  #block(): void {
    const view = this.models.get("jacobian_table");
    const shown = shownOf(this.#options.two, view?.get("shown"));
    view?.receive(blockTrait(this.toy, this.#state.pair, shown));
  }

  /** Show the reference, the model or the difference in all views. */
  #choose(shown: string): void {
    for (const model of this.models.values()) {
      if (model.get("models")) model.receive({ shown });
    }
    this.#block();
    const { pictures, precision, limit } = attentionTraits(
      this.toy,
      this.#options.state,
      shownOf(this.#options.two, shown),
    );
    this.models.get("attention_grid")?.receive({ pictures, precision, limit });
  }

  #message(message: Message): void {
    if (["hello", "nudge"].includes(message.type)) return;
    if (message.type === "start" && message.name) {
      this.#mutations.compute(message.name);
      this.#showMutations();
      return;
    }
    const quiz = this.models.get("residue_quiz");
    if (quiz && playQuiz(quiz, this.toy, message)) return;
    if (this.#corrupting(message.type)) return;
    if (message.type === "prioritise") {
      const { type: _, ...region } = message;
      this.models.get("pair_heatmap")?.receive({ region });
      return;
    }
    if (message.type === "compute") {
      this.#joint();
      return;
    }
    if (message.type === "fork") {
      const { step = 0, strategy = "", seed = 0 } = message;
      const player = this.models.get("unmasking_player");
      const [lane] = (player?.get("lanes") ?? []) as unknown[];
      player?.receive({ lanes: [lane, laneTrait(this.toy, strategy, seed, step)] });
      return;
    }
    const clock = this.#state.clock + 1;
    const length = this.toy.sequence.length;
    const mask = (masked: number[]) => {
      this.#done.push(this.#state);
      this.#select({ ...this.#state, masked, pair: null, clock });
    };
    if (message.type === "undo" || message.type === "redo") {
      const [from, to] =
        message.type === "undo" ? [this.#done, this.#undone] : [this.#undone, this.#done];
      const state = from.pop();
      if (!state) return;
      to.push(this.#state);
      this.#select({ ...state, clock });
    } else if (message.type === "mask_random") {
      const count = Math.round((length * Number(message.percent)) / 100);
      const shuffled = Array.from({ length }, (_, i) => i).sort(() => Math.random() - 0.5);
      mask(shuffled.slice(0, count).sort((a, b) => a - b));
    } else if (message.type === "mask_text") {
      const numbers = [...(message.text ?? "").matchAll(/(\d+)(?:-(\d+))?/g)];
      const strip = this.models.get("sequence_strip");
      if (numbers.length === 0) {
        strip?.receive({ notice: `"${message.text}" names no residue: try 3-10, 25, A40` });
        return;
      }
      strip?.receive({ notice: "" });
      mask(
        numbers.flatMap(([, from, to]) => {
          const first = Number(from) - 1;
          return Array.from({ length: Number(to ?? from) - first }, (_, k) => first + k);
        }),
      );
    } else this.#scanning(message.type);
  }

  #corrupting(type: string): boolean {
    const view = this.models.get("corruption_view");
    if (!view || !["redraw", "average", "stop", "apply"].includes(type)) return false;
    if (type === "redraw") {
      view.receive({ seed: Number(view.get("seed")) + 1 });
      view.receive(corruptionTraits(this.toy, this.#options.state, view));
    } else if (type === "apply") view.receive({ in_step: true });
    else averaged(view, type === "stop" ? 64 : 32, type === "average");
    return true;
  }

  #scanning(type: string): void {
    const status = { start: "running", resume: "running", pause: "paused", cancel: "cancelled" };
    const wanted = status[type as keyof typeof status];
    this.models.get("scan_panel")?.receive({ scan: scanTrait(this.toy.sequence.length, wanted) });
    this.models.get("training_curve")?.receive(trainingTraits(this.#options.state, wanted));
  }
}
