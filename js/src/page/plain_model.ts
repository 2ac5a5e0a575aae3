/** What anywidget gives a view, backed by plain values: for pages without a kernel, and tests. */
import type { ViewModel } from "../core/model";

type Callback = (...args: unknown[]) => void;

export class PlainModel implements ViewModel {
  /** Called with the traits that the view changed, where Python would hear of them. */
  onSave: (changed: Record<string, unknown>) => void = () => {};
  onSend: (message: unknown) => void = () => {};
  #traits: Record<string, unknown>;
  #unsaved: Record<string, unknown> = {};
  #listeners = new Map<string, Set<Callback>>();

  constructor(traits: Record<string, unknown>) {
    this.#traits = { ...traits };
  }

  get(name: string): unknown {
    return this.#traits[name];
  }

  set(name: string, value: unknown): void {
    this.#unsaved[name] = value;
    this.receive({ [name]: value });
  }

  save_changes(): void {
    const changed = this.#unsaved;
    this.#unsaved = {};
    if (Object.keys(changed).length > 0) this.onSave(changed);
  }

  send(message: unknown): void {
    this.onSend(message);
  }

  /** New values of traits, as they come from Python. */
  receive(traits: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(traits)) {
      if (this.#traits[name] === value) continue;
      this.#traits[name] = value;
      this.emit(`change:${name}`);
    }
  }

  protected emit(event: string): void {
    for (const callback of [...(this.#listeners.get(event) ?? [])]) callback();
  }

  on(event: string, callback: Callback): void {
    const callbacks = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, callbacks.add(callback));
  }

  off(event: string, callback: Callback): void {
    this.#listeners.get(event)?.delete(callback);
  }

  /** How many listeners hang on the model: none may be left when a view has gone. */
  get listenerCount(): number {
    return [...this.#listeners.values()].reduce((sum, callbacks) => sum + callbacks.size, 0);
  }
}
