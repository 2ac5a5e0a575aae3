import { describe, expect, it, vi } from "vitest";
import { FakeModel } from "../dev/fake";
import { SelectionLink } from "../src/core/selection";

const EMPTY = {
  masked: [],
  substitutions: [],
  focus: null,
  pair: null,
  clock: 0,
  can_undo: false,
  can_redo: false,
};

function link(id: string, state: object = EMPTY) {
  const model = new FakeModel({ selection_id: id, selection_state: state, hover: [] });
  const controller = new AbortController();
  const selection = new SelectionLink(model, controller.signal);
  return { model, controller, selection };
}

describe("two links on one page", () => {
  it("follow each other without a kernel", () => {
    const [a, b] = [link("follow"), link("follow")];
    let calls = 0;
    b.selection.onState(() => {
      calls += 1;
    });
    a.selection.toggleMask(7);
    a.selection.toggleMask(3);
    expect(b.selection.state).toEqual({
      ...EMPTY,
      masked: [3, 7],
      focus: 3,
      clock: 2,
      can_undo: true,
    });
    expect(calls).toBe(2);
    b.selection.toggleMask(7);
    expect(a.selection.state.masked).toEqual([3]);
    expect(a.selection.state.clock).toBe(3);
  });

  it("know whether there is a change to take back", () => {
    const { selection } = link("history", { ...EMPTY, can_redo: true });
    selection.change({ focus: 4 });
    expect([selection.state.can_undo, selection.state.can_redo]).toEqual([false, true]);
    selection.toggleMask(4);
    expect([selection.state.can_undo, selection.state.can_redo]).toEqual([true, false]);
  });

  it("leave links of another selection alone", () => {
    const [a, b] = [link("one"), link("other")];
    a.selection.toggleMask(7);
    a.selection.setHover([7]);
    expect(b.selection.state.masked).toEqual([]);
    expect(b.selection.hover).toEqual([]);
  });

  it("share the pointer, and call back only when it moved", () => {
    const [a, b] = [link("hover"), link("hover")];
    const seen: (readonly number[])[] = [];
    b.selection.onHover(() => seen.push(b.selection.hover));
    a.selection.setHover([4]);
    a.selection.setHover([4]);
    a.selection.setHover([4, 9]);
    a.selection.setHover([]);
    expect(seen).toEqual([[4], [4, 9], []]);
    expect(a.model.get("hover")).toEqual([]);
  });

  it("leave it to the view that the pointer is in to tell Python", () => {
    vi.useFakeTimers();
    const [a, b] = [link("across"), link("across")];
    a.selection.setHover([4]);
    vi.advanceTimersByTime(200);
    expect(a.model.get("hover")).toEqual([4]);
    const saved = vi.spyOn(a.model, "save_changes");
    a.selection.setHover([]);
    b.selection.setHover([7]);
    vi.advanceTimersByTime(200);
    expect(saved).not.toHaveBeenCalled();
    expect(b.model.get("hover")).toEqual([7]);
    a.selection.setHover([]);
    vi.advanceTimersByTime(200);
    expect(b.selection.hover).toEqual([]);
    vi.useRealTimers();
  });

  it("are no longer told anything after abort", () => {
    const [a, b] = [link("abort"), link("abort")];
    b.controller.abort();
    expect(b.model.listenerCount).toBe(0);
    let called = false;
    b.selection.onState(() => {
      called = true;
    });
    a.selection.toggleMask(1);
    a.selection.setHover([1]);
    b.model.receive({ selection_state: { ...EMPTY, masked: [2], clock: 9 } });
    expect(called).toBe(false);
    expect(b.selection.state.masked).toEqual([]);
  });
});

describe("the kernel and the page", () => {
  it("sends a gesture to the kernel once, with the next clock", () => {
    const { model, selection } = link("send", { ...EMPTY, clock: 5 });
    selection.toggleMask(2);
    const state = { ...EMPTY, masked: [2], focus: 2, clock: 6, can_undo: true };
    expect(model.sent).toEqual([{ type: "select", state }]);
  });

  it("does not fall back to an echo of an older state", () => {
    const { model, selection } = link("echo");
    selection.toggleMask(1);
    const older = selection.state;
    selection.toggleMask(2);
    model.receive({ selection_state: { ...older } });
    expect(selection.state.masked).toEqual([1, 2]);
  });

  it("takes what the kernel says at the same or a later time", () => {
    const { model, selection } = link("truth");
    selection.toggleMask(1);
    model.receive({ selection_state: { ...EMPTY, masked: [8], clock: 1 } });
    expect(selection.state.masked).toEqual([8]);
    model.receive({ selection_state: { ...EMPTY, masked: [9], clock: 4 } });
    expect(selection.state.masked).toEqual([9]);
    selection.toggleMask(2);
    expect(selection.state.clock).toBe(5);
  });

  it("keeps to the pointer when the kernel tells late that it left another view", () => {
    const [a, b] = [link("late"), link("late")];
    a.selection.setHover([5]);
    a.selection.setHover([]);
    b.selection.setHover([7]);
    b.model.receive({ hover: [5] });
    b.model.receive({ hover: [] });
    b.selection.setHover([7]);
    expect(a.selection.hover).toEqual([7]);
    b.model.receive({ hover: [] });
    b.selection.setHover([]);
    expect(a.selection.hover).toEqual([]);
    expect(b.model.get("hover")).toEqual([]);
    b.model.receive({ hover: [3] });
    b.model.receive({ hover: [] });
    expect(b.selection.hover).toEqual([]);
  });

  it("does not send back what it received", () => {
    const [a, b] = [link("loop"), link("loop")];
    const saves = [a, b].map(({ model }) => vi.spyOn(model, "save_changes"));
    const sent = () => [a, b].map(({ model }) => model.sent.length);
    a.model.receive({ selection_state: { ...EMPTY, masked: [3], clock: 1 }, hover: [3] });
    expect(a.selection.hover).toEqual([3]);
    expect(sent()).toEqual([0, 0]);
    a.selection.setMasked([4]);
    expect(sent()).toEqual([1, 0]);
    for (const saved of saves) expect(saved).not.toHaveBeenCalled();
    expect(b.selection.state.masked).toEqual([4]);
  });

  it("tells the kernel where the pointer rests, not what it passes", () => {
    vi.useFakeTimers();
    const { model, selection } = link("rest");
    const saved: Record<string, unknown>[] = [];
    model.onSave = (changed) => saved.push(changed);
    for (const position of [5, 6, 7]) selection.setHover([position]);
    expect(saved).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(saved).toEqual([{ hover: [7] }]);
    selection.setHover([8]);
    selection.toggleMask(8);
    expect(model.sent).toEqual([
      { type: "select", state: expect.objectContaining({ masked: [8] }) },
    ]);
    vi.advanceTimersByTime(1000);
    expect(saved).toEqual([{ hover: [7] }, { hover: [8] }]);
    vi.useRealTimers();
  });

  it("asks the kernel to undo and redo", () => {
    const { model, selection } = link("undo");
    selection.undo();
    selection.redo();
    expect(model.sent).toEqual([{ type: "undo" }, { type: "redo" }]);
  });
});

describe("gestures", () => {
  it("masks both residues of a pair and keeps its direction", () => {
    const { selection } = link("pair");
    selection.selectPair(9, 4);
    expect(selection.state).toMatchObject({ masked: [4, 9], pair: [9, 4], focus: 9 });
    selection.toggleMask(4);
    expect(selection.state).toMatchObject({ masked: [9], pair: null, focus: 4 });
  });

  it("sorts masks, drops doubles and keeps the focus", () => {
    const { selection } = link("sort", { ...EMPTY, focus: 6 });
    selection.setMasked([10, 2, 10, 1]);
    expect(selection.state).toMatchObject({ masked: [1, 2, 10], focus: 6 });
  });
});
