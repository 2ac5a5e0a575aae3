/** Loss and accuracy by fate, of the draw and of many. */
import { element } from "../../core/elements";
import { FATES, swatch } from "./strip";

/** n, loss in nats and accuracy; null where there is none. */
export type Row = readonly [n: number, loss: number | null, accuracy: number | null];

export interface Losses {
  draw?: Row[] | null;
  average?: Row[] | null;
  done?: number;
  total?: number;
  running?: boolean;
  problem?: string;
}

/** What guessing blindly costs, and how often it is right. */
const BLIND = { loss: Math.log(20), accuracy: 1 / 20 };
/** With a hyphen that shows where there is no room for the word. */
const ACCURACY = "accu\u00adracy";
const ROWS = [...FATES.slice(1), "all"] as const;

interface Cell {
  value: HTMLElement;
  bar: HTMLElement;
  count: HTMLElement;
}

export class LossTable {
  readonly node: HTMLElement;
  /** By row, then draw and average, then loss and accuracy. */
  #cells: Record<"draw" | "average", { loss: Cell; accuracy: Cell }>[] = [];
  #rows: HTMLElement[] = [];
  #head: HTMLElement;

  constructor() {
    this.#head = element("th", { scope: "colgroup", colspan: 2 }, "many draws");
    const head = element(
      "thead",
      {},
      element(
        "tr",
        {},
        element("td"),
        element("th", { scope: "colgroup", colspan: 2 }, "this draw"),
        this.#head,
      ),
      element(
        "tr",
        { class: "plm-muted" },
        element("td"),
        ...["loss, nats", ACCURACY, "loss, nats", ACCURACY].map((words) =>
          element("th", { scope: "col" }, words),
        ),
      ),
    );
    const body = element("tbody");
    for (const fate of ROWS) {
      const cells = {
        draw: { loss: cell("loss"), accuracy: cell("accuracy") },
        average: { loss: cell("loss"), accuracy: cell("accuracy") },
      };
      this.#cells.push(cells);
      const name = element("th", { scope: "row" });
      if (fate !== "all") name.append(swatch(fate), fate);
      else name.append("all chosen");
      const row = element(
        "tr",
        { class: `loss-${fate}` },
        name,
        ...[cells.draw, cells.average].flatMap(({ loss, accuracy }) =>
          [loss, accuracy].map(({ value, bar, count }) =>
            element("td", {}, element("div", { class: "loss-cell" }, bar, value, count)),
          ),
        ),
      );
      this.#rows.push(row);
      body.append(row);
    }
    this.node = element(
      "table",
      { class: "loss-table", "aria-label": "Loss and accuracy by what became of the residue" },
      head,
      body,
    );
  }

  draw({ draw, average, done, total }: Losses): void {
    this.#head.textContent = done
      ? `mean of ${done} ${done === 1 ? "draw" : "draws"}`
      : "many draws";
    if (total && done !== total) this.#head.textContent += ` of ${total}`;
    const losses = [draw, average].flatMap((rows) => (rows ?? []).map((row) => row[1] ?? 0));
    const top = Math.max(1.15 * BLIND.loss, ...losses);
    for (const [k, cells] of this.#cells.entries()) {
      for (const [rows, pair] of [
        [draw, cells.draw],
        [average, cells.average],
      ] as const) {
        const [n, loss, accuracy] = rows?.[k] ?? [0, null, null];
        const many = rows ? `n = ${n}` : "";
        show(pair.loss, loss, top, BLIND.loss, (value) => value.toFixed(2), many);
        show(pair.accuracy, accuracy, 1, BLIND.accuracy, (x) => `${Math.round(100 * x)} %`, "");
      }
    }
  }
}

function cell(kind: "loss" | "accuracy"): Cell {
  const bar = element("div", { class: `loss-bar loss-bar-${kind}`, "aria-hidden": "true" });
  return {
    bar,
    value: element("span", { class: "loss-value" }),
    count: element("span", { class: "loss-count plm-muted" }),
  };
}

function show(
  { bar, value, count }: Cell,
  found: number | null,
  top: number,
  blind: number,
  words: (value: number) => string,
  many: string,
): void {
  bar.style.setProperty("--share", String(Math.min(1, (found ?? 0) / top)));
  bar.style.setProperty("--blind", String(blind / top));
  value.textContent = found === null ? "–" : words(found);
  count.textContent = many;
}
