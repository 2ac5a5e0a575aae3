/** How the two residues of the selected pair go together: their joint distribution. */
import { gradientOf } from "../../core/colour";
import { element } from "../../core/elements";
import { formatLimit, formatValue } from "../../core/format";
import { magnification, placeIn } from "../../core/place";
import { readTheme } from "../../core/theme";
import { Tooltip } from "../../core/tooltip";
import { defineView, type View, type ViewContext } from "../../core/view";
import { type Cell, cellAt, cornerOf, drawTable } from "./drawing";
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

class JointTable implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #letters: string;
  /** The letters as shown, and the column of each in the alphabet. */
  #shown: string;
  #order: readonly number[];
  #trait: TableTrait | null = null;
  #joint: Joint | null = null;
  #pointed: Cell | null = null;
  #tooltip: Tooltip;
  #title = element("span", { class: "plm-title" }, "Joint distribution");
  #chosen = element("span", { class: "plm-muted" });
  #automatic = element("input", { type: "checkbox" });
  #compute = element("button", { type: "button", class: "plm-primary" }, "Compute");
  #show: HTMLSelectElement;
  #chain: HTMLSelectElement;
  #choices: HTMLElement;
  #busy = element("div", { class: "plm-busy" });
  #hint = element("div", { class: "plm-muted" });
  #canvas = element("canvas", { class: "joint-canvas", role: "img", tabindex: 0 });
  #ramp = element("span", { class: "joint-ramp" });
  #low = element("span");
  #high = element("span");
  #facts = element("dl", { class: "joint-facts" });
  #list = element("table", { class: "joint-list" });
  #body: HTMLElement;

  constructor(context: ViewContext) {
    this.#context = context;
    const { model, root, signal } = context;
    this.#host = (root.getRootNode() as ShadowRoot).host as HTMLElement;
    this.#letters = String(model.get("letters"));
    this.#shown = String(model.get("chemistry_order"));
    this.#order = [...this.#shown].map((letter) => this.#letters.indexOf(letter));
    this.#show = this.#choice("What the colours show", "show", [
      ["log_ratio", "log2 ratio to chance"],
      ["probability", "probability"],
    ]);
    this.#chain = this.#choice("Order of the chain rule", "chain_order", [
      ["mean", "mean of both orders"],
      ["i first", "first residue first"],
      ["j first", "second residue first"],
    ]);
    this.#choices = element("span", { class: "plm-group joint-choices" }, this.#show, this.#chain);
    const scale = element(
      "div",
      { class: "joint-scale plm-muted" },
      this.#low,
      this.#ramp,
      this.#high,
    );
    this.#body = element(
      "div",
      { class: "joint-body" },
      element("div", { class: "joint-map" }, this.#canvas, scale),
      element("div", { class: "joint-side" }, this.#facts, this.#list),
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
      this.#body,
    );
    this.#tooltip = new Tooltip(root);
    this.#compute.addEventListener("click", () => model.send({ type: "compute" }), { signal });
    this.#automatic.addEventListener(
      "change",
      () => this.#set("automatic", this.#automatic.checked),
      { signal },
    );
    this.#listen(signal);
  }

  draw(): void {
    const { model, protein, selection } = this.#context;
    const trait = model.get("table") as TableTrait | null;
    if (trait !== this.#trait) {
      this.#trait = trait;
      this.#joint = trait ? new Joint(trait) : null;
      this.#pointed = null;
      this.#tooltip.hide();
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
    this.#body.hidden = !joint;
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
    this.#show.value = show;
    this.#chain.value = order;
    const combinations = joint.all(order);
    const limits = limitsOf(combinations, show);
    drawTable(this.#canvas, {
      letters: this.#shown,
      order: this.#order,
      labels,
      wildTypes: [protein.sequence[i], protein.sequence[j]],
      combinations,
      margins: [joint.margin(order, "i"), joint.margin(order, "j")],
      show,
      limits,
      pointed: this.#pointed,
      theme: readTheme(root),
    });
    const information = `${formatValue(joint.information(order))} bits`;
    this.#canvas.ariaLabel = `Joint distribution of ${labels.join(" and ")}: ${information}`;
    this.#ramp.style.background = gradientOf(show === "probability" ? "sequential" : "diverging");
    const unit = show === "probability" ? "" : " bits";
    this.#low.textContent = formatLimit(limits[0]);
    this.#high.textContent = `${formatLimit(limits[1])}${unit}`;
    this.#facts.replaceChildren(
      ...fact("Mutual information", information, "How much knowing one residue tells of the other"),
      ...fact(
        "Orders disagree by",
        formatValue(joint.disagreement),
        "JS distance (0 to 1) of the two orders of the chain rule: of one true joint it would be 0",
      ),
    );
    this.#drawList(strongest(combinations, STRONGEST), labels);
  }

  #drawList(rows: readonly Combination[], labels: readonly [string, string]): void {
    const head = [...labels, "p", "by chance", "ratio"].map((text) =>
      element("th", { scope: "col" }, text),
    );
    this.#list.replaceChildren(
      element("caption", {}, "What goes together"),
      element("thead", {}, element("tr", {}, ...head)),
      element(
        "tbody",
        {},
        ...rows.map(({ a, b, p, ratio }) =>
          element(
            "tr",
            {},
            ...[
              this.#letters[a] ?? "",
              this.#letters[b] ?? "",
              formatValue(p),
              formatValue(p / 2 ** ratio),
              `× ${formatValue(2 ** ratio)}`,
            ].map((text) => element("td", {}, text)),
          ),
        ),
      ),
    );
  }

  #listen(signal: AbortSignal): void {
    const leave = (): void => {
      this.#pointed = null;
      this.#tooltip.hide();
      if (this.#joint) this.draw();
    };
    this.#canvas.addEventListener(
      "pointermove",
      (event) => {
        const { x, y } = placeIn(this.#canvas, event.clientX, event.clientY);
        const cell = cellAt(x, y);
        if (!cell) return leave();
        this.#pointed = cell;
        this.draw();
        this.#tooltip.show(this.#describe(cell), event.clientX, event.clientY);
      },
      { signal },
    );
    this.#canvas.addEventListener("pointerleave", leave, { signal });
    this.#canvas.addEventListener("blur", leave, { signal });
    this.#canvas.addEventListener("keydown", (event) => this.#step(event), { signal });
  }

  /** The arrow keys walk over the table. */
  #step(event: KeyboardEvent): void {
    const steps: Record<string, readonly [number, number]> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const step = steps[event.key];
    if (!step || !this.#joint) return;
    event.preventDefault();
    event.stopPropagation();
    const within = (k: number): number => Math.max(0, Math.min(19, k));
    const { row, column } = this.#pointed ?? { row: -step[0], column: -step[1] };
    this.#pointed = { row: within(row + step[0]), column: within(column + step[1]) };
    this.draw();
    const box = this.#canvas.getBoundingClientRect();
    const scale = magnification(this.#canvas);
    const [x, y] = cornerOf(this.#pointed);
    this.#tooltip.show(this.#describe(this.#pointed), box.left + scale * x, box.top + scale * y);
  }

  #describe({ row, column }: Cell): string {
    const joint = this.#joint;
    if (!joint) return "";
    const { labels } = this.#context.protein;
    const [a, b] = [this.#order[row] ?? 0, this.#order[column] ?? 0];
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

  #set(name: string, value: unknown): void {
    this.#context.model.set(name, value);
    this.#context.model.save_changes();
  }

  #choice(
    label: string,
    trait: string,
    options: readonly (readonly [string, string])[],
  ): HTMLSelectElement {
    const select = element(
      "select",
      { "aria-label": label, title: label },
      ...options.map(([value, text]) => element("option", { value }, text)),
    );
    select.addEventListener("change", () => this.#set(trait, select.value), {
      signal: this.#context.signal,
    });
    return select;
  }
}

/** A term and its value. */
function fact(name: string, value: string, title: string): HTMLElement[] {
  return [element("dt", { title, class: "plm-muted" }, name), element("dd", {}, value)];
}

export default defineView({
  name: "joint_table",
  label: "Joint distribution",
  css,
  traits: ["table", "pending", "automatic", "show", "chain_order"],
  create: (context) => new JointTable(context),
});
