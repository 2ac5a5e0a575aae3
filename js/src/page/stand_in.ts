/** Stands in for Python: answers the views from what is recorded in the page. */

import type { ProteinInfo } from "../core/model";
import type { SelectionState } from "../core/selection";
import { entropy, perplexity } from "../views/distributions/stats";
import { UndoHistory } from "./history";
import { parsePositions } from "./numbering";
import { envelopeOf, isPacked, type Packed, type Unpacked, unpack } from "./packing";
import { PlainModel } from "./plain_model";
import { type Answer, Answers, type Context, type ExplorerRecord } from "./record";

const UNKNOWN =
  "Not recorded for these masks: open the notebook to compute them. The top of the page says what is recorded.";
const PARTIAL = "Recorded for the masked residues alone, by the pair scan.";

type Message = {
  type: string;
  state?: SelectionState;
  text?: string;
  percent?: number;
  radius?: number;
};

export class StandIn {
  readonly models = new Map<string, PlainModel>();
  #record: ExplorerRecord;
  #answers: Answers;
  #answer: Answer | null = null;
  readonly protein: ProteinInfo;
  #wildType: readonly number[];
  #state: SelectionState;
  #history: UndoHistory;
  #random: () => number;
  /** What was unpacked, so that it is so once. */
  #unpacked = new Map<Packed, Promise<Unpacked>>();

  private constructor(record: ExplorerRecord, answers: Answers, random: () => number) {
    this.#record = record;
    this.#answers = answers;
    this.#random = random;
    const traits = record.views.distributions ?? {};
    this.protein = traits.protein as ProteinInfo;
    const letters = String(traits.letters);
    this.#wildType = [...this.protein.sequence].map((letter) => letters.indexOf(letter));
    this.#history = new UndoHistory(record.selection);
    this.#state = { ...record.selection, ...this.#history.steps };
  }

  static async of(record: ExplorerRecord, random: () => number = Math.random): Promise<StandIn> {
    const whole = await unpack(record.probabilities);
    const pairs = record.pairs && (await unpack(record.pairs));
    const page = new StandIn(record, new Answers(record.contexts, whole, pairs), random);
    for (const name of Object.keys(record.views)) await page.#addModel(name);
    page.#answerContext();
    await Promise.all([page.#colour("sequence_strip"), page.#colour("structure_view")]);
    await page.#showMaps();
    return page;
  }

  /** Show a set of masks and substitutions, as if a person had made it. */
  show(context: Context, focus: number | null = this.#state.focus): void {
    this.#select({ ...this.#state, ...context, focus, pair: null, clock: this.#state.clock + 1 });
  }

  get state(): SelectionState {
    return this.#state;
  }

  async #addModel(name: string): Promise<void> {
    const traits: Record<string, unknown> = {
      ...{ error: "", notice: "", pending: false, hover: [], value_range: [] },
      selection_state: this.#state,
    };
    for (const [trait, value] of Object.entries(this.#record.views[name] ?? {})) {
      const array = isPacked(value) ? await unpack(value) : null;
      traits[trait] = array ? envelopeOf(array.read(), array.shape) : value;
    }
    const model = new PlainModel(traits);
    model.onSave = (changed) => this.#saved(name, changed);
    model.onSend = (message) => this.#message(message as Message);
    this.models.set(name, model);
  }

  #saved(name: string, changed: Record<string, unknown>): void {
    if ("colour_by" in changed) void this.#colour(name);
    if ("upper" in changed || "lower" in changed || "normalisation" in changed) {
      void this.#showMaps();
    }
  }

  #select(state: SelectionState): void {
    this.#history.note(state);
    this.#hold(state);
  }

  #hold(given: SelectionState): void {
    const state = { ...given, ...this.#history.steps };
    this.#state = state;
    for (const model of this.models.values()) model.receive({ selection_state: state });
    this.#answerContext();
    void this.#colour("sequence_strip");
    void this.#colour("structure_view");
  }

  #answerContext(): void {
    const { masked, substitutions } = this.#state;
    const answer = this.#answers.at(this.#state);
    this.#answer = answer;
    const shape = [this.protein.sequence.length, 20];
    this.models.get("distributions")?.receive({
      prediction: answer && {
        probabilities: envelopeOf(answer.probabilities, shape),
        masked,
        substitutions,
      },
      notice: answer ? (answer.partial ? PARTIAL : "") : UNKNOWN,
    });
    this.#say(answer ? "" : UNKNOWN);
  }

  #say(notice: string): void {
    this.models.get("sequence_strip")?.receive({ notice });
  }

  /** Give a view the values of its scalar as they are now. */
  async #colour(name: string): Promise<void> {
    const model = this.models.get(name);
    const by = String(model?.get("colour_by"));
    const colour = this.#record.colours[by];
    const fixed = colour?.values ? (await this.#array(colour.values)).read() : null;
    if (String(model?.get("colour_by")) !== by) return; // another was chosen meanwhile
    const values = fixed ?? (colour ? this.#live(by) : null);
    model?.receive({
      ...(colour
        ? {
            value_label: colour.label,
            value_range: colour.range,
            value_kind: colour.kind,
            value_classes: colour.classes,
          }
        : {}),
      values: values && envelopeOf(values, [values.length]),
    });
  }

  /** A scalar of the context of now. */
  #live(name: string): Float32Array<ArrayBuffer> | null {
    const p = this.#answer?.probabilities;
    if (!p) return null;
    return Float32Array.from(this.#wildType, (own, i) => {
      const row = p.subarray(20 * i, 20 * i + 20);
      if (name === "perplexity") return perplexity(row);
      return name === "entropy" ? entropy(row) : (row[own] ?? Number.NaN);
    });
  }

  async #showMaps(): Promise<void> {
    const model = this.models.get("pair_heatmap");
    const { maps } = this.#record;
    if (!model || !maps) return;
    const choice = () => ["upper", "lower", "normalisation"].map((name) => String(model.get(name)));
    const [upper = "", lower = "", how = ""] = choice();
    const named = [upper, lower].map((name) => maps.contents[how]?.[name]);
    const shown = await Promise.all(
      named.map(async (content) => {
        const packed = content && maps.arrays[content.values];
        if (!packed) return null;
        const array = await this.#array(packed);
        return { ...content, values: envelopeOf(array.read(), array.shape) };
      }),
    );
    if (choice().join() !== [upper, lower, how].join()) return; // another was chosen meanwhile
    model.receive({ upper_map: shown[0], lower_map: shown[1] });
  }

  #array(packed: Packed): Promise<Unpacked> {
    const array = this.#unpacked.get(packed) ?? unpack(packed);
    this.#unpacked.set(packed, array);
    return array;
  }

  #message(message: Message): void {
    if (message.type === "select" && message.state) {
      this.#select(message.state);
      return;
    }
    if (message.type === "undo" || message.type === "redo") {
      const context = message.type === "undo" ? this.#history.undo() : this.#history.redo();
      const clock = this.#state.clock + 1;
      if (context) this.#hold({ ...this.#state, ...context, pair: null, clock });
      return;
    }
    try {
      const masked = this.#masksOf(message);
      if (masked) this.show({ masked, substitutions: this.#state.substitutions });
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error));
    }
  }

  #masksOf({ type, text, percent, radius }: Message): number[] | null {
    const { labels, sequence } = this.protein;
    if (type === "mask_text") return parsePositions(text ?? "", labels);
    if (type === "mask_random") {
      const count = Math.max(1, Math.round((sequence.length * Number(percent)) / 100));
      return sample(sequence.length, count, this.#random);
    }
    if (type === "mask_around") return this.#around(Number(radius));
    return null;
  }

  #around(radius: number): number[] {
    const { focus } = this.#state;
    const { labels } = this.protein;
    if (focus === null) throw new Error("click a residue first: masks are set around it");
    const distances = this.#distances();
    const length = labels.length;
    const row = distances.subarray(length * focus, length * (focus + 1));
    if (row.every(Number.isNaN)) {
      throw new Error(`the structure has no coordinates for ${labels[focus]}`);
    }
    return [...row.keys()].filter((i) => i === focus || (row[i] ?? Number.NaN) <= radius);
  }

  #distances(): Float32Array {
    const envelope = this.models.get("pair_heatmap")?.get("distances") as
      | { data: Float32Array }
      | undefined;
    if (!envelope) throw new Error(`${this.protein.name} has no structure to measure distances in`);
    return envelope.data;
  }
}

/** `count` of 0..length-1, ascending, all sets equally likely. */
export function sample(length: number, count: number, random: () => number): number[] {
  const left = Array.from({ length }, (_, i) => i);
  return Array.from({ length: Math.min(count, length) }, () => {
    const [taken = 0] = left.splice(Math.floor(random() * left.length), 1);
    return taken;
  }).sort((a, b) => a - b);
}
