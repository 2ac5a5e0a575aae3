/** Colour by and how many pairs, in a row above the drawing; spin and centre, in its corner. */
import { Choice, type Options } from "../../core/choice";
import { element } from "../../core/elements";
import { onTrait, save, type ViewModel } from "../../core/model";

interface Actions {
  centre(): void;
  spin(on: boolean): void;
}

export class Controls {
  readonly node: HTMLElement;
  readonly corner: HTMLElement;
  #model: ViewModel;
  #colour: Choice;
  #topK = element("input", {
    type: "range",
    min: 0,
    step: 1,
    "aria-label": "Number of strongest pairs drawn",
    "data-control": "top-k",
  });
  #count = element("output", { class: "structure-count" });
  #pairs = element("label", { class: "plm-group plm-muted" }, "Top pairs", this.#topK, this.#count);
  #spin = element("button", {
    type: "button",
    "aria-pressed": "false",
    "data-control": "spin",
    title: "Turn the structure slowly",
  });

  constructor(model: ViewModel, signal: AbortSignal, actions: Actions) {
    this.#model = model;
    this.#colour = new Choice("Colour residues by", "colour", signal, (colour_by) =>
      save(model, { colour_by }),
    );
    const centre = element("button", {
      type: "button",
      "data-control": "centre",
      title: "Show all of the structure",
    });
    centre.append("Centre");
    this.#spin.append("Spin");
    this.node = element(
      "div",
      { class: "plm-toolbar" },
      element("span", { class: "plm-title" }, "Structure"),
      element("span", { class: "plm-spring" }),
      this.#pairs,
      element("label", { class: "plm-group plm-muted" }, "Colour by", this.#colour.node),
    );
    this.corner = element("div", { class: "structure-corner" }, this.#spin, centre);
    this.#topK.addEventListener("input", () => save(model, { top_k: Number(this.#topK.value) }), {
      signal,
    });
    centre.addEventListener("click", () => actions.centre(), { signal });
    this.#spin.addEventListener(
      "click",
      () => {
        const on = this.#spin.getAttribute("aria-pressed") !== "true";
        this.#spin.setAttribute("aria-pressed", String(on));
        actions.spin(on);
      },
      { signal },
    );
    onTrait(model, "colour_options", signal, () => this.#drawColour());
    this.#drawColour();
  }

  draw(): void {
    this.#drawColour();
    const top = Number(this.#model.get("top_k") ?? 0);
    const max = Number(this.#model.get("top_k_max") ?? 0);
    this.#pairs.hidden = max === 0;
    this.#topK.max = String(max);
    this.#topK.value = String(top);
    this.#count.value = String(top);
  }

  #drawColour(): void {
    const options = (this.#model.get("colour_options") as Options | undefined) ?? [];
    this.#colour.draw(options, String(this.#model.get("colour_by")));
  }
}
