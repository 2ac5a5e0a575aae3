/** How the amino acids of the selected pair are coupled: its block of the categorical Jacobian. */
import { colourOf, gradientOf } from "../../core/colour";
import { element } from "../../core/elements";
import { formatCount, formatLimit, formatValue } from "../../core/format";
import { LetterTable } from "../../core/letter_table";
import lettersCss from "../../core/letter_table.css";
import { readTheme } from "../../core/theme";
import { defineView, type View, type ViewContext } from "../../core/view";
import { Block, type BlockTrait, signed } from "./block";
import css from "./jacobian_table.css";

const STRONGEST = 6;

class JacobianTable implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #letters: string;
  #trait: BlockTrait | null = null;
  #block: Block | null = null;
  #table: LetterTable;
  #chosen = element("span", { class: "plm-muted" });
  #hint = element("div", { class: "plm-muted", role: "status" });
  #low = element("span");
  #high = element("span");
  #facts = element("dl", { class: "letters-facts" });
  #list = element("table", { class: "letters-list" });
  #body: HTMLElement;

  constructor(context: ViewContext) {
    this.#context = context;
    const { model, root, signal } = context;
    this.#host = (root.getRootNode() as ShadowRoot).host as HTMLElement;
    this.#letters = String(model.get("letters"));
    this.#table = new LetterTable({
      root,
      signal,
      letters: this.#letters,
      shown: String(model.get("chemistry_order")),
      describe: (a, b) => this.#describe(a, b),
      redraw: () => this.draw(),
    });
    const ramp = element("span", { class: "letters-ramp" });
    ramp.style.background = gradientOf("diverging");
    const scale = element("div", { class: "letters-scale plm-muted" }, this.#low, ramp, this.#high);
    this.#body = element(
      "div",
      { class: "letters-body" },
      element("div", { class: "letters-map" }, this.#table.canvas, scale),
      element("div", { class: "letters-side" }, this.#facts, this.#list),
    );
    root.append(
      element(
        "div",
        { class: "plm-toolbar" },
        element("span", { class: "plm-title" }, "Coupling of amino acids"),
        this.#chosen,
      ),
      this.#hint,
      this.#body,
    );
  }

  draw(): void {
    const { model, protein, selection } = this.#context;
    const trait = model.get("table") as BlockTrait | null;
    if (trait !== this.#trait) {
      // What is pointed at stays while the score of the same pair arrives.
      if (trait?.pair.join() !== this.#trait?.pair.join()) this.#table.forget();
      this.#trait = trait;
      this.#block = trait ? new Block(trait) : null;
    }
    const { pair } = selection.state;
    // A table of the pair before is worse than none.
    const block = pair && this.#block?.pair.join() === pair.join() ? this.#block : null;
    this.#host.dataset.pair = block?.pair.join(",") ?? "";
    this.#chosen.textContent = pair ? pair.map((k) => protein.labels[k]).join(" · ") : "";
    this.#body.hidden = !block;
    this.#hint.hidden = block !== null;
    this.#hint.textContent = pair
      ? String(model.get("notice"))
      : "Click a cell of the map: here you see which amino acids its two residues favour together.";
    if (block) this.#drawBlock(block);
  }

  #drawBlock(block: Block): void {
    const { protein, root } = this.#context;
    const [i, j] = block.pair;
    const labels = [protein.labels[i] ?? "", protein.labels[j] ?? ""] as const;
    const limits = block.limits;
    this.#table.draw({
      labels,
      wildTypes: [protein.sequence[i], protein.sequence[j]],
      colour: (a, b) => colourOf("diverging", block.at(a, b), ...limits),
      theme: readTheme(root),
    });
    const [first] = block.strongest(1);
    this.#table.canvas.ariaLabel =
      `Coupling of the amino acids at ${labels.join(" and ")}: strongest is ` +
      `${this.#letters[first?.a ?? 0]} with ${this.#letters[first?.b ?? 0]}, ` +
      `${signed(formatValue(first?.value ?? 0))} nats`;
    this.#low.textContent = formatLimit(limits[0]);
    this.#high.textContent = `${formatLimit(limits[1])} nats`;
    const { score, rank, pairs } = this.#trait ?? { score: null, rank: null, pairs: 0 };
    this.#facts.replaceChildren(
      ...fact(
        "Score",
        score === null ? "once all positions are done" : formatValue(score),
        "The pair's value in the map: the norm of its block, less its average product",
      ),
      ...(rank === null
        ? []
        : fact(
            "Rank",
            `${formatCount(rank)} of ${formatCount(pairs)} pairs`,
            "Among all pairs of the protein, the strongest first",
          )),
    );
    this.#drawList(block, labels);
  }

  #drawList(block: Block, labels: readonly [string, string]): void {
    const head = [...labels, "coupling, nats"].map((text) => element("th", { scope: "col" }, text));
    this.#list.replaceChildren(
      element("caption", {}, "Strongest, + favoured"),
      element("thead", {}, element("tr", {}, ...head)),
      element(
        "tbody",
        {},
        ...block
          .strongest(STRONGEST)
          .map(({ a, b, value }) =>
            element(
              "tr",
              {},
              ...[this.#letters[a] ?? "", this.#letters[b] ?? "", signed(formatValue(value))].map(
                (text) => element("td", {}, text),
              ),
            ),
          ),
      ),
    );
  }

  #describe(a: number, b: number): string {
    const block = this.#block;
    if (!block) return "";
    const { labels } = this.#context.protein;
    const [i, j] = block.pair;
    return [
      `${this.#letters[a]} at ${labels[i]}, ${this.#letters[b]} at ${labels[j]}`,
      `coupling ${signed(formatValue(block.at(a, b)))} nats`,
    ].join("\n");
  }
}

/** A term and its value. */
function fact(name: string, value: string, title: string): HTMLElement[] {
  return [element("dt", { title, class: "plm-muted" }, name), element("dd", {}, value)];
}

export default defineView({
  name: "jacobian_table",
  label: "Coupling of amino acids",
  css: lettersCss + css,
  traits: ["table", "notice"],
  create: (context) => new JacobianTable(context),
});
