import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeModel } from "../dev/fake";
import { greetKernel, NO_ANSWER, PATIENCE_MS, watchAnswers } from "../src/core/answers";
import { oneVoice } from "../src/core/one_voice";
import scanPanel from "../src/views/scan_panel";

describe("a view whose kernel may be gone", () => {
  let model: FakeModel;
  let told: string[];
  let controller: AbortController;
  const watch = () => watchAnswers(model, controller.signal, (text) => told.push(text));
  const answer = () => model.receive({ answered: Number(model.get("answered")) + 1 });

  beforeEach(() => {
    vi.useFakeTimers();
    model = new FakeModel({ answered: 0, hover: [], selection_state: null });
    told = [];
    controller = new AbortController();
  });
  afterEach(() => vi.useRealTimers());

  it("says nothing while answers come", () => {
    const watched = watch();
    watched.set("order", "chain");
    watched.save_changes();
    vi.advanceTimersByTime(PATIENCE_MS - 1);
    answer();
    vi.advanceTimersByTime(2 * PATIENCE_MS);
    expect(told).not.toContain(NO_ANSWER);
  });

  it("says that a change and a message got no answer, until one comes", () => {
    const watched = watch();
    watched.set("order", "chain");
    watched.save_changes();
    vi.advanceTimersByTime(PATIENCE_MS);
    expect(told).toEqual([NO_ANSWER]);
    answer();
    expect(told.at(-1)).toBe("");
    watched.send({ type: "start" });
    vi.advanceTimersByTime(PATIENCE_MS);
    expect(told.at(-1)).toBe(NO_ANSWER);
  });

  it("counts from the first of several gestures", () => {
    const watched = watch();
    for (let k = 0; k < 3; k += 1) {
      watched.send({ type: "start" });
      vi.advanceTimersByTime(PATIENCE_MS / 3);
    }
    expect(told).toEqual([NO_ANSWER]);
  });

  it("waits for no answer to what the pointer passes", () => {
    const watched = watch();
    watched.set("hover", [3]);
    watched.save_changes();
    vi.advanceTimersByTime(2 * PATIENCE_MS);
    expect(told).toEqual([]);
  });

  it("asks when the host says that the kernel went or came", () => {
    watch();
    model.fire("comm_live_update");
    expect(model.sent).toEqual([{ type: "hello" }]);
    vi.advanceTimersByTime(PATIENCE_MS);
    expect(told).toEqual([NO_ANSWER]);
  });

  it("takes a closed line for no answer", () => {
    const watched = watch();
    model.onSend = () => {
      throw new Error("Cannot send");
    };
    greetKernel(watched);
    vi.advanceTimersByTime(PATIENCE_MS);
    expect(told).toEqual([NO_ANSWER]);
  });

  it("leaves the model of an offline page alone", () => {
    model = new FakeModel({ hover: [] });
    expect(watch()).toBe(model);
  });

  it("says nothing of a view that is gone, and leaves no listener", () => {
    watch().send({ type: "start" });
    controller.abort();
    vi.advanceTimersByTime(PATIENCE_MS);
    expect(told).toEqual([]);
    expect(model.listenerCount).toBe(0);
  });
});

describe("views of one protein", () => {
  it("say once, at the top, what each would say", () => {
    const said = ["", "", ""];
    const ends = said.map(() => new AbortController());
    const [first, second, other] = said.map((_, k) => {
      const place = document.createElement("div");
      place.getBoundingClientRect = () => new DOMRect(0, 100 * k, 10, 10);
      const { signal } = ends[k] as AbortController;
      return oneVoice(k < 2 ? "same" : "another", place, signal, (text) => {
        said[k] = text;
      });
    });
    second?.("gone");
    other?.("gone");
    expect(said).toEqual(["", "gone", "gone"]);
    first?.("gone");
    expect(said).toEqual(["gone", "", "gone"]);
    ends[0]?.abort();
    expect(said).toEqual(["", "gone", "gone"]);
    second?.("");
    expect(said).toEqual(["", "", "gone"]);
  });
});

describe("the panel of a running scan", () => {
  it("asks after its kernel when there was no news for a while", async () => {
    vi.useFakeTimers();
    const scan = {
      status: "running",
      stage: "pairs",
      done: 1,
      total: 10,
      estimated: 0,
      share: 0.1,
    };
    const model = new FakeModel({
      protein: { name: "toy", sequence: "AC", labels: ["A1", "C2"] },
      selection_id: "answers",
      selection_state: null,
      hover: [],
      error: "",
      answered: 0,
      scan,
    });
    const asked = () => model.sent.filter((message) => JSON.stringify(message).includes("hello"));
    const end = await scanPanel.render({ model, el: document.createElement("div") });
    vi.advanceTimersByTime(14_000);
    model.receive({ scan: { ...scan, done: 2 } });
    vi.advanceTimersByTime(14_000);
    expect(asked()).toHaveLength(0);
    vi.advanceTimersByTime(1_000);
    expect(asked()).toHaveLength(1);
    model.receive({ scan: { ...scan, status: "finished" } });
    vi.advanceTimersByTime(60_000);
    expect(asked()).toHaveLength(1);
    end();
    vi.useRealTimers();
  });
});
