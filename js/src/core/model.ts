/** The part of anywidget's model that the views use, the same in every host. */
export interface ViewModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(message: unknown): void;
  on(event: string, callback: (...args: unknown[]) => void): void;
  off(event: string, callback: (...args: unknown[]) => void): void;
}

/** What every view knows of the protein: it is fixed for the life of a view. */
export interface ProteinInfo {
  name: string;
  sequence: string;
  /** One label a residue, such as "A25": its letter and its number in the chain. */
  labels: string[];
}

/** Write traits and send them to Python, together as one change. */
export function save(model: ViewModel, traits: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(traits)) model.set(name, value);
  model.save_changes();
}

/** Call back on each change of a trait until the view goes away. */
export function onTrait(
  model: ViewModel,
  names: string | readonly string[],
  signal: AbortSignal,
  callback: () => void,
): void {
  for (const name of typeof names === "string" ? [names] : names) {
    const event = `change:${name}`;
    model.on(event, callback);
    signal.addEventListener("abort", () => model.off(event, callback), { once: true });
  }
}
