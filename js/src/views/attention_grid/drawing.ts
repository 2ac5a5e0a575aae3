/** The grid on a canvas: all pictures from one image, then the marks. */
import { colourTable, type ScaleKind } from "../../core/colour";
import { prepareCanvas } from "../../core/elements";
import type { Theme } from "../../core/theme";
import type { Heads, Place } from "./heads";
import { cornerOf, type Layout } from "./layout";

/** Height of the bar below a picture that says how well its head finds contacts. */
const BAR = 3;

export interface Scene {
  heads: Heads;
  /** All pictures in one, as `atlasOf` makes it. */
  atlas: HTMLCanvasElement;
  layout: Layout;
  layers: readonly number[];
  chosen: Place;
  pointed: Place | null;
  best: readonly Place[];
  theme: Theme;
  /** Whether the pictures are of other masks than those selected. */
  stale: boolean;
}

/** Every picture in its colours, side by side: made once for many drawings. */
export function atlasOf(heads: Heads, kind: ScaleKind): HTMLCanvasElement {
  const { side } = heads;
  const atlas = document.createElement("canvas");
  atlas.width = heads.heads * side;
  atlas.height = heads.rows * side;
  const context = atlas.getContext("2d");
  if (!context) throw new Error("the browser gave no canvas to draw on");
  const image = context.createImageData(atlas.width, atlas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const palette = paletteOf(kind);
  for (let row = 0; row < heads.rows; row += 1) {
    for (let head = 0; head < heads.heads; head += 1) {
      const picture = heads.picture({ row, head });
      for (let y = 0; y < side; y += 1) {
        const start = (row * side + y) * atlas.width + head * side;
        for (let x = 0; x < side; x += 1) {
          pixels[start + x] = palette[picture[y * side + x] ?? 0] ?? 0;
        }
      }
    }
  }
  context.putImageData(image, 0, 0);
  return atlas;
}

export function drawGrid(canvas: HTMLCanvasElement, scene: Scene): void {
  const { heads, atlas, layout, layers, theme, best } = scene;
  const context = prepareCanvas(canvas, layout.width, layout.height);
  context.clearRect(0, 0, layout.width, layout.height);
  // Cells of few residues stay sharp, and pictures that shrink smooth.
  context.imageSmoothingEnabled = layout.cell < heads.side;
  context.globalAlpha = scene.stale ? 0.5 : 1;
  for (let row = 0; row < heads.rows; row += 1) {
    for (let head = 0; head < heads.heads; head += 1) {
      const [x, y] = cornerOf(layout, { row, head });
      const { side } = heads;
      const bar = heads.precision({ row, head }) === null ? 0 : BAR;
      const size = layout.cell - bar;
      context.drawImage(atlas, head * side, row * side, side, side, x, y, layout.cell, size);
      drawBar(context, scene, { row, head }, x, y + size);
    }
  }
  context.globalAlpha = 1;
  context.fillStyle = theme.muted;
  context.font = `11px ${theme.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const every = Math.ceil(24 / layout.step);
  for (let head = 0; head < heads.heads; head += every) {
    context.fillText(String(head), layout.left + head * layout.step + layout.cell / 2, 9);
  }
  context.textAlign = "right";
  const gap = Math.ceil(14 / layout.step);
  for (let row = 0; row < heads.rows; row += gap) {
    const y = layout.top + row * layout.step + layout.cell / 2;
    context.fillText(String(layers[row] ?? ""), layout.left - 6, y);
  }
  for (const place of best) frame(context, layout, place, theme.mask, 1.5, theme);
  if (scene.pointed) frame(context, layout, scene.pointed, theme.text, 1.5, theme);
  frame(context, layout, scene.chosen, theme.accent, 3, theme);
}

function drawBar(
  context: CanvasRenderingContext2D,
  { heads, layout, theme }: Scene,
  place: Place,
  x: number,
  y: number,
): void {
  const share = heads.precision(place);
  if (share === null) return;
  context.fillStyle = theme.line;
  context.fillRect(x, y, layout.cell, BAR);
  context.fillStyle = theme.mask;
  context.fillRect(x, y, share * layout.cell, BAR);
}

function frame(
  context: CanvasRenderingContext2D,
  layout: Layout,
  place: Place,
  colour: string,
  thickness: number,
  theme: Theme,
): void {
  const [x, y] = cornerOf(layout, place);
  context.strokeStyle = theme.background;
  context.lineWidth = thickness + 1;
  context.strokeRect(x - 1, y - 1, layout.cell + 2, layout.cell + 2);
  context.strokeStyle = colour;
  context.lineWidth = thickness;
  context.strokeRect(x - 1, y - 1, layout.cell + 2, layout.cell + 2);
}

/** RGBA of each byte of a picture, as the bytes of an image. */
function paletteOf(kind: ScaleKind): Uint32Array {
  const table = colourTable(kind);
  const bytes = new Uint8ClampedArray(1024);
  for (let k = 0; k < 256; k += 1) bytes.set([...table.subarray(3 * k, 3 * k + 3), 255], 4 * k);
  return new Uint32Array(bytes.buffer);
}
