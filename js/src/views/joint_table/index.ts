/** How the two residues of the selected pair go together: their joint distribution. */
import { Choice, type Options } from "../../core/choice";
import { colourOf, gradientOf } from "../../core/colour";
import { element } from "../../core/elements";
import { formatValue } from "../../core/format";
import { fact, LetterPanel } from "../../core/letter_table";
import lettersCss from "../../core/letter_table.css";
import { save } from "../../core/model";
import { readTheme } from "../../core/theme";
import { defineView, type View, type ViewContext } from "../../core/view";
import css from "./joint_table.css";
import {
  type Combination,
  Joint,
  limitsOf,
  type Order,
  type Show,
  strongest,
  type TableTrait,
} from "./table";

const STRONGEST = 6;
const SHOWN: Options = [
  ["log_ratio", "log2 ratio to chance"],
  ["probability", "probability"],
];
const ORDERS: Options = [
  ["mean", "mean of both orders"],
  ["i first", "first residue first"],
  ["j first", "second residue first"],
];

class JointTable implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #letters: string;
  #trait: TableTrait | null = null;
  #joint: Joint | null = null;
  #panel: LetterPanel;
  #title = element("span", { class: "plm-title" }, "Joint distribution");
  #chosen = element("span", { class: "plm-muted" });
  #automatic = element("input", { type: "checkbox" });
  #compute = element("button", { type: "button", class: "plm-primary" }, "Compute");
  #show: Choice;
  #chain: Choice;
  #choices: HTMLElement;
  #busy = element("div", { class: "plm-busy" });
  #hint = element("div", { class: "plm-muted" });

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
    this.#show = new Choice("What the colours show", "show", signal, (show) =>
      save(model, { show }),
    );
    this.#chain = new Choice("Order of the chain rule", "chain_order", signal, (chain_order) =>
      save(model, { chain_order }),
    );
    this.#choices = element(
      "span",
      { class: "plm-group joint-choices" },
      this.#show.node,
      this.#chain.node,
    );
    root.append(
      element(
        "div",
        { class: "plm-toolbar" },
        this.#title,
        this.#chosen,
        this.#compute,
        element("span", { class: "plm-spring" }),
        this.#choices,
        element(
          "label",
          { class: "plm-group plm-muted", title: "41 passes of the model a pair" },
          this.#automatic,
          "at every click",
        ),
      ),
      this.#busy,
      this.#hint,
      this.#panel.node,
    );
    this.#compute.addEventListener("click", () => model.send({ type: "compute" }), { signal });
    this.#automatic.addEventListener(
      "change",
      () => save(model, { automatic: this.#automatic.checked }),
      { signal },
    );
  }

  draw(): void {
    const { model, protein, selection } = this.#context;
    const trait = model.get("table") as TableTrait | null;
    if (trait !== this.#trait) {
      this.#trait = trait;
      this.#joint = trait ? new Joint(trait) : null;
      this.#panel.table.forget();
    }
    const { pair } = selection.state;
    // A table of the pair before is worse than none.
    const joint = pair && this.#joint?.pair.join() === pair.join() ? this.#joint : null;
    const pending = model.get("pending") === true;
    const automatic = model.get("automatic") === true;
    this.#host.dataset.pair = joint?.pair.join(",") ?? "";
    this.#chosen.textContent = pair ? pair.map((k) => protein.labels[k]).join(" · ") : "";
    this.#automatic.checked = automatic;
    this.#compute.hidden = !pair || joint !== null || pending || automatic;
    this.#busy.classList.toggle("is-on", pending);
    this.#choices.hidden = !joint;
    this.#panel.node.hidden = !joint;
    this.#hint.hidden = joint !== null;
    this.#hint.textContent = pair
      ? pending || automatic
        ? "The model is asked what fits at one residue for each letter of the other."
        : "41 passes of the model, ahead of a running scan."
      : "Click a cell of the map: here you see which amino acids its two residues prefer together.";
    if (joint) this.#drawJoint(joint);
  }

  #drawJoint(joint: Joint): void {
    const { protein, root } = this.#context;
    const [i, j] = joint.pair;
    const labels = [protein.labels[i] ?? "", protein.labels[j] ?? ""] as const;
    const { order, show } = this;
    this.#show.draw(SHOWN, show);
    this.#chain.draw(ORDERS, order);
    const combinations = joint.all(order);
    const limits = limitsOf(combinations, show);
    this.#panel.table.draw({
      labels,
      wildTypes: [protein.sequence[i], protein.sequence[j]],
      colour: (a, b) => colourOfCell(combinations[a * 20 + b], show, limits),
      margins: [joint.margin(order, "i"), joint.margin(order, "j")],
      theme: readTheme(root),
    });
    const information = `${formatValue(joint.information(order))} bits`;
    this.#panel.table.canvas.ariaLabel = `Joint distribution of ${labels.join(" and ")}: ${information}`;
    const probable = show === "probability";
    this.#panel.showScale(
      gradientOf(probable ? "sequential" : "diverging"),
      limits,
      probable ? "" : " bits",
    );
    this.#panel.showFacts(
      fact("Mutual information", information, "How much knowing one residue tells of the other"),
      fact(
        "Orders disagree by",
        formatValue(joint.disagreement),
        "JS distance (0 to 1) of the two orders of the chain rule: of one true joint it would be 0",
      ),
    );
    this.#panel.showList(
      "What goes together",
      [...labels, "p", "by chance", "ratio"],
      strongest(combinations, STRONGEST).map(({ a, b, p, ratio }) => [
        this.#letters[a] ?? "",
        this.#letters[b] ?? "",
        formatValue(p),
        formatValue(p / 2 ** ratio),
        `× ${formatValue(2 ** ratio)}`,
      ]),
    );
  }

  #describe(a: number, b: number): string {
    const joint = this.#joint;
    if (!joint) return "";
    const { labels } = this.#context.protein;
    const { p, ratio } = joint.at(this.order, a, b);
    const [i, j] = joint.pair;
    return [
      `${this.#letters[a]} at ${labels[i]}, ${this.#letters[b]} at ${labels[j]}`,
      `p = ${formatValue(p)}, by chance ${formatValue(p / 2 ** ratio)}`,
      `log2 ratio ${formatValue(ratio)} bits`,
    ].join("\n");
  }

  private get order(): Order {
    return String(this.#context.model.get("chain_order")) as Order;
  }

  private get show(): Show {
    return String(this.#context.model.get("show")) as Show;
  }
}

function colourOfCell(
  one: Combination | undefined,
  show: Show,
  [low, high]: readonly [number, number],
): string {
  if (!one) return "transparent";
  if (show === "probability") return colourOf("sequential", Math.sqrt(one.p), 0, Math.sqrt(high));
  // What never happens has no ratio worth a colour.
  return colourOf("diverging", Number.isFinite(one.ratio) ? one.ratio : 0, low, high);
}

export default defineView({
  name: "joint_table",
  label: "Joint distribution",
  css: lettersCss + css,
  traits: ["table", "pending", "automatic", "show", "chain_order"],
  create: (context) => new JointTable(context),
});
