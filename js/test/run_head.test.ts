import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeModel } from "../dev/fake";
import { scanTrait } from "../dev/scan";
import type { Run } from "../src/core/run";
import { RunHead } from "../src/core/run_head";
import type { ViewContext } from "../src/core/view";

function head(status: string) {
  const model = new FakeModel({ scan: scanTrait(64, status), answered: 0 });
  const controller = new AbortController();
  const [root, host] = [document.createElement("div"), document.createElement("div")];
  const context = { model, root, host, signal: controller.signal } as unknown as ViewContext;
  const made = new RunHead(context, "scan", { start: "Start", pause: "Pause", cancel: "Cancel" });
  const draw = () => made.draw(model.get("scan") as Run);
  draw();
  const button = (command: string) =>
    made.node.querySelector<HTMLButtonElement>(`[data-command=${command}]`);
  return { model, controller, root, made, draw, button };
}

describe("the head of a panel", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("offers what can be asked of the work as it stands", () => {
    const { button, root } = head("running");
    expect(["start", "pause", "cancel"].map((name) => button(name)?.hidden)).toEqual([
      true,
      false,
      false,
    ]);
    expect(root.dataset.status).toBe("running");
  });

  it("takes a double click for one wish, until the wish has been heard", () => {
    const { model, button, draw } = head("ready");
    button("start")?.click();
    button("start")?.click();
    expect(model.sent).toEqual([{ type: "start" }]);
    model.receive({ scan: scanTrait(64, "running") });
    draw();
    button("pause")?.click();
    expect(model.sent).toEqual([{ type: "start" }, { type: "pause" }]);
  });

  it("says what went wrong, below the rest", () => {
    expect(head("running").made.message.hidden).toBe(true);
    const { message } = head("failed").made;
    expect(message.hidden).toBe(false);
    expect(message.textContent).toContain("Nothing computed is lost");
  });

  it("asks a kernel that says nothing of running work, and no other", () => {
    const { model, controller } = head("running");
    vi.advanceTimersByTime(14_000);
    model.receive({ answered: 1 });
    vi.advanceTimersByTime(14_000);
    expect(model.sent).toEqual([]);
    vi.advanceTimersByTime(2_000);
    expect(model.sent).toEqual([{ type: "hello" }]);
    controller.abort();
    const paused = head("paused");
    vi.advanceTimersByTime(60_000);
    expect([model.sent.length, paused.model.sent.length]).toEqual([1, 0]);
  });
});
