/** The controls above the residues, and the legend of their colours. */
import { Choice, type Options } from "../../core/choice";
import { CHEMISTRY, classColour } from "../../core/colour";
import { element } from "../../core/elements";
import { formatLimit } from "../../core/format";
import { Notice } from "../../core/notice";
import { ramp } from "../../core/ramp";
import type { SelectionState } from "../../core/selection";
import type { Scale } from "./residues";

export interface Actions {
  maskText(text: string): void;
  maskRandom(percent: number): void;
  maskAround(radius: number): void;
  invert(): void;
  clear(): void;
  undo(): void;
  redo(): void;
  colourBy(name: string): void;
}

export class Toolbar {
  readonly root: HTMLElement;
  #length = element("span", { class: "plm-muted" });
  #masked = element("span", { class: "strip-count strip-count-masked plm-muted" });
  #replaced = element("span", { class: "strip-count strip-count-replaced plm-muted" });
  #colour: Choice;
  #legend = element("div", { class: "plm-legend strip-legend" });
  #busy = element("div", { class: "plm-busy" });
  #notice = new Notice("warning");
  #around: HTMLElement;
  #undo: HTMLButtonElement;
  #redo: HTMLButtonElement;
  #shown = "";

  constructor(name: string, shown: HTMLElement, actions: Actions, signal: AbortSignal) {
    const button = (label: string, text: string, title: string, act: () => void) => {
      const node = element("button", { type: "button", "aria-label": label, title }, text);
      node.addEventListener("click", act, { signal });
      return node;
    };
    const text = element("input", {
      class: "strip-text",
      type: "text",
      placeholder: "3-10, 25, A40",
      "aria-label": "Residues to mask",
      title: "Residue numbers, ranges or labels, as numbered here; Enter masks them",
      spellcheck: "false",
      autocomplete: "off",
    });
    const percent = element("input", {
      class: "strip-percent",
      type: "number",
      min: 0,
      max: 100,
      value: 15,
      "aria-label": "Percent of the residues",
    });
    const radius = element("input", {
      class: "strip-percent",
      type: "number",
      min: 1,
      max: 50,
      value: 8,
      "aria-label": "Radius in angstrom",
    });
    const sendText = () => {
      if (text.value.trim() !== "") actions.maskText(text.value);
    };
    const sendRandom = () => {
      if (percent.checkValidity() && percent.value !== "")
        actions.maskRandom(Number(percent.value));
      else percent.reportValidity();
    };
    const sendAround = () => {
      if (radius.checkValidity() && radius.value !== "") actions.maskAround(Number(radius.value));
      else radius.reportValidity();
    };
    const onEnter = (input: HTMLInputElement, act: () => void) =>
      input.addEventListener("keydown", (event) => event.key === "Enter" && act(), { signal });
    onEnter(text, sendText);
    onEnter(percent, sendRandom);
    onEnter(radius, sendAround);
    this.#colour = new Choice("Colour by", "colour_by", signal, actions.colourBy);

    const group = (...nodes: Node[]) => element("div", { class: "plm-group" }, ...nodes);
    this.#around = group(
      radius,
      element("span", { class: "plm-muted" }, "Å"),
      button("Mask around", "Around", "Mask all within this distance of the focus", sendAround),
    );
    this.#undo = button("Undo", "↶", "Undo (Ctrl+Z)", () => actions.undo());
    this.#redo = button("Redo", "↷", "Redo (Shift+Ctrl+Z)", () => actions.redo());
    this.root = element(
      "div",
      { class: "strip-toolbar" },
      element(
        "div",
        { class: "plm-toolbar" },
        element("span", { class: "plm-title" }, name),
        element("span", { class: "strip-counts" }, this.#length, this.#masked, this.#replaced),
        element("span", { class: "plm-spring" }),
        shown,
        group(
          element("label", { class: "strip-colour plm-muted" }, "Colour by ", this.#colour.node),
          this.#legend,
        ),
      ),
      element(
        "div",
        { class: "plm-toolbar" },
        group(text, button("Mask these residues", "Mask", "Mask these residues", sendText)),
        group(
          percent,
          element("span", { class: "plm-muted" }, "%"),
          button("Mask at random", "Random", "Mask a random share of the residues", sendRandom),
        ),
        this.#around,
        group(
          button("Invert the masks", "Invert", "Mask what is visible, show what is masked", () =>
            actions.invert(),
          ),
          button("Clear", "Clear", "Take all masks and substitutions back (Esc)", () =>
            actions.clear(),
          ),
          this.#undo,
          this.#redo,
        ),
      ),
      this.#notice.node,
      this.#busy,
    );
  }

  /** What is selected, in numbers, and whether there is a change to take back. */
  count(length: number, state: SelectionState): void {
    this.#length.textContent = `${length} residues`;
    this.#masked.textContent = `${state.masked.length} masked`;
    this.#replaced.textContent = `${state.substitutions.length} substituted`;
    this.#replaced.hidden = state.substitutions.length === 0;
    this.#undo.disabled = !state.can_undo;
    this.#redo.disabled = !state.can_redo;
  }

  draw(colourBy: string, options: Options, scale: Scale | null): void {
    this.#colour.draw(options, colourBy);
    const shown = JSON.stringify([
      colourBy,
      scale && [scale.label, scale.kind, scale.low, scale.high, scale.classes],
    ]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#legend.replaceChildren(...(colourBy === "chemistry" ? swatches() : ends(scale)));
  }

  status(pending: boolean, notice: string, hasStructure: boolean): void {
    this.#around.hidden = !hasStructure;
    this.#busy.classList.toggle("is-on", pending);
    this.#notice.say(notice);
  }
}

function swatches(): HTMLElement[] {
  return CHEMISTRY.map(({ name, letters, colour }) => swatch(colour, name, [...letters].join(" ")));
}

function swatch(colour: string, name: string, title: string): HTMLElement {
  const sample = element("span", { class: "strip-swatch" });
  sample.style.background = colour;
  return element("span", { class: "plm-item", title }, sample, name);
}

function ends(scale: Scale | null): HTMLElement[] {
  if (!scale) return [];
  if (scale.classes.length > 0) {
    return scale.classes.map((name, k) => swatch(classColour(k), name, scale.label));
  }
  const colours = ramp(scale.kind);
  colours.title = scale.label;
  const limit = (value: number) => element("span", { class: "plm-muted" }, formatLimit(value));
  return [element("span", { class: "plm-item" }, limit(scale.low), colours, limit(scale.high))];
}
