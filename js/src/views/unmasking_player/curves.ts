/** Quality against passes, over many seeds: a line a strategy, with its 95 % interval. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import { Chart, pathOf } from "../../core/chart";
import { element, svgElement } from "../../core/elements";
import { formatTick, formatValue } from "../../core/format";
import { placeIn } from "../../core/place";
import { ticksWithin } from "../../core/ticks";
import type { Tooltip } from "../../core/tooltip";

export interface CurvesTrait {
  lines: [string, ArrayEnvelope][];
  label: string;
  done: number;
  total: number;
  running: boolean;
}

export interface CurvePoint {
  strategy: string;
  passes: number;
  score: number;
  low: number;
  high: number;
  steps: number;
  seeds: number;
}

const COLUMNS = 6;
/** Pixels from a point at which the pointer is on it. */
const NEAR = 22;
/** As in the charts of Python, so that a strategy has its colour everywhere. */
const COLOURS = ["#7f7f7f", "#3f85c0", "#2f9e77", "#c9950c", "#8a6bbe", "#d9480f", "#c2588b"];

export function colourOfLine(k: number): string {
  return COLOURS[k % COLOURS.length] ?? "";
}

/** The lines that Python sends; rows are passes, score, low, high, steps, seeds. */
export function pointsOf(trait: CurvesTrait): CurvePoint[][] {
  return trait.lines.map(([strategy, packed]) => {
    const { shape, values } = decodeArray(packed);
    if (shape.length !== 2 || shape[1] !== COLUMNS) {
      throw new Error(`a line of the comparison has ${COLUMNS} columns, not (${shape.join()})`);
    }
    return Array.from({ length: shape[0] ?? 0 }, (_, row) => {
      const at = (column: number): number => values[row * COLUMNS + column] ?? Number.NaN;
      return {
        strategy,
        passes: at(0),
        score: at(1),
        // Of a single seed there is no interval.
        low: Number.isNaN(at(2)) ? at(1) : at(2),
        high: Number.isNaN(at(3)) ? at(1) : at(3),
        steps: at(4),
        seeds: at(5),
      };
    }).sort((a, b) => a.passes - b.passes);
  });
}

interface Spot {
  x: number;
  y: number;
  point: CurvePoint;
}

export class Curves {
  readonly node: HTMLElement;
  #chart = new Chart("unmasking-curves");
  #legend = element("div", { class: "plm-legend" });
  #spots: Spot[] = [];

  constructor(signal: AbortSignal, tooltip: Tooltip) {
    const figure = this.#chart.node;
    this.node = element(
      "div",
      {},
      element("div", { class: "plm-title" }, "Quality against passes"),
      this.#legend,
      figure,
    );
    figure.addEventListener(
      "pointermove",
      (event) => {
        const { x, y } = placeIn(figure, event.clientX, event.clientY);
        const apart = (spot: Spot): number => Math.hypot(spot.x - x, spot.y - y);
        const nearest = this.#spots.reduce<Spot | null>(
          (best, spot) => (best === null || apart(spot) < apart(best) ? spot : best),
          null,
        );
        if (nearest && apart(nearest) < NEAR) {
          tooltip.show(inWords(nearest.point), event.clientX, event.clientY);
        } else tooltip.hide();
      },
      { signal },
    );
    figure.addEventListener("pointerleave", () => tooltip.hide(), { signal });
  }

  draw(trait: CurvesTrait): void {
    const lines = pointsOf(trait);
    const all = lines.flat();
    const count = trait.running ? `, ${trait.done} of ${trait.total} steps computed` : "";
    this.#legend.replaceChildren(
      ...trait.lines.map(([name], k) => {
        const swatch = element("span", { class: "unmasking-swatch" });
        swatch.style.background = colourOfLine(k);
        return element("span", { class: "plm-item" }, swatch, name);
      }),
      element(
        "span",
        { class: "plm-muted" },
        `mean of ${Math.max(0, ...all.map((p) => p.seeds))} seeds and its 95 % interval${count}`,
      ),
    );
    this.#spots = [];
    if (all.length === 0) {
      this.#chart.blank("nothing computed yet");
      return;
    }
    const low = Math.min(...all.map((p) => p.low));
    const high = Math.max(...all.map((p) => p.high));
    const room = 0.04 * (high - low || 1);
    const [bottom, top] = [low - room, high + room];
    const most = Math.max(2, ...all.map((p) => p.passes));
    const x = (passes: number): number =>
      this.#chart.x(Math.log2(Math.max(1, passes)) / Math.log2(most));
    const y = (score: number): number => this.#chart.y((score - bottom) / (top - bottom));
    const marks: SVGElement[] = [];
    for (const [k, line] of lines.entries()) {
      const colour = colourOfLine(k);
      const spots = line.map((point) => ({ x: x(point.passes), y: y(point.score), point }));
      const points = pathOf(spots.map((spot) => [spot.x, spot.y]));
      marks.push(
        svgElement("polyline", { class: "mean", points, stroke: colour }),
        ...spots.flatMap(({ x: across, y: up, point }) => [
          svgElement("line", {
            class: "interval",
            x1: across,
            x2: across,
            y1: y(point.low),
            y2: y(point.high),
            stroke: colour,
          }),
          svgElement("circle", { cx: across, cy: up, r: 3, fill: colour }),
        ]),
      );
      this.#spots.push(...spots);
    }
    const doublings = Array.from({ length: Math.floor(Math.log2(most)) + 1 }, (_, k) => 2 ** k);
    this.#chart.draw(
      all.map(inWords).join("; ").replaceAll("\n", ", "),
      { title: "passes for a sequence", ticks: doublings, place: x, text: String },
      { title: trait.label, ticks: ticksWithin([bottom, top], 5), place: y, text: formatTick },
      marks,
    );
  }
}

function inWords(point: CurvePoint): string {
  const { strategy, steps, passes, score, low, high, seeds } = point;
  const many = `${steps} ${steps === 1 ? "step" : "steps"}`;
  return (
    `${strategy}, ${many}\n${formatValue(passes)} passes: ${score.toFixed(2)}\n` +
    `${low.toFixed(2)} to ${high.toFixed(2)} (95 %), ${seeds} seeds`
  );
}
