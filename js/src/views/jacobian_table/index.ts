/** How the amino acids of the selected pair are coupled: its block of the categorical Jacobian. */
import { colourOf, gradientOf } from "../../core/colour";
import { element } from "../../core/elements";
import { formatCount, formatValue, signed } from "../../core/format";
import { fact, LetterPanel } from "../../core/letter_table";
import lettersCss from "../../core/letter_table.css";
import { readTheme } from "../../core/theme";
import { defineView, type View, type ViewContext } from "../../core/view";
import { Block, type BlockTrait } from "./block";

const STRONGEST = 6;

class JacobianTable implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #letters: string;
  #trait: BlockTrait | null = null;
  #block: Block | null = null;
  #panel: LetterPanel;
  #chosen = element("span", { class: "plm-muted" });
  #hint = element("div", { class: "plm-muted", role: "status" });

  constructor(context: ViewContext) {
    this.#context = context;
    const { model, root, signal } = context;
    this.#host = context.host;
    this.#letters = String(model.get("letters"));
    this.#panel = new LetterPanel({
      root,
      signal,
      letters: this.#letters,
      shown: String(model.get("chemistry_order")),
      describe: (a, b) => this.#describe(a, b),
      redraw: () => this.draw(),
    });
    root.append(
      element(
        "div",
        { class: "plm-toolbar" },
        element("span", { class: "plm-title" }, "Coupling of amino acids"),
        this.#chosen,
      ),
      this.#hint,
      this.#panel.node,
    );
  }

  draw(): void {
    const { model, protein, selection } = this.#context;
    const trait = model.get("table") as BlockTrait | null;
    if (trait !== this.#trait) {
      // What is pointed at stays while the score of the same pair arrives.
      if (trait?.pair.join() !== this.#trait?.pair.join()) this.#panel.table.forget();
      this.#trait = trait;
      this.#block = trait ? new Block(trait) : null;
    }
    const { pair } = selection.state;
    // A table of the pair before is worse than none.
    const block = pair && this.#block?.pair.join() === pair.join() ? this.#block : null;
    this.#host.dataset.pair = block?.pair.join(",") ?? "";
    this.#chosen.textContent = pair ? pair.map((k) => protein.labels[k]).join(" · ") : "";
    this.#panel.node.hidden = !block;
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
    this.#panel.table.draw({
      labels,
      wildTypes: [protein.sequence[i], protein.sequence[j]],
      colour: (a, b) => colourOf("diverging", block.at(a, b), ...limits),
      theme: readTheme(root),
    });
    const [first] = block.strongest(1);
    this.#panel.table.canvas.ariaLabel =
      `Coupling of the amino acids at ${labels.join(" and ")}: strongest is ` +
      `${this.#letters[first?.a ?? 0]} with ${this.#letters[first?.b ?? 0]}, ` +
      `${signed(formatValue(first?.value ?? 0))} nats`;
    this.#panel.showScale(gradientOf("diverging"), limits, " nats");
    const { score, rank, pairs } = this.#trait ?? { score: null, rank: null, pairs: 0 };
    this.#panel.showFacts(
      fact(
        "Score",
        score === null ? "once all positions are done" : formatValue(score),
        "The pair's value in the map: the norm of its block, less its average product",
      ),
      rank === null
        ? []
        : fact(
            "Rank",
            `${formatCount(rank)} of ${formatCount(pairs)} pairs`,
            "Among all pairs of the protein, the strongest first",
          ),
    );
    this.#panel.showList(
      "Strongest, + favoured",
      [...labels, "coupling, nats"],
      block
        .strongest(STRONGEST)
        .map(({ a, b, value }) => [
          this.#letters[a] ?? "",
          this.#letters[b] ?? "",
          signed(formatValue(value)),
        ]),
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

export default defineView({
  name: "jacobian_table",
  label: "Coupling of amino acids",
  css: lettersCss,
  traits: ["table", "notice"],
  create: (context) => new JacobianTable(context),
});
