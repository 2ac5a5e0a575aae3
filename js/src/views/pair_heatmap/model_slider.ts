/** A slider through the models that a protein was scanned with. */
import { element } from "../../core/elements";

export class ModelSlider {
  readonly node: HTMLElement;
  #input = element("input", {
    type: "range",
    min: 0,
    step: 1,
    "aria-label": "Model above the diagonal",
    "data-control": "upper-model",
  });
  #name = element("output", { class: "map-model-name" });
  #models: readonly string[] = [];

  constructor(signal: AbortSignal, choose: (name: string) => void) {
    this.node = element(
      "label",
      { class: "plm-group map-models", hidden: true },
      "Model",
      this.#input,
      this.#name,
    );
    this.#input.addEventListener(
      "input",
      () => {
        const name = this.#models[Number(this.#input.value)];
        if (name === undefined) return;
        this.#say(name);
        choose(name);
      },
      { signal },
    );
  }

  draw(models: readonly string[], name: string): void {
    this.#models = models;
    this.node.hidden = models.length < 2;
    this.#input.max = String(Math.max(0, models.length - 1));
    this.#input.value = String(models.indexOf(name));
    this.#say(name);
  }

  #say(name: string): void {
    this.#name.value = name;
    this.#input.setAttribute("aria-valuetext", name);
  }
}
