/** Pointer, wheel and keys on the maps. */
import { type Keyed, pressed, zoomByWheel } from "../../core/map_gestures";
import { placeIn } from "../../core/place";

/** What the gestures ask of the view; x and y in CSS pixels of the canvas. */
export interface Target extends Keyed {
  point(at: { x: number; y: number; clientX: number; clientY: number } | null): void;
  click(x: number, y: number): void;
}

export function listen(canvas: HTMLCanvasElement, signal: AbortSignal, target: Target): void {
  const on = <K extends keyof HTMLElementEventMap>(
    name: K,
    react: (event: HTMLElementEventMap[K]) => void,
  ): void => canvas.addEventListener(name, react, { signal });

  on("pointermove", (event) => {
    const { clientX, clientY } = event;
    target.point({ ...placeIn(canvas, clientX, clientY), clientX, clientY });
  });
  on("pointerleave", () => target.point(null));
  on("click", (event) => {
    const { x, y } = placeIn(canvas, event.clientX, event.clientY);
    target.click(x, y);
  });
  // Sideways the wheel scrolls, and with Shift.
  zoomByWheel(
    canvas,
    signal,
    target,
    ({ shiftKey, deltaX, deltaY }) => shiftKey || Math.abs(deltaX) > Math.abs(deltaY),
  );
  on("blur", () => target.escape());
  on("keydown", (event) => {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    if (!pressed(event, canvas, target)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}
