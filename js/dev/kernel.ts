/** Plays the kernel: one selection behind all views, answers after a short delay. */
import type { SelectionState } from "../src/core/selection";
import { FakeModel } from "./fake";
import { ToyModel } from "./lm";
import type { Message, Options, Part, Traits, World } from "./part";
import { scanAt } from "./scan";
import { FakeSelection } from "./selection";
import { PARTS } from "./views";

const ERROR = "The model ran out of memory: use a shorter protein or a smaller model.";
/** What a view sends to be heard: it wants no other answer. */
const GREETINGS = new Set(["hello", "nudge"]);

export class FakeKernel {
  readonly models = new Map<string, FakeModel>();
  readonly toy: ToyModel;
  #world: World;
  #parts = new Map<string, Part>();

  constructor(options: Options) {
    this.toy = new ToyModel(options.length);
    const selection = new FakeSelection(options.length, options.masks);
    this.#world = { options, toy: this.toy, selection };
  }

  /** Bring the scan to a share of its pairs, as Python tells of it. */
  scanAt(status: string, share: number): void {
    this.#world.options.status = status;
    scanAt(status, share);
    for (const [name, part] of this.#parts) part.scanned?.(this.#view(name), share);
  }

  /** A model for one view, with the traits that Python would give it. */
  model(name: string): FakeModel {
    const part = PARTS[name]?.(this.#world);
    if (!part) throw new Error(`no view is called ${name}`);
    const model = new FakeModel({ ...this.#common(), ...part.traits() }, this.#world.options.text);
    const answer = () => model.receive({ answered: Number(model.get("answered")) + 1 });
    model.onSave = (changed) =>
      this.#later(() => {
        this.#saved(name, changed);
        if (Object.keys(changed).join() !== "hover") answer();
      });
    model.onSend = (message) =>
      this.#later(() => {
        this.#heard(name, message as Message);
        answer();
      });
    this.models.set(name, model);
    this.#parts.set(name, part);
    return model;
  }

  #view(name: string): FakeModel {
    const model = this.models.get(name);
    if (!model) throw new Error(`${name} is not on the page`);
    return model;
  }

  #later(work: () => void): void {
    const { delay } = this.#world.options;
    if (delay >= 0) setTimeout(work, delay);
  }

  /** What Python gives all views. */
  #common(): Traits {
    const { sequence, labels } = this.toy;
    const { state, presenter } = this.#world.options;
    return {
      protein: { name: "toy", sequence, labels },
      selection_id: "dev",
      selection_state: this.#world.selection.state,
      hover: [],
      answered: 0,
      error: state === "error" ? ERROR : "",
      presenter,
    };
  }

  #saved(name: string, { hover, ...own }: Traits): void {
    if (hover) {
      for (const [other, model] of this.models) if (other !== name) model.receive({ hover });
    }
    // One choice of a model goes for all views.
    const { shown } = own;
    for (const [other, model] of this.models) {
      if (shown === undefined || other === name || !model.get("models")) continue;
      model.receive({ shown });
      this.#parts.get(other)?.saved?.(model, { shown });
    }
    if (Object.keys(own).length > 0) this.#parts.get(name)?.saved?.(this.#view(name), own);
  }

  #heard(name: string, message: Message): void {
    if (GREETINGS.has(message.type)) return;
    const { selection } = this.#world;
    const before = selection.state;
    if (message.type === "select") selection.take(message.state as SelectionState);
    else if (message.type === "undo") selection.undo();
    else if (message.type === "redo") selection.redo();
    else this.#parts.get(name)?.heard?.(this.#view(name), message);
    if (selection.state !== before) this.#select();
  }

  /** Tell all views what is selected, and let each answer to it. */
  #select(): void {
    const { state } = this.#world.selection;
    for (const model of this.models.values()) model.receive({ selection_state: state });
    if (this.#world.options.state !== "live") return;
    for (const [name, part] of this.#parts) part.selected?.(this.#view(name));
  }
}
