/** Progress and controls of a scan, or of other work in the background. */
import { greetKernel } from "../../core/answers";
import { element } from "../../core/elements";
import { onTrait } from "../../core/model";
import { defineView, type View, type ViewContext } from "../../core/view";
import css from "./scan_panel.css";
import { type Command, commands, describe, reassurance, type Scan, TITLES } from "./wording";

const BUTTONS: Record<Command, string> = {
  start: "Start",
  resume: "Resume",
  pause: "Pause",
  cancel: "Cancel",
  upgrade: "Compute all exactly",
};

/** A second click within this time is a double click, not a second wish. */
const IMPATIENCE_MS = 1000;

/** A running scan without news for so long may have lost its kernel: ask. */
const SILENCE_MS = 15_000;

export default defineView({
  name: "scan_panel",
  label: "Progress",
  css,
  traits: ["scan"],
  create,
});

function create({ model, root, host, signal }: ViewContext): View {
  const title = element("span", { class: "plm-title" });
  const status = element("span", { class: "scan-status", role: "status" });
  const fill = element("div", { class: "scan-fill" });
  const bar = element(
    "div",
    { class: "scan-bar", role: "progressbar", "aria-label": "Share computed", "aria-valuemin": 0 },
    fill,
  );
  const line = element("div", { class: "scan-line" });
  const message = element("div", { class: "scan-message" });
  const details = element("dl", { class: "scan-details" });
  let sentAt = Number.NEGATIVE_INFINITY;
  const buttons = (Object.entries(BUTTONS) as [Command, string][]).map(([command, text]) => {
    const node = element("button", { type: "button", "data-command": command }, text);
    if (command === "start" || command === "resume") node.className = "plm-primary";
    node.addEventListener(
      "click",
      () => {
        if (performance.now() - sentAt < IMPATIENCE_MS) return;
        sentAt = performance.now();
        model.send({ type: command });
      },
      { signal },
    );
    return { command, node };
  });
  root.append(
    element(
      "div",
      { class: "scan-head" },
      title,
      status,
      element("span", { class: "plm-spring" }),
      element("div", { class: "plm-group" }, ...buttons.map(({ node }) => node)),
    ),
    bar,
    line,
    message,
    details,
  );

  let shownStatus = "";
  let silence: ReturnType<typeof setTimeout> | undefined;
  const listen = (): void => {
    clearTimeout(silence);
    if (signal.aborted || (model.get("scan") as Scan).status !== "running") return;
    silence = setTimeout(() => greetKernel(model), SILENCE_MS);
  };
  onTrait(model, ["scan", "answered"], signal, listen);
  signal.addEventListener("abort", () => clearTimeout(silence), { once: true });
  listen();
  return {
    draw() {
      const scan = model.get("scan") as Scan;
      if (scan.status !== shownStatus) {
        shownStatus = scan.status;
        sentAt = Number.NEGATIVE_INFINITY; // the wish has been heard
      }
      root.dataset.status = scan.status;
      title.textContent = scan.title;
      status.textContent = TITLES[scan.status];
      for (const { command, node } of buttons) {
        node.hidden = !commands(scan).includes(command);
      }
      fill.style.width = `${100 * scan.share}%`;
      bar.classList.toggle("is-unsure", scan.status === "running" && scan.stage === "singles");
      bar.ariaValueMax = "100";
      bar.ariaValueNow = String(Math.floor(100 * scan.share));
      line.textContent = describe(scan);
      bar.ariaValueText = line.textContent;
      const words = [scan.message, reassurance(scan)];
      message.textContent = words.filter((text) => text !== "").join("\n");
      message.hidden = message.textContent === "";
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
      host.dataset.status = scan.status;
      host.dataset.done = String(scan.done);
      host.dataset.total = String(scan.total);
    },
  };
}
