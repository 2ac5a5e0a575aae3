import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeModel } from "../dev/fake";
import { defineView, type View, type ViewContext } from "../src/core/view";

const frame = () => new Promise<void>((resolve) => requestAnimationFrame(() => resolve()));

function fakeModel(): FakeModel {
  return new FakeModel({
    protein: { name: "toy", sequence: "ACD", labels: ["A1", "C2", "D3"] },
    selection_id: "view",
    selection_state: { masked: [], substitutions: [], focus: null, pair: null, clock: 0 },
    hover: [],
    error: "",
    number: 1,
  });
}

async function show(create: (context: ViewContext) => View | Promise<View>) {
  const model = fakeModel();
  const controller = new AbortController();
  const el = document.createElement("div");
  document.body.append(el);
  const view = defineView({ name: "toy", label: "Toy", css: "", traits: ["number"], create });
  const cleanup = await view.render({ model, el, signal: controller.signal });
  const host = el.querySelector<HTMLElement>(".plmwidgets-toy");
  const notice = host?.shadowRoot?.querySelector<HTMLElement>(".plm-error");
  if (!host || !notice) throw new Error("the view made no host");
  return { model, controller, el, host, notice, cleanup };
}

describe("defineView", () => {
  beforeEach(() => {
    vi.spyOn(console, "error").mockImplementation(() => {});
  });
  afterEach(() => {
    document.body.replaceChildren();
    vi.restoreAllMocks();
  });

  it("draws once a frame, however many traits change, and counts the frames", async () => {
    const draw = vi.fn();
    const { host, model } = await show(() => ({ draw }));
    expect(host.dataset.loaded).toBe("true");
    await frame();
    expect(host.dataset.frames).toBe("1");
    model.receive({ number: 2 });
    model.receive({ number: 3 });
    model.receive({ selection_state: { masked: [1], clock: 1 } });
    await frame();
    expect(draw).toHaveBeenCalledTimes(2);
    expect(host.dataset.frames).toBe("2");
  });

  it("tells the view of the pointer without a redraw", async () => {
    const draw = vi.fn();
    const hover = vi.fn();
    const { model } = await show(() => ({ draw, hover }));
    await frame();
    hover.mockClear();
    model.receive({ hover: [1] });
    await frame();
    expect(hover).toHaveBeenCalledTimes(1);
    expect(draw).toHaveBeenCalledTimes(1);
  });

  it("shows the error trait as text", async () => {
    const { model, notice } = await show(() => ({ draw: () => {} }));
    expect(notice.hidden).toBe(true);
    model.receive({ error: "<b>out of memory</b>" });
    expect(notice.hidden).toBe(false);
    expect(notice.textContent).toBe("<b>out of memory</b>");
    expect(notice.children).toHaveLength(0);
    model.receive({ error: "" });
    expect(notice.hidden).toBe(true);
  });

  it("shows a failure to draw, and takes it away when drawing works again", async () => {
    const draw = vi.fn(() => {
      throw new Error("no such array");
    });
    const { host, model, notice } = await show(() => ({ draw }));
    await frame();
    expect(notice.textContent).toContain("no such array");
    expect(host.dataset.frames).toBeUndefined();
    draw.mockImplementation(() => undefined as never);
    model.receive({ number: 2 });
    await frame();
    expect(notice.hidden).toBe(true);
    expect(host.dataset.frames).toBe("1");
  });

  it("shows a failure to start", async () => {
    const { host, notice } = await show(() => {
      throw new Error("no WebGL");
    });
    expect(notice.textContent).toContain("no WebGL");
    expect(host.dataset.loaded).toBeUndefined();
  });

  it("lets go of the model and draws no more after abort", async () => {
    const draw = vi.fn();
    const { controller, model } = await show(() => ({ draw }));
    await frame();
    expect(model.listenerCount).toBeGreaterThan(0);
    controller.abort();
    expect(model.listenerCount).toBe(0);
    model.receive({ number: 2 });
    await frame();
    expect(draw).toHaveBeenCalledTimes(1);
  });

  it("takes its element away on cleanup", async () => {
    const { cleanup, el, model } = await show(() => ({ draw: () => {} }));
    cleanup();
    expect(el.children).toHaveLength(0);
    expect(model.listenerCount).toBe(0);
  });

  it("starts nothing when it was taken away while it was starting", async () => {
    const controller = new AbortController();
    const model = fakeModel();
    const draw = vi.fn();
    const view = defineView({
      name: "late",
      label: "Late",
      css: "",
      traits: ["number"],
      create: async () => {
        controller.abort();
        return { draw };
      },
    });
    const el = document.createElement("div");
    await view.render({ model, el, signal: controller.signal });
    await frame();
    expect(draw).not.toHaveBeenCalled();
    expect(model.listenerCount).toBe(0);
  });

  it("keeps the letters typed in it from JupyterLab's shortcuts", async () => {
    const { host } = await show(() => ({ draw: () => {} }));
    expect(host.getAttribute("data-lm-suppress-shortcuts")).toBe("true");
  });
});
