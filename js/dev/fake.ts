/** A model without a host that remembers what the view said. */
import type { ArrayEnvelope } from "../src/core/arrays";
import { PlainModel } from "../src/page/plain_model";
import { withText } from "./words";

export class FakeModel extends PlainModel {
  /** Messages of the view to Python, oldest first. */
  readonly sent: unknown[] = [];
  #text: string;

  /** A text that is put behind all words that the view is given. */
  constructor(traits: Record<string, unknown>, text = "") {
    super(withText(text, traits));
    this.#text = text;
  }

  override receive(traits: Record<string, unknown>): void {
    super.receive(withText(this.#text, traits));
  }

  /** An event of the host that is no change of a trait. */
  fire(event: string): void {
    this.emit(event);
  }

  override send(message: unknown): void {
    this.sent.push(message);
    super.send(message);
  }
}

/** An array as Python sends it. */
export function envelope(values: Float32Array | Uint8Array, ...shape: number[]): ArrayEnvelope {
  const dtype = values instanceof Uint8Array ? "uint8" : "float32";
  return { dtype, shape, data: new DataView(values.buffer) };
}

/** A small seeded generator of numbers in [0, 1), so that pictures can be compared. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
