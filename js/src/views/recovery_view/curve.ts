/** R over the flank length: a fan of the seeds, where it counts as recovered, and where one is. */
import { Chart, pathOf } from "../../core/chart";
import { svgElement, svgText } from "../../core/elements";
import { formatValue } from "../../core/format";
import { ticksWithin } from "../../core/ticks";
import type { Tooltip } from "../../core/tooltip";
import { band, type Point, stretches } from "./geometry";

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
  #chart = new Chart("recovery-figure");
  #content: Content | null = null;

  constructor(signal: AbortSignal, tooltip: Tooltip, choose: (k: number) => void) {
    this.node = this.#chart.node;
    let held = false;
    const at = (event: PointerEvent): number | null => {
      const content = this.#content;
      if (!content || content.largest === 0) return content ? 0 : null;
      const k = Math.round(this.#chart.shareAt(event) * content.largest);
      return Math.max(0, Math.min(content.largest, k));
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

  draw(content: Content): void {
    this.#content = content;
    const { points, largest, flank, threshold, jumps, summary } = content;
    const chart = this.#chart;
    const top = Math.max(1, ...points.map((point) => point.high));
    const x = (k: number): number => chart.x(largest > 0 ? k / largest : 0);
    const y = (r: number): number => chart.y(r / top);
    const [left, right, upper, lower] = [chart.x(0), chart.x(1), chart.y(1), chart.y(0)];
    const parts = stretches(points);
    const here = points.find((point) => point.k === flank);
    const marks = [
      ...parts.flatMap((some) => [
        svgElement("path", { class: "fan-range", d: band(some, "low", "high", x, y) }),
        svgElement("path", { class: "fan-middle", d: band(some, "q25", "q75", x, y) }),
      ]),
      svgElement("line", {
        class: "threshold",
        x1: left,
        x2: right,
        y1: y(threshold),
        y2: y(threshold),
      }),
      svgText("tick", right, y(threshold) - 4, "recovered above", "end"),
      ...parts.map((some) =>
        svgElement("polyline", {
          class: "median",
          points: pathOf(some.map((p) => [x(p.k), y(p.median)])),
        }),
      ),
      ...points.map((p) =>
        svgElement("circle", { class: "median-dot", cx: x(p.k), cy: y(p.median), r: 1.8 }),
      ),
      ...jumps.map((k) =>
        svgElement("path", { class: "jump", d: `M${x(k) - 5},${upper - 11}h10l-5,8Z` }),
      ),
      svgElement("line", { class: "here", x1: x(flank), x2: x(flank), y1: upper - 4, y2: lower }),
      ...(here
        ? [svgElement("circle", { class: "here-dot", cx: x(flank), cy: y(here.median), r: 5 })]
        : []),
    ];
    const flanks = ticksWithin([0, largest], (right - left) / 44).filter(Number.isInteger);
    chart.draw(
      summary,
      { title: "flank length k (residues)", ticks: flanks, place: x, text: String },
      { title: "R", ticks: ticksWithin([0, top], 2), place: y, text: String },
      marks,
    );
  }
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
