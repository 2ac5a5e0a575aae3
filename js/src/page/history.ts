/** Undo and redo of masks and substitutions, as Python's Selection keeps them. */
import type { Context } from "./record";

const MAX = 200;

export class UndoHistory {
  #past: Context[] = [];
  #future: Context[] = [];
  #now: Context;

  constructor(now: Context) {
    this.#now = contextOf(now);
  }

  /** Note what holds after a change; changes of the focus alone are no steps. */
  note(now: Context): void {
    const next = contextOf(now);
    if (JSON.stringify(next) === JSON.stringify(this.#now)) return;
    this.#past = [...this.#past, this.#now].slice(-MAX);
    this.#future = [];
    this.#now = next;
  }

  /** What holds after a step back; null where there is none. */
  undo(): Context | null {
    return this.#step(this.#past, this.#future);
  }

  redo(): Context | null {
    return this.#step(this.#future, this.#past);
  }

  /** What the views' buttons say of it. */
  get steps(): { can_undo: boolean; can_redo: boolean } {
    return { can_undo: this.#past.length > 0, can_redo: this.#future.length > 0 };
  }

  #step(from: Context[], to: Context[]): Context | null {
    const next = from.pop();
    if (!next) return null;
    to.push(this.#now);
    this.#now = next;
    return next;
  }
}

function contextOf({ masked, substitutions }: Context): Context {
  return { masked, substitutions };
}
