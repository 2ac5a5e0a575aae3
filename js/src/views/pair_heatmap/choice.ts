/** A dropdown whose options come from the kernel. */
import { element } from "../../core/elements";

export type Options = readonly (readonly [name: string, label: string])[];

export class Choice {
  readonly node: HTMLSelectElement;
  #options = "";

  constructor(what: string, control: string, signal: AbortSignal, choose: (name: string) => void) {
    this.node = element("select", { "aria-label": what, "data-control": control });
    this.node.addEventListener("change", () => choose(this.node.value), { signal });
  }

  draw(options: Options, name: string): void {
    const key = JSON.stringify(options);
    if (key !== this.#options) {
      this.#options = key;
      this.node.replaceChildren(
        ...options.map(([value, label]) => element("option", { value }, label)),
      );
    }
    this.node.value = name;
    // Where there is no room for all of it.
    this.node.title = options.find(([value]) => value === name)?.[1] ?? "";
  }
}
