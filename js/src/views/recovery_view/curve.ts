/** R over the flank length: a fan of the seeds, where it counts as recovered, and where one is. */
import { element, svgElement } from "../../core/elements";
import { formatValue } from "../../core/format";
import { placeIn } from "../../core/place";
import type { Tooltip } from "../../core/tooltip";
import { band, type Point, roundStep, stretches } from "./geometry";

const HEIGHT = 210;
const LEFT = 40;
const RIGHT = 14;
const TOP = 16;
const BOTTOM = 36;

export interface Content {
  points: readonly Point[];
  largest: number;
  flank: number;
  threshold: number;
  jumps: readonly number[];
  /** What a screen reader says of it. */
  summary: string;
}

export class Curve {
  readonly node: HTMLElement;
  #svg = svgElement("svg", { role: "img", class: "recovery-curve", height: HEIGHT });
  #content: Content | null = null;

  constructor(signal: AbortSignal, tooltip: Tooltip, choose: (k: number) => void) {
    this.node = element("div", { class: "recovery-figure" });
    this.node.append(this.#svg);
    let held = false;
    const at = (event: PointerEvent): number | null => {
      const content = this.#content;
      if (!content || content.largest === 0) return content ? 0 : null;
      const { x } = placeIn(this.node, event.clientX, event.clientY);
      const k = ((x - LEFT) / Math.max(1, this.#room())) * content.largest;
      return Math.max(0, Math.min(content.largest, Math.round(k)));
    };
    this.node.addEventListener(
      "pointerdown",
      (event) => {
        const k = at(event);
        if (k === null || event.button !== 0) return;
        held = true;
        this.node.setPointerCapture(event.pointerId);
        choose(k);
      },
      { signal },
    );
    this.node.addEventListener(
      "pointermove",
      (event) => {
        const k = at(event);
        const content = this.#content;
        if (k === null || !content) return;
        if (held && k !== content.flank) choose(k);
        tooltip.show(describe(k, content), event.clientX, event.clientY);
      },
      { signal },
    );
    const end = (): void => {
      held = false;
    };
    this.node.addEventListener("pointerup", end, { signal });
    this.node.addEventListener("pointercancel", end, { signal });
    this.node.addEventListener("pointerleave", () => tooltip.hide(), { signal });
  }

  #room(): number {
    return this.node.clientWidth - LEFT - RIGHT;
  }

  draw(content: Content): void {
    this.#content = content;
    const { points, largest, flank, threshold, jumps } = content;
    const width = this.node.clientWidth;
    const top = Math.max(1, ...points.map((point) => point.high));
    const x = (k: number): number => LEFT + (largest > 0 ? k / largest : 0) * this.#room();
    const y = (r: number): number => TOP + (1 - r / top) * (HEIGHT - TOP - BOTTOM);
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute("width", String(width));
    this.#svg.setAttribute("aria-label", content.summary);
    const parts = stretches(points);
    const line = (some: readonly Point[]): string =>
      some.map((p) => `${x(p.k).toFixed(1)},${y(p.median).toFixed(1)}`).join(" ");
    const here = points.find((point) => point.k === flank);
    this.#svg.replaceChildren(
      ...axes(width, largest, top, x, y),
      ...parts.flatMap((some) => [
        svgElement("path", { class: "fan-range", d: band(some, "low", "high", x, y) }),
        svgElement("path", { class: "fan-middle", d: band(some, "q25", "q75", x, y) }),
      ]),
      svgElement("line", {
        class: "threshold",
        x1: LEFT,
        x2: width - RIGHT,
        y1: y(threshold),
        y2: y(threshold),
      }),
      text("threshold-text", width - RIGHT, y(threshold) - 4, "recovered above", "end"),
      ...parts.map((some) => svgElement("polyline", { class: "median", points: line(some) })),
      ...points.map((p) =>
        svgElement("circle", { class: "median-dot", cx: x(p.k), cy: y(p.median), r: 1.8 }),
      ),
      ...jumps.map((k) =>
        svgElement("path", {
          class: "jump",
          d: `M${x(k) - 5},${TOP - 11}h10l-5,8Z`,
        }),
      ),
      svgElement("line", {
        class: "here",
        x1: x(flank),
        x2: x(flank),
        y1: TOP - 4,
        y2: HEIGHT - BOTTOM,
      }),
      ...(here
        ? [svgElement("circle", { class: "here-dot", cx: x(flank), cy: y(here.median), r: 5 })]
        : []),
    );
  }
}

function axes(
  width: number,
  largest: number,
  top: number,
  x: (k: number) => number,
  y: (r: number) => number,
): SVGElement[] {
  const parts: SVGElement[] = [];
  for (let r = 0; r <= top + 1e-9; r += top > 2 ? 1 : 0.5) {
    parts.push(
      svgElement("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(r), y2: y(r) }),
      text("tick", LEFT - 6, y(r) + 4, String(r), "end"),
    );
  }
  const step = roundStep(Math.max(1, largest), width, 44);
  for (let k = 0; k <= largest; k += step) {
    parts.push(text("tick", x(k), HEIGHT - BOTTOM + 15, String(k), "middle"));
  }
  parts.push(
    text("axis", (LEFT + width - RIGHT) / 2, HEIGHT - 3, "flank length k (residues)", "middle"),
    text("axis", 6, TOP - 4, "R", "start"),
  );
  return parts;
}

function text(name: string, x: number, y: number, words: string, anchor: string): SVGElement {
  const node = svgElement("text", { class: name, x, y, "text-anchor": anchor });
  node.textContent = words;
  return node;
}

function describe(k: number, { points, threshold }: Content): string {
  const point = points.find((one) => one.k === k);
  if (!point) return `k = ${k}\nnot computed yet`;
  const lines = [
    `k = ${k}`,
    `R = ${formatValue(point.median)}${point.median > threshold ? ", recovered" : ""}`,
  ];
  if (point.seeds > 1) {
    lines.push(`${formatValue(point.low)} to ${formatValue(point.high)} over ${point.seeds} draws`);
  }
  return lines.join("\n");
}
