import { describe, expect, it, vi } from "vitest";
import { type Keyed, pressed, zoomByWheel, zoomFactor } from "../src/core/map_gestures";

function map() {
  const asked: Keyed = {
    step: vi.fn(),
    enter: vi.fn(),
    escape: vi.fn(),
    zoom: vi.fn(() => true),
    reset: vi.fn(),
  };
  const canvas = document.createElement("div");
  const press = (key: string, shiftKey = false) =>
    pressed(new KeyboardEvent("keydown", { key, shiftKey }), canvas, asked);
  return { asked, canvas, press };
}

describe("the keys on a map", () => {
  it("move by rows and columns, and by ten with Shift", () => {
    const { asked, press } = map();
    press("ArrowDown");
    press("ArrowLeft", true);
    expect(vi.mocked(asked.step).mock.calls).toEqual([
      [1, 0],
      [0, -10],
    ]);
  });

  it("zoom in and out again by the same factor", () => {
    const { asked, press } = map();
    press("+");
    press("-");
    const [one = 0, other = 0] = vi.mocked(asked.zoom).mock.calls.map(([, , factor]) => factor);
    expect(one).toBeGreaterThan(1);
    expect(one * other).toBeCloseTo(1, 12);
  });

  it("leave other keys to the page", () => {
    const { press } = map();
    expect(["Enter", " ", "Escape", "0"].map((key) => press(key))).toEqual(Array(4).fill(true));
    expect(["a", "Tab", "p"].map((key) => press(key))).toEqual(Array(3).fill(false));
  });
});

describe("the wheel on a map", () => {
  // The test's DOM knows no modifiers of the wheel.
  const turned = (deltaY: number, held: { ctrlKey?: boolean; shiftKey?: boolean } = {}) =>
    Object.assign(new WheelEvent("wheel", { deltaY, cancelable: true }), held);

  it("zooms in when it turns up, by no more than a little at once", () => {
    expect(zoomFactor(turned(-50))).toBeGreaterThan(1);
    expect(zoomFactor(turned(50)) * zoomFactor(turned(-50))).toBeCloseTo(1, 12);
    expect(zoomFactor(turned(9000))).toBe(zoomFactor(turned(120)));
    expect(zoomFactor(turned(10, { ctrlKey: true }))).toBe(zoomFactor(turned(60)));
  });

  it("scrolls the page where it is not meant for the map, or has nothing left to zoom", () => {
    const { asked, canvas } = map();
    zoomByWheel(canvas, new AbortController().signal, asked, ({ shiftKey }) => shiftKey);
    const kept = (event: WheelEvent) => !canvas.dispatchEvent(event);
    expect(kept(turned(50))).toBe(false);
    canvas.dispatchEvent(new PointerEvent("pointerdown"));
    expect(kept(turned(50))).toBe(true);
    expect(kept(turned(50, { shiftKey: true }))).toBe(false);
    vi.mocked(asked.zoom).mockReturnValue(false);
    expect(kept(turned(50))).toBe(false);
  });
});
