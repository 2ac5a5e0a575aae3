/** What the colours mean: below the drawing, as words and samples. */
import { CHEMISTRY, classColour, type ScaleKind } from "../../core/colour";
import { element } from "../../core/elements";
import { formatLimit } from "../../core/format";
import { ramp } from "../../core/ramp";
import { countStyles, PAIR_STYLES, type TopPair } from "./pairs";

export interface LegendState {
  chemistry: boolean;
  label: string;
  kind: ScaleKind;
  limits: readonly [number, number];
  classes: readonly string[];
  known: boolean;
  masked: number;
  pairs: readonly TopPair[];
}

export class Legend {
  readonly node = element("div", { class: "plm-legend" });
  #shown = "";

  draw(state: LegendState): void {
    const shown = JSON.stringify(state);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.node.replaceChildren(...this.#colours(state), ...this.#marks(state));
  }

  #colours({ chemistry, label, kind, limits, classes, known }: LegendState): Node[] {
    if (chemistry) {
      return CHEMISTRY.map(({ name, colour }) => item(sample("structure-dot", colour), name));
    }
    if (!known) return [element("span", { class: "plm-muted" }, "No values")];
    if (classes.length > 0) {
      return classes.map((name, k) => item(sample("structure-dot", classColour(k)), name));
    }
    return [
      element("span", { class: "plm-item" }, label),
      element(
        "span",
        { class: "plm-item" },
        element("span", { class: "plm-muted" }, formatLimit(limits[0])),
        ramp(kind),
        element("span", { class: "plm-muted" }, formatLimit(limits[1])),
      ),
    ];
  }

  #marks({ masked, pairs }: LegendState): Node[] {
    const marks: Node[] = [];
    if (masked > 0)
      marks.push(item(sample("structure-dot structure-mask-dot"), `masked (${masked})`));
    const counts = countStyles(pairs);
    for (const style of ["contact", "apart", "unknown"] as const) {
      if (counts[style] === 0) continue;
      const { name, colour } = PAIR_STYLES[style];
      const line = sample(`structure-line structure-line-${style}`);
      line.style.color = colour;
      // Counts grow while a scan runs: with room for two digits, what stands behind them stays.
      const room = counts[style] < 10 ? "\u2007" : "";
      marks.push(item(line, `${name} (${counts[style]})${room}`));
    }
    return marks;
  }
}

function sample(name: string, colour?: string): HTMLElement {
  const node = element("span", { class: name });
  if (colour) node.style.background = colour;
  return node;
}

function item(mark: Node, text: string): HTMLElement {
  return element("span", { class: "plm-item" }, mark, text);
}
