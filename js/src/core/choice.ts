/** A dropdown. */
import { element } from "./elements";

export type Options = readonly (readonly [value: string, text: string])[];

/** Options whose texts are their values. */
export function named(names: readonly string[]): Options {
  return names.map((name) => [name, name] as const);
}

export class Choice {
  readonly node: HTMLSelectElement;
  #what: string;
  #options = "";

  /** `what` says what is chosen, to a screen reader and in the tooltip; `control` is for tests. */
  constructor(what: string, control: string, signal: AbortSignal, choose: (value: string) => void) {
    this.#what = what;
    this.node = element("select", { "aria-label": what, "data-control": control });
    this.node.addEventListener("change", () => choose(this.node.value), { signal });
  }

  /** Offer these options; the nodes stay the same as long as the options do. */
  draw(options: Options, chosen: string): void {
    const key = JSON.stringify(options);
    if (key !== this.#options) {
      this.#options = key;
      this.node.replaceChildren(
        ...options.map(([value, text]) => element("option", { value }, text)),
      );
    }
    this.node.value = chosen;
    // There may be no room for all of the text.
    const text = options.find(([value]) => value === chosen)?.[1] ?? "";
    this.node.title = text === "" ? this.#what : `${this.#what}: ${text}`;
  }
}
