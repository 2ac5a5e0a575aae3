/** What the views of one selection share on the page: they are separate bundles, with no other place. */

/** A value for each selection, made where there is none yet. */
export function onPage<T>(what: string, id: string, make: () => T): T {
  const key = Symbol.for(`plmwidgets.${what}`);
  const page = globalThis as { [key]?: Map<string, T> };
  page[key] ??= new Map();
  const value = page[key].get(id) ?? make();
  page[key].set(id, value);
  return value;
}

/** Hands messages to the other views of a selection, at once and without a kernel. */
export class PageBus<Message> {
  #listeners: Set<(message: Message) => void>;
  #receive: (message: Message) => void;

  /** `receive` hears what the others tell. */
  constructor(what: string, id: string, signal: AbortSignal, receive: (message: Message) => void) {
    this.#listeners = onPage(what, id, () => new Set());
    this.#receive = receive;
    this.#listeners.add(receive);
    signal.addEventListener("abort", () => this.#listeners.delete(receive), { once: true });
  }

  tell(message: Message): void {
    for (const receive of [...this.#listeners]) if (receive !== this.#receive) receive(message);
  }
}
