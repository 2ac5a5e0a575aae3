/** A figure with two axes, in SVG, for lines, bands and dots; see chart.css. */
import { element, svgElement, svgText } from "./elements";
import { placeIn } from "./place";

const HEIGHT = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [48, 16, 22, 36];

interface Axis {
  title: string;
  ticks: readonly number[];
  /** Where a tick lies in the chart: a pixel that `x` or `y` of the chart gave. */
  place(tick: number): number;
  text(tick: number): string;
}

export class Chart {
  /** Gets all events of the chart. */
  readonly node: HTMLElement;
  #svg = svgElement("svg", { role: "img", height: HEIGHT });

  constructor(name: string) {
    this.node = element("div", { class: `chart ${name}` });
    this.node.append(this.#svg);
  }

  /** The pixel of a share of the horizontal axis, 0 at its left end to 1. */
  x(share: number): number {
    return LEFT + share * (this.node.clientWidth - LEFT - RIGHT);
  }

  /** The pixel of a share of the vertical axis, 0 at its lower end to 1. */
  y(share: number): number {
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  }

  /** The share of the horizontal axis that an event is at; beyond 0 to 1 beside the axis. */
  shareAt(event: MouseEvent): number {
    const { x } = placeIn(this.node, event.clientX, event.clientY);
    return (x - LEFT) / Math.max(1, this.x(1) - LEFT);
  }

  /** Draw axes, and marks over them; `words` are what a screen reader says of it. */
  draw(words: string, x: Axis, y: Axis, marks: readonly SVGElement[]): void {
    const [left, right, bottom] = [this.x(0), this.x(1), this.y(0)];
    this.#show(words, [
      ...y.ticks.flatMap((tick) => {
        const at = y.place(tick);
        return [
          svgElement("line", { class: "grid", x1: left, x2: right, y1: at, y2: at }),
          svgText("tick", left - 6, at + 4, y.text(tick), "end"),
        ];
      }),
      ...x.ticks.map((tick) => svgText("tick", x.place(tick), bottom + 15, x.text(tick), "middle")),
      svgText("axis", (left + right) / 2, HEIGHT - 3, x.title, "middle"),
      svgText("axis", 4, TOP - 9, y.title, "start"),
      ...marks,
    ]);
  }

  /** Say that there is nothing to draw. */
  blank(words: string): void {
    this.#show(words, [svgText("tick", this.node.clientWidth / 2, HEIGHT / 2, words, "middle")]);
  }

  #show(words: string, parts: readonly SVGElement[]): void {
    const width = this.node.clientWidth;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute("width", String(width));
    this.#svg.setAttribute("aria-label", words);
    this.#svg.replaceChildren(...parts);
  }
}

/** The points of a polyline, for as many pixels as matter. */
export function pathOf(points: readonly (readonly [x: number, y: number])[]): string {
  return points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
}
