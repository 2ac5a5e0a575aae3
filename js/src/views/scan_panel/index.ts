/** Progress and controls of a scan, or of other work in the background. */
import { element } from "../../core/elements";
import type { Command, Run } from "../../core/run";
import runCss from "../../core/run.css";
import { RunHead } from "../../core/run_head";
import { defineView, type View, type ViewContext } from "../../core/view";
import css from "./scan_panel.css";
import { describe } from "./wording";

const BUTTONS: Record<Command, string> = {
  start: "Start",
  resume: "Resume",
  pause: "Pause",
  cancel: "Cancel",
  upgrade: "Compute all exactly",
};

export default defineView({
  name: "scan_panel",
  label: "Progress",
  css: runCss + css,
  traits: ["scan"],
  create,
});

function create(context: ViewContext): View {
  const { model, root, host } = context;
  const head = new RunHead(context, "scan", BUTTONS);
  const fill = element("div", { class: "scan-fill" });
  const bar = element(
    "div",
    { class: "scan-bar", role: "progressbar", "aria-label": "Share computed", "aria-valuemin": 0 },
    fill,
  );
  const line = element("div", { class: "scan-line" });
  const details = element("dl", { class: "scan-details" });
  root.append(head.node, bar, line, head.message, details);

  return {
    draw() {
      const scan = model.get("scan") as Run;
      head.draw(scan);
      fill.style.width = `${100 * scan.share}%`;
      bar.classList.toggle("is-unsure", scan.status === "running" && scan.stage === "singles");
      bar.ariaValueMax = "100";
      bar.ariaValueNow = String(Math.floor(100 * scan.share));
      line.textContent = describe(scan);
      bar.ariaValueText = line.textContent;
      const facts: [string, string][] = [
        ["model", scan.model],
        ["method", scan.method],
        ["precision", scan.precision],
        ["stored in", scan.store ?? "memory only"],
      ];
      details.replaceChildren(
        ...facts
          .filter(([, value]) => value !== "")
          .map(([name, value]) =>
            element(
              "div",
              {},
              element("dt", { class: "plm-muted" }, name),
              element("dd", { title: value }, value),
            ),
          ),
      );
      host.dataset.total = String(scan.total);
    },
  };
}
