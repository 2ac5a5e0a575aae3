/** Contact recovery: drag a segment, slide how much around it is shown, see what comes back. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import chartCss from "../../core/chart.css";
import { Choice, type Options } from "../../core/choice";
import { element } from "../../core/elements";
import { formatValue } from "../../core/format";
import { save } from "../../core/model";
import { Notice } from "../../core/notice";
import { readTheme } from "../../core/theme";
import { Tooltip } from "../../core/tooltip";
import { defineView, type View, type ViewContext } from "../../core/view";
import { Bar } from "./bar";
import { Curve } from "./curve";
import { type Point, pointsOf, replaced, type Segment } from "./geometry";
import css from "./recovery_view.css";

const STRATEGIES: Record<string, string> = {
  flanking: "the k residues on either side",
  random: "2k residues drawn anywhere",
  "random-30": "2k residues drawn 30 and more away",
};

const CANDIDATES = "Segments with contacts";

interface Facts {
  threshold?: number;
  recovered_at?: number | null;
  jumps?: number[];
  contact_sum?: number | null;
  seeds?: number;
  done?: number;
  total?: number;
  status?: string;
  model?: string;
}

class RecoveryView implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #bar: Bar;
  #curve: Curve;
  #segments: readonly Segment[] = [];
  /** As Python said it last: a newer word of it takes the place of what is dragged here. */
  #told: unknown = null;
  #chosen = element("span", { class: "plm-muted" });
  #strategy: Choice;
  #using: Choice;
  #candidates: Choice;
  #slider = element("input", {
    type: "range",
    min: 0,
    step: 1,
    "aria-label": "Flank length k",
    "data-control": "flank",
  });
  #k = element("output", { class: "recovery-k" });
  #busy = element("div", { class: "plm-busy" });
  #problem = new Notice("warning");
  #line = element("div", { class: "recovery-line" });
  #count = element("div", { class: "recovery-count plm-muted" });
  #figure: HTMLElement;

  constructor(context: ViewContext) {
    this.#context = context;
    const { model, root, signal, protein } = context;
    this.#host = context.host;
    const tooltip = new Tooltip(root);
    this.#bar = new Bar(protein, signal, (which, segment) => this.#move(which, segment));
    this.#curve = new Curve(signal, tooltip, (k) => this.#choose(k));
    const choice = (what: string, trait: string) =>
      new Choice(what, trait, signal, (value) => save(model, { [trait]: value }));
    this.#strategy = choice("What is shown beside the segment", "strategy");
    this.#using = choice("Where the contact maps come from", "using");
    this.#candidates = new Choice(CANDIDATES, "candidates", signal, (chosen) => {
      const [start, stop] = chosen.split(",").map(Number);
      if (start !== undefined && stop !== undefined) this.#move(0, [start, stop]);
    });
    this.#slider.addEventListener("input", () => this.#choose(Number(this.#slider.value)), {
      signal,
    });
    this.#figure = element(
      "div",
      {},
      element("label", { class: "recovery-flank" }, "Shown around it", this.#slider, this.#k),
      this.#curve.node,
      this.#line,
      this.#count,
    );
    root.append(
      element(
        "div",
        { class: "plm-toolbar" },
        element("span", { class: "plm-title" }, "Contact recovery"),
        this.#chosen,
        element("span", { class: "plm-spring" }),
        this.#candidates.node,
        this.#strategy.node,
        this.#using.node,
      ),
      this.#busy,
      this.#bar.node,
      this.#problem.node,
      this.#figure,
    );
  }

  draw(): void {
    const { model, root, protein } = this.#context;
    const told = model.get("segments");
    if (told !== this.#told) {
      this.#told = told;
      this.#segments = told as Segment[];
    }
    const facts = (model.get("facts") ?? {}) as Facts;
    const largest = Number(model.get("largest"));
    const flank = Number(model.get("flank"));
    const problem = String(model.get("problem") ?? "");
    const curve = model.get("curve") as ArrayEnvelope | null;
    const roles = model.get("roles") as ArrayEnvelope | null;
    const decoded = curve ? decodeArray(curve) : null;
    const points = decoded ? pointsOf(decoded.shape, decoded.values) : [];
    this.#chosen.textContent = this.#segments
      .map(([start, stop]) => `${protein.labels[start] ?? ""} to ${protein.labels[stop - 1] ?? ""}`)
      .join(" against ");
    const strategies = model.get("strategies") as string[];
    this.#strategy.draw(
      strategies.map((name) => [name, STRATEGIES[name] ?? name]),
      String(model.get("strategy")),
    );
    this.#using.draw(model.get("usings") as Options, String(model.get("using")));
    this.#offer(model.get("candidates") as [number, number, string][]);
    this.#bar.draw(this.#segments, roles ? decodeArray(roles).values : null, readTheme(root));
    this.#busy.classList.toggle("is-on", facts.status === "running");
    this.#problem.say(problem);
    this.#figure.hidden = problem !== "" && points.length === 0;
    this.#slider.max = String(largest);
    this.#slider.value = String(flank);
    this.#slider.disabled = largest === 0;
    this.#k.value = `k = ${flank}`;
    const threshold = facts.threshold ?? 0.5;
    const summary = describe(points, flank, threshold, facts);
    this.#line.textContent = summary;
    this.#slider.setAttribute("aria-valuetext", summary);
    this.#count.textContent = progress(facts);
    if (!this.#figure.hidden) {
      const jumps = facts.jumps ?? [];
      this.#curve.draw({ points, largest, flank, threshold, jumps, summary });
    }
    this.#host.dataset.flank = String(flank);
    this.#host.dataset.segments = this.#segments.map((segment) => segment.join("-")).join(",");
    this.#host.dataset.points = String(points.length);
  }

  #offer(candidates: readonly [number, number, string][]): void {
    this.#candidates.node.hidden = candidates.length === 0 || this.#segments.length > 1;
    const options = candidates.map(([start, stop, label]) => [`${start},${stop}`, label] as const);
    this.#candidates.draw([["", CANDIDATES], ...options], "");
  }

  #move(which: number, segment: Segment): void {
    const next = replaced(this.#segments, which, segment);
    if (!next) return;
    this.#segments = next;
    save(this.#context.model, { segments: next.map((one) => [...one]) });
    this.#told = this.#context.model.get("segments");
    this.draw();
  }

  #choose(flank: number): void {
    save(this.#context.model, { flank });
    this.draw();
  }
}

/** What the curve says, in words. */
function describe(
  points: readonly Point[],
  flank: number,
  threshold: number,
  { recovered_at, jumps, seeds }: Facts,
): string {
  if (points.length === 0) return "The map of the whole sequence comes first.";
  const here = points.find((point) => point.k === flank);
  const value = here
    ? `R = ${formatValue(here.median)}${(seeds ?? 1) > 1 ? " (median)" : ""}, ` +
      (here.median > threshold ? "recovered" : "not recovered")
    : "not computed yet";
  const first =
    recovered_at === null || recovered_at === undefined
      ? "Not recovered so far."
      : `Recovered first at k = ${recovered_at}.`;
  const steps =
    (jumps ?? []).length > 0 ? ` It jumps by 0.5 or more at k = ${(jumps ?? []).join(", ")}.` : "";
  return `At k = ${flank}: ${value}. ${first}${steps}`;
}

function progress({ done, total, status, contact_sum, model }: Facts): string {
  const words: string[] = [];
  if (status === "running") words.push(`${done ?? 0} of ${total ?? 0} computed`);
  if (contact_sum !== null && contact_sum !== undefined) {
    words.push(`sum of P0 over the block: ${formatValue(contact_sum)}`);
  }
  if (model) words.push(model);
  return words.join(" · ");
}

export default defineView({
  name: "recovery_view",
  label: "Contact recovery",
  css: chartCss + css,
  traits: [
    "segments",
    "strategy",
    "using",
    "flank",
    "largest",
    "curve",
    "roles",
    "facts",
    "problem",
    "candidates",
  ],
  create: (context) => new RecoveryView(context),
});
