/** How often which rate is drawn, and which it is now. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import { element, svgElement, svgText } from "../../core/elements";

const HEIGHT = 104;
const LEFT = 8;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 20;

export interface RateTrait {
  shares: ArrayEnvelope;
  mean: number;
}

export class Histogram {
  readonly node = element("div");
  #svg = svgElement("svg", { role: "img", class: "rate-plot", height: HEIGHT });

  constructor() {
    this.node.append(this.#svg);
  }

  draw({ shares, mean }: RateTrait, rate: number, name: string): void {
    const { values } = decodeArray(shares);
    const width = this.node.clientWidth;
    const room = Math.max(1, width - LEFT - RIGHT);
    const x = (r: number): number => LEFT + r * room;
    const top = Math.max(1e-9, ...values);
    const floor = HEIGHT - BOTTOM;
    const y = (share: number): number => floor - (share / top) * (floor - TOP);
    const step = room / values.length;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute("width", String(width));
    this.#svg.setAttribute(
      "aria-label",
      `Rates that are drawn (${name}): mean ${mean.toFixed(2)}, this draw ${rate.toFixed(3)}`,
    );
    this.#svg.replaceChildren(
      ...[...values].map((share, k) =>
        svgElement("rect", {
          class: "rate-bar",
          x: (LEFT + k * step + 0.5).toFixed(1),
          width: Math.max(0.5, step - 1).toFixed(1),
          y: y(share).toFixed(1),
          height: Math.max(0, floor - y(share)).toFixed(1),
        }),
      ),
      svgElement("line", { class: "rate-axis", x1: LEFT, x2: width - RIGHT, y1: floor, y2: floor }),
      ...[0, 0.25, 0.5, 0.75, 1].map((r) => {
        const anchor = r === 0 ? "start" : r === 1 ? "end" : "middle";
        const at = r === 0 ? 0 : r === 1 ? width : x(r);
        return svgText("rate-tick", at, HEIGHT - 5, String(r), anchor);
      }),
      svgElement("line", { class: "rate-mean", x1: x(mean), x2: x(mean), y1: TOP, y2: floor }),
      svgElement("line", { class: "rate-now", x1: x(rate), x2: x(rate), y1: TOP - 4, y2: floor }),
      svgElement("path", { class: "rate-mark", d: `M${x(rate) - 5},${TOP - 7}h10l-5,8Z` }),
    );
  }
}
