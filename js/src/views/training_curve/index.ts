/** A training while it runs: its loss, its progress, and how to hold it. */
import { greetKernel } from "../../core/answers";
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import chartCss from "../../core/chart.css";
import { element } from "../../core/elements";
import { formatCount, formatValue } from "../../core/format";
import { onTrait } from "../../core/model";
import { Tooltip } from "../../core/tooltip";
import { defineView, type View, type ViewContext } from "../../core/view";
import {
  type Command,
  commands,
  duration,
  reassurance,
  type Scan,
  TITLES,
} from "../scan_panel/wording";
import { Figure } from "./figure";
import { type Point, pointsOf } from "./points";
import css from "./training_curve.css";

type Training = Scan & { task: string; best_step: number | null };

const BUTTONS: [Command, string][] = [
  ["start", "Start"],
  ["resume", "Resume"],
  ["pause", "Pause"],
  ["cancel", "Stop"],
];
/** A running training without news for so long may have lost its kernel: ask. */
const SILENCE_MS = 15_000;

export default defineView({
  name: "training_curve",
  label: "Training curve",
  css: chartCss + css,
  traits: ["training", "losses", "evaluations"],
  create,
});

function create({ model, root, host, signal }: ViewContext): View {
  const title = element("span", { class: "plm-title" });
  const status = element("span", { class: "training-status", role: "status" });
  const buttons = BUTTONS.map(([command, words]) => {
    const node = element("button", { type: "button", "data-command": command }, words);
    if (command === "start" || command === "resume") node.className = "plm-primary";
    node.addEventListener("click", () => model.send({ type: command }), { signal });
    return { command, node };
  });
  const figure = new Figure(signal, new Tooltip(root));
  const legend = element(
    "div",
    { class: "training-legend plm-muted" },
    element("span", { class: "key key-training" }, "training, running mean"),
    element("span", { class: "key key-held-out" }, "held-out sequences"),
  );
  const line = element("div", { class: "training-line" });
  const message = element("div", { class: "training-message" });
  root.append(
    element(
      "div",
      { class: "plm-toolbar" },
      title,
      status,
      element("span", { class: "plm-spring" }),
      element("div", { class: "plm-group" }, ...buttons.map(({ node }) => node)),
    ),
    figure.node,
    legend,
    line,
    message,
  );
  let silence: ReturnType<typeof setTimeout> | undefined;
  const listen = (): void => {
    clearTimeout(silence);
    if (signal.aborted || (model.get("training") as Training).status !== "running") return;
    silence = setTimeout(() => greetKernel(model), SILENCE_MS);
  };
  onTrait(model, ["training", "answered"], signal, listen);
  signal.addEventListener("abort", () => clearTimeout(silence), { once: true });
  listen();

  const read = (name: string): Point[] => {
    const given = model.get(name) as ArrayEnvelope | null;
    return given ? pointsOf(decodeArray(given)) : [];
  };
  return {
    draw() {
      const training = model.get("training") as Training;
      const [losses, evaluation] = [read("losses"), read("evaluations")];
      root.dataset.status = training.status;
      title.textContent = training.title;
      status.textContent = TITLES[training.status];
      for (const { command, node } of buttons) {
        node.hidden = !commands(training).includes(command);
      }
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
      message.textContent = [training.message, reassurance(training)]
        .filter((each) => each !== "")
        .join("\n");
      message.hidden = message.textContent === "";
      host.dataset.status = training.status;
      host.dataset.done = String(training.done);
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
