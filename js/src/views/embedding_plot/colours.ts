/** What colours the points, and the marks that tell classes apart without colour. */
import { type ArrayEnvelope, decodeArray } from "../../core/arrays";
import { chemistryInk, classColour, colourOf, type ScaleKind } from "../../core/colour";
import { valueText } from "../../core/format";

export interface ColouringTrait {
  label: string;
  kind: ScaleKind;
  /** A number a point, or its class counted from 0; NaN where unknown. */
  values: ArrayEnvelope;
  limits: readonly [number, number];
  /** Names of the classes. */
  classes: readonly string[];
}

/** Closed polygons within a circle of radius 1; the first is a circle itself. */
const SHAPES: readonly (readonly (readonly [number, number])[])[] = [
  [],
  polygon(3, -Math.PI / 2),
  polygon(4, -Math.PI / 4),
  polygon(4, 0),
  polygon(3, Math.PI / 2),
  polygon(5, -Math.PI / 2),
  polygon(6, 0),
];

export class Colouring {
  readonly label: string;
  readonly kind: ScaleKind;
  readonly limits: readonly [number, number];
  readonly classes: readonly string[];
  readonly values: ArrayLike<number>;

  constructor(trait: ColouringTrait, count: number) {
    ({ label: this.label, kind: this.kind, limits: this.limits, classes: this.classes } = trait);
    this.values = decodeArray(trait.values).values;
    if (this.values.length !== count) {
      throw new Error(`${count} points came with ${this.values.length} values to colour by`);
    }
  }

  /** Empty where nothing is known. */
  colour(point: number, dark: boolean): string {
    const value = this.values[point] ?? Number.NaN;
    if (!Number.isFinite(value)) return "";
    if (this.kind === "classes") return classInk(value, dark);
    return colourOf(this.kind, value, this.limits[0], this.limits[1]);
  }

  /** Which mark a point has. */
  shape(point: number): number {
    return this.kind === "classes" ? (this.values[point] ?? 0) : 0;
  }

  text(point: number): string {
    const value = this.values[point] ?? Number.NaN;
    return `${this.label}: ${valueText(value, this.classes)}`;
  }
}

/** Lighter on a dark page, as marks are thin. */
export function classInk(index: number, dark: boolean): string {
  const colour = classColour(index);
  return dark ? `color-mix(in oklab, ${colour}, white 32%)` : colour;
}

export function letterColour(letter: string, dark: boolean): string {
  return chemistryInk(letter, dark);
}

/** Add a mark to the path of a context. */
export function trace(
  context: CanvasRenderingContext2D,
  shape: number,
  x: number,
  y: number,
  radius: number,
): void {
  const corners = SHAPES[shape % SHAPES.length] ?? [];
  context.beginPath();
  if (corners.length === 0) context.arc(x, y, radius, 0, 2 * Math.PI);
  for (const [dx, dy] of corners) context.lineTo(x + 1.25 * radius * dx, y + 1.25 * radius * dy);
  context.closePath();
}

function polygon(corners: number, turn: number): [number, number][] {
  return Array.from({ length: corners }, (_, k) => {
    const angle = turn + (2 * Math.PI * k) / corners;
    return [Math.cos(angle), Math.sin(angle)];
  });
}
