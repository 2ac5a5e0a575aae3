/**
 * The selection that all views of a protein share, as one view sees it.
 *
 * Python's Selection is the truth: every view carries its state as a synced trait. Beside the
 * traits a bus on the page hands changes straight to the other views, so that they follow at once
 * and without a kernel. A logical clock tells newer states from echoes of older ones.
 */
import { onTrait, type ViewModel } from "./model";

export interface SelectionState {
  /** Masked positions, 0-based, ascending. */
  readonly masked: readonly number[];
  /** [position, amino acid], ascending by position. */
  readonly substitutions: readonly (readonly [number, string])[];
  readonly focus: number | null;
  /** [i, j]: the residue affected and the one hidden as well. */
  readonly pair: readonly [number, number] | null;
  readonly clock: number;
}

type Change = Partial<Omit<SelectionState, "clock">>;
type BusMessage =
  | { origin: SelectionLink; state: SelectionState }
  | { origin: SelectionLink; hover: readonly number[] };

const EMPTY: SelectionState = { masked: [], substitutions: [], focus: null, pair: null, clock: 0 };
const BUS = Symbol.for("plmwidgets.selection-bus");

/** Views are separate bundles: the only place they share is the page. */
function busOf(id: string): Set<(message: BusMessage) => void> {
  const page = globalThis as { [BUS]?: Map<string, Set<(message: BusMessage) => void>> };
  page[BUS] ??= new Map();
  const bus = page[BUS].get(id) ?? new Set();
  page[BUS].set(id, bus);
  return bus;
}

export class SelectionLink {
  #model: ViewModel;
  #bus: Set<(message: BusMessage) => void>;
  #state: SelectionState;
  #hover: readonly number[] = [];
  /** What this view itself said last of the pointer. */
  #pointed: readonly number[] = [];
  #stateListeners = new Set<() => void>();
  #hoverListeners = new Set<() => void>();

  constructor(model: ViewModel, signal: AbortSignal) {
    this.#model = model;
    this.#bus = busOf(String(model.get("selection_id")));
    this.#state = this.#traitState();
    const receive = (message: BusMessage): void => {
      if (message.origin === this) return;
      if ("state" in message) {
        if (message.state.clock > this.#state.clock) this.#accept(message.state);
      } else this.#acceptHover(message.hover);
    };
    this.#bus.add(receive);
    signal.addEventListener("abort", () => this.#bus.delete(receive), { once: true });
    onTrait(model, "selection_state", signal, () => {
      const state = this.#traitState();
      if (state.clock >= this.#state.clock) this.#accept(state);
    });
    onTrait(model, "hover", signal, () => {
      const hover = (model.get("hover") as number[] | undefined) ?? [];
      // marimo's kernel passes on that the pointer left another view when it is here already.
      if (hover.length === 0 && this.#pointed.length > 0) return;
      this.#acceptHover(hover);
    });
  }

  get state(): SelectionState {
    return this.#state;
  }

  /** Residues under the pointer: none, one, or the two of a map's cell. */
  get hover(): readonly number[] {
    return this.#hover;
  }

  onState(listener: () => void): void {
    this.#stateListeners.add(listener);
  }

  onHover(listener: () => void): void {
    this.#hoverListeners.add(listener);
  }

  /** Apply a gesture of this view: here at once, on the page, and in the kernel. */
  change(change: Change): void {
    const state = { ...this.#state, ...change, clock: this.#state.clock + 1 };
    this.#accept(state);
    for (const receive of [...this.#bus]) receive({ origin: this, state });
    this.#model.set("selection_state", state);
    this.#model.save_changes();
  }

  setMasked(masked: Iterable<number>, focus: number | null = this.#state.focus): void {
    const sorted = [...new Set(masked)].sort((a, b) => a - b);
    this.change({ masked: sorted, focus, pair: null });
  }

  toggleMask(position: number): void {
    const masked = new Set(this.#state.masked);
    if (!masked.delete(position)) masked.add(position);
    this.setMasked(masked, position);
  }

  /** Mask two residues to see how hiding `j` changes what the model believes about `i`. */
  selectPair(i: number, j: number): void {
    this.change({ masked: i < j ? [i, j] : [j, i], pair: [i, j], focus: i });
  }

  setHover(positions: readonly number[]): void {
    this.#pointed = positions;
    if (same(positions, this.#hover)) return;
    this.#acceptHover(positions);
    for (const receive of [...this.#bus]) receive({ origin: this, hover: positions });
    this.#model.set("hover", [...positions]);
    this.#model.save_changes();
  }

  undo(): void {
    this.#model.send({ type: "undo" });
  }

  redo(): void {
    this.#model.send({ type: "redo" });
  }

  #traitState(): SelectionState {
    return { ...EMPTY, ...(this.#model.get("selection_state") as Partial<SelectionState> | null) };
  }

  #accept(state: SelectionState): void {
    this.#state = state;
    for (const listener of [...this.#stateListeners]) listener();
  }

  #acceptHover(positions: readonly number[]): void {
    if (same(positions, this.#hover)) return;
    this.#hover = positions;
    for (const listener of [...this.#hoverListeners]) listener();
  }
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, k) => value === b[k]);
}
