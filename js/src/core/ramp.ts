/** The colours of a scale in a legend, from its low to its high end. */
import { gradientOf, type ScaleKind } from "./colour";
import { element } from "./elements";

export function ramp(kind: ScaleKind): HTMLElement {
  const node = element("span", { class: "plm-ramp", "aria-hidden": "true" });
  node.style.background = gradientOf(kind);
  return node;
}
