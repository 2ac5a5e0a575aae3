/**
 * The selection that all views of a protein share, as one view sees it.
 *
 * Python's Selection is the truth: every view carries its state as a synced trait. A gesture goes to
 * Python as a message, and on a bus of the page straight to the other views, so that they follow at
 * once and without a kernel. A logical clock tells newer states from echoes of older ones.
 */
import { onTrait, save, type ViewModel } from "./model";
import { PageBus } from "./page_bus";

export interface SelectionState {
  /** Masked positions, 0-based, ascending. */
  readonly masked: readonly number[];
  /** [position, amino acid], ascending by position. */
  readonly substitutions: readonly (readonly [number, string])[];
  readonly focus: number | null;
  /** [i, j]: the residue affected and the one hidden as well. */
  readonly pair: readonly [number, number] | null;
  readonly clock: number;
  readonly can_undo: boolean;
  readonly can_redo: boolean;
}

type Change = Partial<Pick<SelectionState, "masked" | "substitutions" | "focus" | "pair">>;
type Message = { state: SelectionState } | { hover: readonly number[] };

const EMPTY: SelectionState = {
  masked: [],
  substitutions: [],
  focus: null,
  pair: null,
  clock: 0,
  can_undo: false,
  can_redo: false,
};
/** Python hears what the pointer rests on; what it only passes would hold the next click up. */
const HOVER_MS = 150;
/**
 * JupyterLab's server holds small messages back until the page has acknowledged the one before
 * (Nagle's algorithm), which a page that sends nothing puts off for 40 ms. Whatever it sends carries
 * the acknowledgement: so these many milliseconds after a click it sends a word, and the answer
 * comes at once, also where it takes a while.
 */
const NUDGES_MS = [12, 22, 32, 42, 56, 70, 85, 100];

export class SelectionLink {
  #model: ViewModel;
  #bus: PageBus<Message>;
  #state: SelectionState;
  #hover: readonly number[] = [];
  /** What this view itself said last of the pointer. */
  #pointed: readonly number[] = [];
  #signal: AbortSignal;
  #saving: ReturnType<typeof setTimeout> | undefined;
  #stateListeners = new Set<(own: boolean) => void>();
  #hoverListeners = new Set<() => void>();

  constructor(model: ViewModel, signal: AbortSignal) {
    this.#model = model;
    this.#signal = signal;
    this.#state = this.#traitState();
    const id = String(model.get("selection_id"));
    this.#bus = new PageBus<Message>("selection-bus", id, signal, (message) => {
      if ("hover" in message) this.#acceptHover(message.hover);
      else if (message.state.clock > this.#state.clock) this.#accept(message.state);
    });
    onTrait(model, "selection_state", signal, () => {
      const state = this.#traitState();
      if (state.clock >= this.#state.clock && !equal(state, this.#state)) this.#accept(state);
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

  /** `own` is true where the change was made in this view. */
  onState(listener: (own: boolean) => void): void {
    this.#stateListeners.add(listener);
  }

  onHover(listener: () => void): void {
    this.#hoverListeners.add(listener);
  }

  /** Apply a gesture of this view: here at once, on the page, and in the kernel. */
  change(change: Change): void {
    const before = this.#state;
    const state = { ...before, ...change, clock: before.clock + 1 };
    if (contextOf(state) !== contextOf(before)) {
      state.can_undo = true;
      state.can_redo = false;
    }
    this.#accept(state, true);
    this.#bus.tell({ state });
    // By a message, and Python sets the trait when the answer is on its way: of a trait that a page
    // saves, marimo first looks through all installed packages and for cells that read the view.
    this.#model.send({ type: "select", state });
    this.#nudge();
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
    this.#bus.tell({ hover: positions });
    clearTimeout(this.#saving);
    this.#saving = this.#after(HOVER_MS, () => {
      // The pointer is in another view by now, which tells: this must not come after it.
      if (!same(positions, this.#hover)) return;
      save(this.#model, { hover: [...positions] });
    });
  }

  undo(): void {
    this.#model.send({ type: "undo" });
  }

  redo(): void {
    this.#model.send({ type: "redo" });
  }

  #nudge(): void {
    // The mark that Jupyter's pages bear; other hosts send everything at once.
    if (globalThis.document?.body.dataset.jpThemeLight === undefined) return;
    for (const delay of NUDGES_MS) this.#after(delay, () => this.#model.send({ type: "nudge" }));
  }

  #after(milliseconds: number, then: () => void): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      if (!this.#signal.aborted) then();
    }, milliseconds);
  }

  #traitState(): SelectionState {
    return { ...EMPTY, ...(this.#model.get("selection_state") as Partial<SelectionState> | null) };
  }

  #accept(state: SelectionState, own = false): void {
    this.#state = state;
    for (const listener of [...this.#stateListeners]) listener(own);
  }

  #acceptHover(positions: readonly number[]): void {
    if (same(positions, this.#hover)) return;
    this.#hover = positions;
    for (const listener of [...this.#hoverListeners]) listener();
  }
}

/** What a step of undo takes back. */
function contextOf({ masked, substitutions }: SelectionState): string {
  return JSON.stringify([masked, substitutions]);
}

/** Python says once more what a view told it. */
function equal(a: SelectionState, b: SelectionState): boolean {
  const key = (state: SelectionState) =>
    JSON.stringify([
      contextOf(state),
      state.focus,
      state.pair,
      state.clock,
      state.can_undo,
      state.can_redo,
    ]);
  return key(a) === key(b);
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, k) => value === b[k]);
}
