/** Quality against passes, over many seeds: a line a strategy, with its 95 % interval. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import { element, svgElement } from "../../core/elements";
import { formatValue } from "../../core/format";
import { placeIn } from "../../core/place";
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
const HEIGHT = 220;
const LEFT = 48;
const RIGHT = 16;
const TOP = 18;
const BOTTOM = 36;
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

/** Round numbers within a range, about five of them. */
export function roundTicks(low: number, high: number): number[] {
  const rough = (high - low) / 5 || 1;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * decade).find((size) => size >= rough) ?? rough;
  const found: number[] = [];
  for (let k = Math.ceil(low / step); k * step <= high + 1e-9; k += 1) found.push(k * step);
  return found;
}

export class Curves {
  readonly node: HTMLElement;
  #svg = svgElement("svg", { role: "img", class: "unmasking-curves", height: HEIGHT });
  #legend = element("div", { class: "unmasking-legend" });
  #spots: { x: number; y: number; point: CurvePoint }[] = [];

  constructor(signal: AbortSignal, tooltip: Tooltip) {
    const figure = element("div", { class: "unmasking-figure" });
    figure.append(this.#svg);
    this.node = element(
      "div",
      {},
      element("div", { class: "unmasking-title" }, "Quality against passes"),
      this.#legend,
      figure,
    );
    figure.addEventListener(
      "pointermove",
      (event) => {
        const { x, y } = placeIn(figure, event.clientX, event.clientY);
        const apart = (spot: { x: number; y: number }): number =>
          Math.hypot(spot.x - x, spot.y - y);
        const nearest = this.#spots.reduce<{ x: number; y: number; point: CurvePoint } | null>(
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
        return element("span", { class: "unmasking-name" }, swatch, name);
      }),
      element(
        "span",
        { class: "plm-muted" },
        `mean of ${Math.max(0, ...all.map((p) => p.seeds))} seeds and its 95 % interval${count}`,
      ),
    );
    const width = this.node.clientWidth;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute("width", String(width));
    this.#svg.setAttribute("aria-label", all.map(inWords).join("; ").replaceAll("\n", ", "));
    this.#spots = [];
    if (all.length === 0) {
      this.#svg.replaceChildren(
        text("tick", width / 2, HEIGHT / 2, "nothing computed yet", "middle"),
      );
      return;
    }
    const low = Math.min(...all.map((p) => p.low));
    const high = Math.max(...all.map((p) => p.high));
    const room = high - low || 1;
    const [bottom, top] = [low - 0.04 * room, high + 0.04 * room];
    const most = Math.max(2, ...all.map((p) => p.passes));
    const x = (passes: number): number =>
      LEFT + (Math.log2(Math.max(1, passes)) / Math.log2(most)) * (width - LEFT - RIGHT);
    const y = (score: number): number =>
      TOP + ((top - score) / (top - bottom)) * (HEIGHT - TOP - BOTTOM);
    const parts: SVGElement[] = [];
    for (const tick of roundTicks(bottom, top)) {
      parts.push(
        svgElement("line", {
          class: "grid",
          x1: LEFT,
          x2: width - RIGHT,
          y1: y(tick),
          y2: y(tick),
        }),
        text("tick", LEFT - 6, y(tick) + 4, formatTick(tick), "end"),
      );
    }
    for (let passes = 1; passes <= most; passes *= 2) {
      parts.push(text("tick", x(passes), HEIGHT - BOTTOM + 15, String(passes), "middle"));
    }
    parts.push(
      text("axis", (LEFT + width - RIGHT) / 2, HEIGHT - 3, "passes for a sequence", "middle"),
      text("axis", 2, TOP - 7, trait.label, "start"),
    );
    for (const [k, line] of lines.entries()) {
      const colour = colourOfLine(k);
      const path = line.map((p) => `${x(p.passes).toFixed(1)},${y(p.score).toFixed(1)}`).join(" ");
      parts.push(
        svgElement("polyline", { class: "mean", points: path, stroke: colour }),
        ...line.flatMap((p) => [
          svgElement("line", {
            class: "interval",
            x1: x(p.passes),
            x2: x(p.passes),
            y1: y(p.low),
            y2: y(p.high),
            stroke: colour,
          }),
          svgElement("circle", { cx: x(p.passes), cy: y(p.score), r: 3, fill: colour }),
        ]),
      );
      for (const point of line) this.#spots.push({ x: x(point.passes), y: y(point.score), point });
    }
    this.#svg.replaceChildren(...parts);
  }
}

function formatTick(value: number): string {
  return String(Number(value.toPrecision(6))).replace("-", "\u2212");
}

function inWords(point: CurvePoint): string {
  const { strategy, steps, passes, score, low, high, seeds } = point;
  const many = `${steps} ${steps === 1 ? "step" : "steps"}`;
  return (
    `${strategy}, ${many}\n${formatValue(passes)} passes: ${score.toFixed(2)}\n` +
    `${low.toFixed(2)} to ${high.toFixed(2)} (95 %), ${seeds} seeds`
  );
}

function text(name: string, x: number, y: number, words: string, anchor: string): SVGElement {
  const node = svgElement("text", { class: name, x, y, "text-anchor": anchor });
  node.textContent = words;
  return node;
}
