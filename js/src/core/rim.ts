/** Frames on canvases that are seen on any colour. */

/** How much wider the rim is than its frame, in pixels. */
const RIM = 2.5;

/** A frame of one colour over a wider one of another lightness. */
export function frameWithRim(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  box: readonly [x: number, y: number, width: number, height: number],
  colour: string,
  thickness: number,
  rim: string,
): void {
  for (const [style, width] of [
    [rim, thickness + RIM],
    [colour, thickness],
  ] as const) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.strokeRect(...box);
  }
}
