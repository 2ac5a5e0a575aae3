/** Rings and labels over the 3D drawing: they follow the residues and cost the engine nothing. */
import { element } from "../../core/elements";

export type Spot = readonly [number, number];

const SVG = "http://www.w3.org/2000/svg";
const RADIUS = 9;

export interface Marks {
  /** Residues under the pointer, here or in another view. */
  rings: readonly (Spot | null)[];
  hover: string;
  pair: { ends: readonly [Spot | null, Spot | null]; text: string } | null;
}

export class Overlay {
  readonly node = element("div", { class: "structure-overlay", "aria-hidden": "true" });
  #svg = document.createElementNS(SVG, "svg");
  #line = this.#shape("line");
  #rings = [this.#shape("circle"), this.#shape("circle")];
  #hover = element("div", { class: "structure-chip" });
  #pair = element("div", { class: "structure-chip structure-chip-pair" });

  constructor() {
    this.node.append(this.#svg, this.#pair, this.#hover);
    for (const ring of this.#rings) ring.setAttribute("r", String(RADIUS));
  }

  draw({ rings, hover, pair }: Marks): void {
    const spots = rings.filter((spot) => spot !== null);
    for (const [k, ring] of this.#rings.entries()) {
      const spot = spots[k];
      ring.toggleAttribute("hidden", !spot);
      if (!spot) continue;
      ring.setAttribute("cx", spot[0].toFixed(1));
      ring.setAttribute("cy", spot[1].toFixed(1));
    }
    const [a, b] = spots;
    this.#line.toggleAttribute("hidden", !a || !b);
    if (a && b) {
      for (const [k, value] of [a[0], a[1], b[0], b[1]].entries()) {
        this.#line.setAttribute(["x1", "y1", "x2", "y2"][k] ?? "", value.toFixed(1));
      }
    }
    const [from, to] = pair?.ends ?? [];
    this.#place(this.#pair, from && to ? above(from, to) : null, pair?.text ?? "");
    this.#place(this.#hover, a ? above(a, b ?? a) : null, hover);
  }

  /** A chip above a point, kept inside the drawing. */
  #place(chip: HTMLElement, at: Spot | null, text: string): void {
    chip.hidden = !at || text === "";
    if (!at || chip.hidden) return;
    if (chip.textContent !== text) chip.textContent = text;
    const { clientWidth, clientHeight } = this.node;
    const left = Math.max(
      2,
      Math.min(at[0] - chip.offsetWidth / 2, clientWidth - chip.offsetWidth),
    );
    const above = at[1] - chip.offsetHeight;
    const top =
      above < 2 ? at[1] + 2 * RADIUS + 8 : Math.min(above, clientHeight - chip.offsetHeight);
    chip.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
  }

  #shape(name: "line" | "circle"): SVGElement {
    const shape = document.createElementNS(SVG, name);
    shape.setAttribute("hidden", "");
    this.#svg.append(shape);
    return shape;
  }
}

/** Above two points, so that a label covers neither them nor the line between them. */
function above(a: Spot, b: Spot): Spot {
  return [(a[0] + b[0]) / 2, Math.min(a[1], b[1]) - RADIUS - 4];
}
