/** What the marks and colours of the view mean. */
import { gradientOf } from "../../core/colour";
import { element } from "../../core/elements";
import { formatLimit } from "../../core/format";
import { shade } from "./profile";

const item = (mark: string, sample: string, text: string): HTMLElement =>
  element(
    "span",
    { class: `plm-item dist-key dist-key-${mark}` },
    element("span", { class: `dist-mark dist-mark-${mark}`, "aria-hidden": "true" }, sample),
    text,
  );

/** `reference` names the other model whose predictions are the ghosts; empty where there is none. */
export function cardLegend(reference: string): HTMLElement {
  return element(
    "div",
    { class: "plm-legend plm-muted" },
    item("own", "A", "wild type"),
    item("replaced", "A", "substitution"),
    item("ghost", "", reference || "before the last change"),
  );
}

/** Of one model's probabilities less another's, which have no unit. */
export class DifferenceLegend {
  readonly node: HTMLElement;
  #ends = [0, 50, 100].map((share) => {
    const tick = element("span", {});
    tick.style.left = `${share}%`;
    return tick;
  });

  constructor() {
    const ramp = element("span", { class: "dist-ramp" });
    ramp.style.background = gradientOf("diverging");
    this.node = element(
      "div",
      { class: "plm-legend plm-muted" },
      item("dot", "", "wild type"),
      "difference of probabilities",
      element("span", { class: "dist-scale is-signed" }, ramp, ...this.#ends),
    );
  }

  draw(limit: number): void {
    for (const [k, tick] of this.#ends.entries()) tick.textContent = formatLimit((k - 1) * limit);
  }
}

export function profileLegend(): HTMLElement {
  const ramp = element("span", { class: "dist-ramp" });
  ramp.style.background = gradientOf("sequential");
  const ends = [0, 0.1, 0.5, 1].map((p) => {
    const tick = element("span", {}, String(p));
    tick.style.left = `${100 * shade(p)}%`;
    return tick;
  });
  const scale = element("span", { class: "dist-scale" }, ramp, ...ends);
  return element(
    "div",
    { class: "plm-legend plm-muted" },
    item("dot", "", "wild type"),
    "probability",
    scale,
  );
}
