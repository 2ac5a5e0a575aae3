/** Colour-blind-safe scales, shared by all views so that one quantity looks the same everywhere. */
import {
  interpolateCividis,
  interpolatePuOr,
  interpolateViridis,
  interpolateYlGnBu,
} from "d3-scale-chromatic";

/**
 * sequential: 0 to large; diverging: around 0; binary: yes or no; distance: near is dark; classes:
 * by number, with limits 0 and 255.
 */
export type ScaleKind = "sequential" | "diverging" | "binary" | "distance" | "classes";

/** Told apart by people who do not see some colours; white is legible on all. */
const CLASS_COLOURS = ["#0b6bcb", "#c4460a", "#2f7d4d", "#9b3f86", "#7a5c00", "#0e7c86", "#5f4bd1"];
const OTHER = "#6c737c";

const INTERPOLATORS: Record<ScaleKind, (t: number) => string> = {
  sequential: interpolateViridis,
  diverging: (t) => interpolatePuOr(1 - t),
  binary: (t) => interpolateYlGnBu(0.08 + 0.84 * t),
  distance: (t) => interpolateCividis(t),
  classes: (t) => CLASS_COLOURS[Math.round(255 * t)] ?? OTHER,
};

const tables = new Map<ScaleKind, Uint8ClampedArray>();

/** 256 RGB triples of a scale. */
export function colourTable(kind: ScaleKind): Uint8ClampedArray {
  let table = tables.get(kind);
  if (!table) {
    table = new Uint8ClampedArray(768);
    for (let k = 0; k < 256; k += 1) table.set(parseRgb(INTERPOLATORS[kind](k / 255)), 3 * k);
    tables.set(kind, table);
  }
  return table;
}

/** Index into a colour table, 0..255; -1 for NaN. */
export function colourIndex(value: number, low: number, high: number): number {
  if (Number.isNaN(value)) return -1;
  const t = high > low ? (value - low) / (high - low) : 0;
  return Math.max(0, Math.min(255, Math.round(255 * t)));
}

export function colourOf(kind: ScaleKind, value: number, low: number, high: number): string {
  const k = colourIndex(value, low, high);
  if (k < 0) return "transparent";
  const table = colourTable(kind);
  return `rgb(${table[3 * k]}, ${table[3 * k + 1]}, ${table[3 * k + 2]})`;
}

export function classColour(index: number): string {
  return colourOf("classes", index, 0, 255);
}

/** Dark or light, whichever is legible on the colour. */
export function inkOn(kind: ScaleKind, value: number, low: number, high: number): string {
  const k = colourIndex(value, low, high);
  if (k < 0) return "inherit";
  const [red = 0, green = 0, blue = 0] = colourTable(kind).subarray(3 * k, 3 * k + 3);
  const luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  // The WCAG contrasts are equal at 0.18, but up to here people read white more easily.
  return luminance > 0.25 ? "#101418" : "#ffffff";
}

/** Intensity of an sRGB channel of 0..255. */
function linear(channel: number): number {
  const c = channel / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

/** The scale from its low to its high end, for a legend. */
export function gradientOf(kind: ScaleKind): string {
  const stops = Array.from({ length: 17 }, (_, k) => colourOf(kind, k, 0, 16));
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

function parseRgb(text: string): [number, number, number] {
  if (text.startsWith("#")) {
    const n = Number.parseInt(text.slice(1), 16);
    return [(n >> 16) & 255, (n >> 8) & 255, n & 255];
  }
  const parts = text.match(/[\d.]+/g)?.map(Number) ?? [];
  return [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0];
}

/** Residue classes by side-chain chemistry, in the order of the legend; white is legible on all. */
export const CHEMISTRY: readonly { name: string; letters: string; colour: string }[] = [
  { name: "hydrophobic", letters: "AFILMVW", colour: "#4c78a8" },
  { name: "negative", letters: "DE", colour: "#c2334d" },
  { name: "positive", letters: "HKR", colour: "#6a4c93" },
  { name: "polar", letters: "NQSTY", colour: "#2f7d4d" },
  { name: "special", letters: "CGP", colour: "#966b00" },
];

export function chemistryColour(letter: string): string {
  return CHEMISTRY.find((group) => group.letters.includes(letter))?.colour ?? "#6c737c";
}

/** Style rules that paint with the class of `chemistryClass`, lighter on a dark page. */
export const CHEMISTRY_CSS = [...CHEMISTRY.keys()]
  .map((k) => {
    const colour = CHEMISTRY[k]?.colour ?? "";
    return `.plm-chemistry-${k} { color: ${colour}; fill: ${colour}; }
[data-theme="dark"] .plm-chemistry-${k} {
  color: color-mix(in oklab, ${colour}, white 32%);
  fill: color-mix(in oklab, ${colour}, white 32%);
}
`;
  })
  .join("");

/** For canvases: the class's colour as text, lighter on a dark page. */
export function chemistryInk(letter: string, dark: boolean): string {
  const colour = chemistryColour(letter);
  return dark ? `color-mix(in oklab, ${colour}, white 32%)` : colour;
}

export function chemistryClass(letter: string): string {
  return `plm-chemistry-${CHEMISTRY.findIndex((group) => group.letters.includes(letter))}`;
}
