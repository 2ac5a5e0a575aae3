/** A training while it runs: its loss, its progress, and how to hold it. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import chartCss from "../../core/chart.css";
import { element } from "../../core/elements";
import { formatCount, formatValue } from "../../core/format";
import { type Command, duration, type Run } from "../../core/run";
import runCss from "../../core/run.css";
import { RunHead } from "../../core/run_head";
import { Tooltip } from "../../core/tooltip";
import { defineView, type View, type ViewContext } from "../../core/view";
import { Figure } from "./figure";
import { type Point, pointsOf } from "./points";
import css from "./training_curve.css";

type Training = Run & { task: string; best_step: number | null };

const BUTTONS: Partial<Record<Command, string>> = {
  start: "Start",
  resume: "Resume",
  pause: "Pause",
  cancel: "Stop",
};

export default defineView({
  name: "training_curve",
  label: "Training curve",
  css: chartCss + runCss + css,
  traits: ["training", "losses", "evaluations"],
  create,
});

function create(context: ViewContext): View {
  const { model, root, host, signal } = context;
  const head = new RunHead(context, "training", BUTTONS);
  const figure = new Figure(signal, new Tooltip(root));
  const legend = element(
    "div",
    { class: "plm-legend training-legend plm-muted" },
    element("span", { class: "key key-training" }, "training, running mean"),
    element("span", { class: "key key-held-out" }, "held-out sequences"),
  );
  const line = element("div", { class: "training-line" });
  root.append(head.node, figure.node, legend, line, head.message);

  const read = (name: string): Point[] => {
    const given = model.get(name) as ArrayEnvelope | null;
    return given ? pointsOf(decodeArray(given)) : [];
  };
  return {
    draw() {
      const training = model.get("training") as Training;
      const [losses, evaluation] = [read("losses"), read("evaluations")];
      head.draw(training);
      const words = describe(training, losses, evaluation);
      figure.draw({
        training: losses,
        evaluation,
        total: training.total,
        bestStep: training.best_step,
        summary: `Loss over ${formatCount(training.total)} steps: ${words}`,
      });
      legend.hidden = losses.length === 0;
      (legend.lastElementChild as HTMLElement).hidden = evaluation.length === 0;
      line.textContent = words;
      host.dataset.points = String(losses.length);
    },
  };
}

function describe(
  { done, total, remaining, status, method, elapsed }: Training,
  losses: readonly Point[],
  evaluation: readonly Point[],
): string {
  const parts = [`${formatCount(done)} of ${formatCount(total)} steps`];
  if (status === "running" && remaining !== null) {
    parts.push(`${duration(Math.ceil(remaining))} left`);
  }
  if (status === "finished") parts.push(`finished in ${duration(elapsed)}`);
  const [first, last] = [evaluation[0], evaluation[evaluation.length - 1]];
  if (first && last && last !== first) {
    parts.push(`held-out loss ${formatValue(first.loss)} → ${formatValue(last.loss)}`);
  } else if (losses.length > 0) {
    parts.push(`loss ${formatValue((losses[losses.length - 1] as Point).loss)}`);
  }
  parts.push(method);
  return parts.join(" · ");
}
