/** What the colours and marks of the points mean. */
import { CHEMISTRY, chemistryClass } from "../../core/colour";
import { element, prepareCanvas } from "../../core/elements";
import { formatLimit } from "../../core/format";
import { ramp } from "../../core/ramp";
import { type Colouring, classInk, trace } from "./colours";

const MARK = 12;

export class Legend {
  readonly node = element("div", { class: "plm-legend embedding-legend" });
  #shown = "";

  draw(colouring: Colouring | null, chemistry: boolean, dark: boolean): void {
    const { label, kind, limits, classes } = colouring ?? {};
    const shown = JSON.stringify([label, kind, limits, classes, chemistry, dark]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.node.replaceChildren(
      ...(chemistry ? chemistryItems() : colouring ? itemsOf(colouring, dark) : []),
    );
  }
}

function chemistryItems(): HTMLElement[] {
  return CHEMISTRY.map(({ name, letters }) => {
    const sample = element("b", { class: chemistryClass(letters[0] ?? "") }, letters);
    return item(sample, name);
  });
}

function itemsOf(colouring: Colouring, dark: boolean): HTMLElement[] {
  if (colouring.kind === "classes") {
    return colouring.classes.map((name, index) => {
      const canvas = element("canvas", { "aria-hidden": "true" });
      const context = prepareCanvas(canvas, MARK, MARK);
      context.fillStyle = classInk(index, dark);
      trace(context, index, MARK / 2, MARK / 2, 4);
      context.fill();
      return item(canvas, name);
    });
  }
  const [low, high] = colouring.limits.map((value) =>
    element("span", { class: "plm-muted" }, formatLimit(value)),
  );
  return [
    item(element("span", {}, colouring.label), ""),
    item(low ?? "", "", ramp(colouring.kind), high ?? ""),
  ];
}

function item(mark: Node | string, text: string, ...more: (Node | string)[]): HTMLElement {
  return element("span", { class: "plm-item" }, mark, text, ...more);
}
