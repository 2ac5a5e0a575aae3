import { describe, expect, it } from "vitest";
import { envelope } from "../dev/fake";
import { Points } from "../src/core/points";
import { Colouring, classInk } from "../src/views/embedding_plot/colours";

describe("points in a plane", () => {
  const points = new Points({
    x: envelope(Float32Array.of(0, 10, 5), 3),
    y: envelope(Float32Array.of(0, 10, 0), 3),
  });
  const frame = { left: 10, top: 10, width: 100, height: 100 };

  it("are found in a box, and none in one that is empty", () => {
    const [x, y] = points.place(1, frame);
    expect(points.within({ left: x - 2, top: y - 2, width: 4, height: 4 }, frame)).toEqual([1]);
    expect(points.within({ left: 0, top: 0, width: 130, height: 130 }, frame)).toEqual([0, 1, 2]);
    expect(points.within({ left: 11, top: 11, width: 5, height: 5 }, frame)).toEqual([]);
  });

  it("need as many heights as there are points", () => {
    const x = envelope(Float32Array.of(0, 1), 2);
    const y = envelope(Float32Array.of(0), 1);
    expect(() => new Points({ x, y })).toThrow("the 2 points came with 1 heights");
  });

  it("that all lie in one place are in the middle", () => {
    const one = envelope(Float32Array.of(3, 3), 2);
    expect(new Points({ x: one, y: one }).place(0, frame)).toEqual([60, 60]);
  });
});

describe("colours of points", () => {
  const trait = (kind: "classes" | "sequential", values: Float32Array) => ({
    label: "family",
    kind,
    values: envelope(values, values.length),
    limits: [0, 2] as const,
    classes: kind === "classes" ? ["one", "two"] : [],
  });

  it("tell classes apart by mark as well, and leave out what is unknown", () => {
    const colouring = new Colouring(trait("classes", Float32Array.of(0, 1, Number.NaN)), 3);
    expect([0, 1].map((k) => colouring.shape(k))).toEqual([0, 1]);
    expect(colouring.colour(0, false)).toBe(classInk(0, false));
    expect(colouring.colour(0, false)).not.toBe(colouring.colour(1, false));
    expect(colouring.colour(2, false)).toBe("");
    expect([1, 2].map((k) => colouring.text(k))).toEqual(["family: two", "family: unknown"]);
  });

  it("of numbers are those of the scale", () => {
    const colouring = new Colouring(trait("sequential", Float32Array.of(0, 2)), 2);
    expect(colouring.text(1)).toBe("family: 2.00");
    expect(colouring.shape(1)).toBe(0);
    expect(colouring.colour(0, true)).toMatch(/^rgb/);
  });

  it("must be as many as the points", () => {
    expect(() => new Colouring(trait("sequential", Float32Array.of(0)), 2)).toThrow(
      "2 points came with 1 values",
    );
  });
});
