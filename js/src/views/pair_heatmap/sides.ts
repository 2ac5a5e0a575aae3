/** The two maps' controls: which map is above and below the diagonal, and its colour scale. */

import { Choice, type Options } from "../../core/choice";
import { colourOf, type ScaleKind } from "../../core/colour";
import { element } from "../../core/elements";
import { formatLimit } from "../../core/format";
import { yesNo } from "./raster";

export interface Scale {
  kind: ScaleKind;
  unit: string;
  limits: readonly [number, number];
  /** Ends of the bar: the values that there are. */
  extent: readonly [number, number];
  /** Whether the limits were set by hand. */
  custom: boolean;
  dark: boolean;
}

interface Reactions {
  choose(name: string): void;
  /** Null: back to the limits taken from the values. */
  limit?(limits: [number, number] | null): void;
}

const STEPS = 200;

/** One half of the map: a dropdown above a colour bar, which has two handles if it may be changed. */
export class Side {
  readonly node: HTMLElement;
  #choice: Choice;
  #bar = element("div", { class: "map-bar" });
  #low = element("output", { class: "map-limit" });
  #high = element("output", { class: "map-limit" });
  #auto = element("button", { type: "button", class: "plm-quiet", hidden: true }, "Auto");
  #scale: HTMLElement;
  #caption = element("div", { class: "map-caption" });
  #answers = element("div", { class: "map-scale" });
  #handles: HTMLInputElement[] = [];
  #drawn: Scale | null = null;

  constructor(half: "upper" | "lower", signal: AbortSignal, react: Reactions) {
    const where = half === "upper" ? "above" : "below";
    this.#choice = new Choice(`Map ${where} the diagonal`, half, signal, react.choose);
    this.#scale = element("div", { class: "map-scale" }, this.#low, this.#bar, this.#high);
    this.node = element(
      "div",
      { class: "map-side" },
      element(
        "label",
        { class: "plm-group", title: `The map ${where} the diagonal` },
        element("span", { class: `map-corner map-corner-${half}`, "aria-hidden": "true" }),
        this.#choice.node,
      ),
      this.#caption,
      this.#scale,
      this.#answers,
    );
    const limit = react.limit;
    if (!limit) return;
    this.#auto.dataset.control = "auto-limits";
    this.#auto.title = "Take the limits from the values";
    this.#auto.addEventListener("click", () => limit(null), { signal });
    this.#scale.append(this.#auto);
    this.#handles = ["Low", "High"].map((end) =>
      element("input", {
        type: "range",
        min: 0,
        max: STEPS,
        step: 1,
        "aria-label": `${end} end of the colours ${where} the diagonal`,
        "data-control": `limit-${end.toLowerCase()}`,
      }),
    );
    this.#bar.append(...this.#handles);
    for (const [end, handle] of this.#handles.entries()) {
      handle.addEventListener("input", () => limit(this.#moved(end === 0 ? 0 : 1)), { signal });
    }
  }

  draw(options: Options, name: string, caption: string, scale: Scale | null): void {
    this.#choice.draw(options, name);
    this.#caption.textContent = caption;
    this.#caption.hidden = caption === "";
    this.#drawn = scale;
    const binary = scale?.kind === "binary";
    this.#scale.hidden = binary;
    this.#answers.hidden = !binary;
    this.#scale.classList.toggle("map-unknown", scale === null);
    if (!scale) return;
    if (binary) {
      this.#answers.replaceChildren(answer("no", scale.dark), answer("yes", scale.dark));
      return;
    }
    const { kind, unit, limits, extent, custom } = scale;
    this.#low.value = formatLimit(limits[0]);
    this.#high.value = `${formatLimit(limits[1])} ${unit}`.trim();
    this.#high.style.minWidth = `${5 + 0.8 * unit.length}ch`;
    this.#bar.style.background = gradient(scale);
    this.#auto.hidden = !custom;
    for (const [end, handle] of this.#handles.entries()) {
      // Both ends of a scale around 0 move together: one handle does.
      handle.hidden = kind === "diverging" && end === 0;
      handle.value = String(Math.round(STEPS * share(limits[end] ?? 0, extent)));
      handle.setAttribute("aria-valuetext", formatLimit(limits[end] ?? 0));
    }
  }

  #moved(end: 0 | 1): [number, number] | null {
    const scale = this.#drawn;
    if (!scale) return null;
    const { extent, kind } = scale;
    const at = (handle: HTMLInputElement | undefined) =>
      extent[0] + (Number(handle?.value) / STEPS) * (extent[1] - extent[0]);
    const least = (extent[1] - extent[0]) / STEPS;
    if (kind === "diverging") {
      const size = Math.max(least, at(this.#handles[1]));
      return [-size, size];
    }
    const [low, high] = [at(this.#handles[0]), at(this.#handles[1])];
    return end === 0 ? [Math.min(low, high - least), high] : [low, Math.max(high, low + least)];
  }
}

function answer(text: "no" | "yes", dark: boolean): HTMLElement {
  const swatch = element("span", { class: "map-swatch" });
  swatch.style.background = `rgb(${yesNo(text === "yes", dark).join(", ")})`;
  return element("span", { class: "plm-item" }, swatch, text);
}

function share(value: number, [from, to]: readonly [number, number]): number {
  return to > from ? Math.max(0, Math.min(1, (value - from) / (to - from))) : 0;
}

/** The scale drawn over the extent: one colour below the low limit, one above the high limit. */
function gradient({ kind, limits, extent }: Scale): string {
  const [low, high] = [100 * share(limits[0], extent), 100 * share(limits[1], extent)];
  const stops = Array.from({ length: 17 }, (_, k) => {
    const at = low + ((high - low) * k) / 16;
    return `${colourOf(kind, k, 0, 16)} ${at.toFixed(1)}%`;
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
}
