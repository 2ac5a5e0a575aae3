/** Plays the selection that all views share, with its undo and redo. */
import type { SelectionState } from "../src/core/selection";

export class FakeSelection {
  #state: SelectionState;
  #done: SelectionState[] = [];
  #undone: SelectionState[] = [];

  /** Some masks, at the same distance from each other. */
  constructor(length: number, masks: number) {
    const step = Math.max(1, Math.floor(length / (masks + 1)));
    const masked = Array.from({ length: masks }, (_, k) => (k + 1) * step);
    this.#state = {
      masked,
      substitutions: masks > 0 ? [[5, "W"]] : [],
      focus: masked[0] ?? null,
      pair: null,
      clock: 1,
      can_undo: false,
      can_redo: false,
    };
  }

  get state(): SelectionState {
    return this.#state;
  }

  /** Take the state of a gesture. */
  take(state: SelectionState): void {
    if (contextOf(state) !== contextOf(this.#state)) {
      this.#done.push(this.#state);
      this.#undone = [];
    }
    this.#set(state);
  }

  mask(masked: number[]): void {
    this.#done.push(this.#state);
    this.#set({ ...this.#state, masked, pair: null, clock: this.#state.clock + 1 });
  }

  undo(): void {
    this.#travel(this.#done, this.#undone);
  }

  redo(): void {
    this.#travel(this.#undone, this.#done);
  }

  #travel(from: SelectionState[], to: SelectionState[]): void {
    const state = from.pop();
    if (!state) return;
    to.push(this.#state);
    this.#set({ ...state, clock: this.#state.clock + 1 });
  }

  #set(state: SelectionState): void {
    const [can_undo, can_redo] = [this.#done.length > 0, this.#undone.length > 0];
    this.#state = { ...state, can_undo, can_redo };
  }
}

/** What a step of undo takes back. */
function contextOf({ masked, substitutions }: SelectionState): string {
  return JSON.stringify([masked, substitutions]);
}
