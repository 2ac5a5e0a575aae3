import { describe, expect, it } from "vitest";
import { Chart, pathOf } from "../src/core/chart";

function wide(width: number): Chart {
  const chart = new Chart("toy");
  Object.defineProperty(chart.node, "clientWidth", { value: width });
  return chart;
}

const texts = (chart: Chart, name: string) =>
  [...chart.node.querySelectorAll(`.${name}`)].map((node) => node.textContent);

describe("a chart", () => {
  it("has its axes between its margins, whatever its width", () => {
    for (const width of [200, 464]) {
      const chart = wide(width);
      expect([chart.x(0), chart.x(1)]).toEqual([48, width - 16]);
      expect(chart.y(0)).toBeGreaterThan(chart.y(1));
    }
  });

  it("finds the share of the axis under the pointer, beside it as well", () => {
    const chart = wide(464);
    const at = (clientX: number) => chart.shareAt(new MouseEvent("pointermove", { clientX }));
    expect([48, 248, 448, 28].map(at)).toEqual([0, 0.5, 1, -0.05]);
  });

  it("names axes and ticks, and puts marks over them", () => {
    const chart = wide(464);
    const mark = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    const x = {
      title: "step",
      ticks: [0, 10],
      place: (k: number) => chart.x(k / 10),
      text: String,
    };
    const y = {
      title: "loss",
      ticks: [2],
      place: () => chart.y(0.5),
      text: (k: number) => `${k}.0`,
    };
    chart.draw("a loss of 2", x, y, [mark]);
    expect(texts(chart, "tick")).toEqual(["2.0", "0", "10"]);
    expect(texts(chart, "axis")).toEqual(["step", "loss"]);
    const svg = chart.node.querySelector("svg");
    expect(svg?.getAttribute("aria-label")).toBe("a loss of 2");
    expect(svg?.lastChild).toBe(mark);
    chart.blank("nothing computed yet");
    expect(texts(chart, "tick")).toEqual(["nothing computed yet"]);
  });

  it("writes a line as points", () => {
    expect(pathOf([])).toBe("");
    expect(
      pathOf([
        [1, 2.04],
        [3.26, 4],
      ]),
    ).toBe("1.0,2.0 3.3,4.0");
  });
});
