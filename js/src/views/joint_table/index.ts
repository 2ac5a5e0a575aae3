/** How the two residues of the selected pair go together: their joint distribution. */
import { Choice, type Options } from "../../core/choice";
import { colourOf, gradientOf } from "../../core/colour";
import { element } from "../../core/elements";
import { formatDifference, formatValue, signed } from "../../core/format";
import { fact, LetterPanel } from "../../core/letter_table";
import lettersCss from "../../core/letter_table.css";
import { save } from "../../core/model";
import { ShownModel } from "../../core/shown_model";
import { readTheme } from "../../core/theme";
import { defineView, type View, type ViewContext } from "../../core/view";
import css from "./joint_table.css";
import {
  type Combination,
  Joint,
  JointDifference,
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
  /** Of the reference and of the model. */
  #traits: readonly (TableTrait | null)[] = [null, null];
  #joints: readonly (Joint | null)[] = [null, null];
  #shown: ShownModel;
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
    this.#shown = new ShownModel(model, "Whose joint distribution is shown", signal);
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
        this.#shown.node,
        this.#choices,
        element(
          "label",
          { class: "plm-group plm-muted", title: "41 passes of each model a pair" },
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
    const traits = ["reference_table", "table"].map(
      (name) => (model.get(name) ?? null) as TableTrait | null,
    );
    if (traits.some((trait, k) => trait !== this.#traits[k])) {
      // What is pointed at stays while the other model's table of the same pair arrives.
      const pairs = (some: typeof traits) => new Set(some.flatMap((one) => one?.pair.join() ?? []));
      const known = pairs([...this.#traits]);
      if (![...pairs(traits)].every((one) => known.has(one))) this.#panel.table.forget();
      this.#joints = traits.map((trait, k) =>
        trait === this.#traits[k] ? (this.#joints[k] ?? null) : trait && new Joint(trait),
      );
      this.#traits = traits;
    }
    const { pair } = selection.state;
    const joint = this.joint;
    const pending = model.get("pending") === true;
    const automatic = model.get("automatic") === true;
    this.#host.dataset.pair = joint?.pair.join(",") ?? "";
    this.#host.dataset.shown = String(model.get("shown") ?? "");
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

  /** Those of the selected pair: a table of the pair before is worse than none. */
  private get joints(): readonly (Joint | null)[] {
    const pair = this.#context.selection.state.pair?.join();
    return this.#joints.map((joint) => (joint?.pair.join() === pair ? joint : null));
  }

  /** What is shown; null while it is not there. */
  private get joint(): Joint | JointDifference | null {
    const { joints } = this;
    const [reference, model] = joints;
    if (this.#shown.index !== 2) return joints[this.#shown.index] ?? null;
    return reference && model ? new JointDifference(model, reference) : null;
  }

  #drawJoint(joint: Joint | JointDifference): void {
    const { protein, root } = this.#context;
    const [i, j] = joint.pair;
    const labels = [protein.labels[i] ?? "", protein.labels[j] ?? ""] as const;
    const { order, show } = this;
    this.#show.draw(SHOWN, show);
    this.#chain.draw(ORDERS, order);
    const combinations = joint.all(order);
    const difference = joint instanceof JointDifference;
    const both = this.joints.flatMap((one) => one?.all(order) ?? []);
    const limits = difference ? joint.limits(order, show) : limitsOf(both, show);
    const probable = show === "probability" && !difference;
    this.#panel.table.draw({
      labels,
      wildTypes: [protein.sequence[i], protein.sequence[j]],
      colour: (a, b) => colourOfCell(combinations[a * 20 + b], show, difference, limits),
      margins: [joint.margin(order, "i"), joint.margin(order, "j")],
      theme: readTheme(root),
    });
    const said = (of: (one: Joint) => number): string =>
      difference ? formatDifference(of(joint.one), of(joint.other)) : formatValue(of(joint));
    const information = `${said((one) => one.information(order))} bits`;
    this.#panel.table.canvas.ariaLabel =
      `${difference ? "Difference of the joint distributions" : "Joint distribution"} of ` +
      `${labels.join(" and ")}: ${information}`;
    this.#panel.showScale(
      gradientOf(probable ? "sequential" : "diverging"),
      limits,
      (show === "probability" ? "" : " bits") + (difference ? ", difference" : ""),
    );
    const less = difference ? "; of the model less that of the reference" : "";
    this.#panel.showFacts(
      fact(
        "Mutual information",
        information,
        `How much knowing one residue tells of the other${less}`,
      ),
      fact(
        "Orders disagree by",
        said((one) => one.disagreement),
        "JS distance (0 to 1) of the two orders of the chain rule: of one true joint it would be " +
          `0${less}`,
      ),
    );
    if (difference) this.#listChanges(joint, labels);
    else this.#listStrongest(combinations, labels);
  }

  #listStrongest(combinations: readonly Combination[], labels: readonly string[]): void {
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

  #listChanges(joint: JointDifference, labels: readonly string[]): void {
    const { order } = this;
    this.#panel.showList(
      "What changed most",
      [...labels, "p", "reference", "difference"],
      joint
        .largest(order, STRONGEST)
        .map(({ a, b, p }) => [
          this.#letters[a] ?? "",
          this.#letters[b] ?? "",
          formatValue(joint.one.at(order, a, b).p),
          formatValue(joint.other.at(order, a, b).p),
          signed(formatValue(p)),
        ]),
    );
  }

  #describe(a: number, b: number): string {
    const { joint, order } = this;
    if (!joint) return "";
    const { labels } = this.#context.protein;
    const [i, j] = joint.pair;
    const where = `${this.#letters[a]} at ${labels[i]}, ${this.#letters[b]} at ${labels[j]}`;
    if (joint instanceof JointDifference) {
      const [one, other] = [joint.one, joint.other].map((each) => each.at(order, a, b));
      return [
        where,
        `p: ${formatDifference(one?.p ?? 0, other?.p ?? 0)}`,
        `log2 ratio: ${formatDifference(one?.ratio ?? 0, other?.ratio ?? 0)} bits`,
      ].join("\n");
    }
    const { p, ratio } = joint.at(order, a, b);
    return [
      where,
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
  difference: boolean,
  [low, high]: readonly [number, number],
): string {
  if (!one) return "transparent";
  if (difference && show === "probability") return colourOf("diverging", one.p, low, high);
  if (show === "probability") return colourOf("sequential", Math.sqrt(one.p), 0, Math.sqrt(high));
  // What never happens has no ratio worth a colour.
  return colourOf("diverging", Number.isFinite(one.ratio) ? one.ratio : 0, low, high);
}

export default defineView({
  name: "joint_table",
  label: "Joint distribution",
  css: lettersCss + css,
  traits: [
    ...["table", "reference_table", "pending", "automatic", "show", "chain_order"],
    ...["models", "shown"],
  ],
  create: (context) => new JointTable(context),
});
