import { describe, expect, it } from "vitest";
import {
  CHEMISTRY,
  chemistryColour,
  classColour,
  colourIndex,
  colourOf,
  colourTable,
  gradientOf,
  inkOn,
} from "../src/core/colour";

describe("scales", () => {
  it("start and end where the published ones do", () => {
    expect(colourOf("sequential", 0, 0, 1)).toBe("rgb(68, 1, 84)"); // matplotlib's viridis
    expect(colourOf("sequential", 20, 1, 20)).toBe("rgb(253, 231, 37)");
    expect(colourOf("sequential", 99, 1, 20)).toBe("rgb(253, 231, 37)");
    expect(colourTable("sequential")).toHaveLength(768);
  });

  it("are pale in the middle of a diverging range and differ at its ends", () => {
    const [red, green, blue] = colourTable("diverging").subarray(3 * 128, 3 * 129);
    expect(Math.min(red ?? 0, green ?? 0, blue ?? 0)).toBeGreaterThan(230);
    expect(colourOf("diverging", -1, -1, 1)).not.toBe(colourOf("diverging", 1, -1, 1));
  });

  it("grow lighter all the way, so that they read without colour", () => {
    const table = colourTable("sequential");
    const lightness = Array.from({ length: 256 }, (_, k) => {
      const [red = 0, green = 0, blue = 0] = table.subarray(3 * k, 3 * k + 3);
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    });
    for (let k = 16; k < 256; k += 16) expect(lightness[k]).toBeGreaterThan(lightness[k - 16] ?? 0);
  });

  it("leave out what is not known", () => {
    expect(colourIndex(Number.NaN, 0, 1)).toBe(-1);
    expect(colourOf("sequential", Number.NaN, 0, 1)).toBe("transparent");
    expect(inkOn("sequential", Number.NaN, 0, 1)).toBe("inherit");
  });

  it("stand still when the range is empty", () => {
    expect(colourIndex(3, 3, 3)).toBe(0);
    expect(colourIndex(9, 0, 3)).toBe(255);
    expect(colourIndex(-9, 0, 3)).toBe(0);
  });

  it("give each class a colour, and what comes after them grey", () => {
    const colours = Array.from({ length: 8 }, (_, k) => classColour(k));
    expect(new Set(colours).size).toBe(8);
    expect(classColour(9)).toBe(classColour(7));
    expect(inkOn("classes", 3, 0, 255)).toBe("#ffffff");
    expect(colourOf("classes", Number.NaN, 0, 255)).toBe("transparent");
  });

  it("make a gradient for a legend", () => {
    const gradient = gradientOf("sequential");
    expect(gradient.startsWith("linear-gradient(to right, rgb(68, 1, 84)")).toBe(true);
    expect(gradient.endsWith("rgb(253, 231, 37))")).toBe(true);
  });
});

/** WCAG 2.2 contrast ratio of two colours. */
function contrast(a: number[], b: number[]): number {
  const luminance = (rgb: number[]) => {
    const [red = 0, green = 0, blue = 0] = rgb.map((channel) => {
      const c = channel / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

const hex = (text: string) =>
  [1, 3, 5].map((start) => Number.parseInt(text.slice(start, start + 2), 16));

describe("legibility", () => {
  it("keeps letters readable on every colour of the scales", () => {
    for (const kind of ["sequential", "diverging", "distance", "binary"] as const) {
      for (let k = 0; k < 256; k += 1) {
        const fill = [...colourTable(kind).subarray(3 * k, 3 * k + 3)];
        // Bold letters need 3:1.
        expect(contrast(fill, hex(inkOn(kind, k, 0, 255)))).toBeGreaterThan(3);
      }
    }
  });

  it("keeps white letters readable on the classes of chemistry", () => {
    for (const { colour } of CHEMISTRY) {
      expect(contrast(hex(colour), [255, 255, 255])).toBeGreaterThan(4.5);
    }
  });
});

it("puts every amino acid in one class of chemistry", () => {
  const letters = CHEMISTRY.map((group) => group.letters).join("");
  expect([...letters].sort().join("")).toBe("ACDEFGHIKLMNPQRSTVWY");
  expect(chemistryColour("D")).toBe(chemistryColour("E"));
  expect(chemistryColour("X")).not.toBe(chemistryColour("A"));
});
