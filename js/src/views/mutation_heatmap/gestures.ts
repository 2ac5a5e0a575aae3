/** Pointer, wheel and keys on the maps. */
import { placeIn } from "../../core/place";
import { whenWheelIsMeant } from "../../core/wheel";

/** What the gestures ask of the view; x and y in CSS pixels of the canvas. */
export interface Target {
  point(at: { x: number; y: number; clientX: number; clientY: number } | null): void;
  click(x: number, y: number): void;
  /** Returns false when there is nothing left to zoom. */
  zoom(x: number, factor: number): boolean;
  reset(): void;
  /** Move the keyboard's cell by so many columns and rows. */
  step(columns: number, rows: number): void;
  /** Click the keyboard's cell. */
  enter(): void;
  /** Put the keyboard's cell away. */
  escape(): void;
}

const STEPS: Record<string, readonly [number, number]> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};
const STRIDE = 10;

export function listen(canvas: HTMLCanvasElement, signal: AbortSignal, target: Target): void {
  let wheelIsMeant = false;
  whenWheelIsMeant(canvas, signal, (meant) => {
    wheelIsMeant = meant;
  });
  const on = <K extends keyof HTMLElementEventMap>(
    name: K,
    react: (event: HTMLElementEventMap[K]) => void,
  ): void => canvas.addEventListener(name, react, { signal, passive: false });

  on("pointermove", (event) => {
    const { clientX, clientY } = event;
    target.point({ ...placeIn(canvas, clientX, clientY), clientX, clientY });
  });
  on("pointerleave", () => target.point(null));
  on("click", (event) => {
    const { x, y } = placeIn(canvas, event.clientX, event.clientY);
    target.click(x, y);
  });
  on("wheel", (event) => {
    // Sideways the wheel scrolls, and with Shift.
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (sideways || (!wheelIsMeant && !event.ctrlKey)) return;
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    const delta = Math.max(-120, Math.min(120, event.deltaY * lines * (event.ctrlKey ? 6 : 1)));
    const { x } = placeIn(canvas, event.clientX, event.clientY);
    // Where there is nothing left to zoom, the page scrolls on.
    if (target.zoom(x, Math.exp(-delta * 0.0022))) event.preventDefault();
  });
  on("blur", () => target.escape());
  on("keydown", (event) => {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    const step = STEPS[event.key];
    const stride = event.shiftKey ? STRIDE : 1;
    if (step) target.step(stride * step[0], stride * step[1]);
    else if (event.key === "Enter" || event.key === " ") target.enter();
    else if (event.key === "Escape") target.escape();
    else if (event.key === "+" || event.key === "=") target.zoom(canvas.clientWidth / 2, 1.4);
    else if (event.key === "-") target.zoom(canvas.clientWidth / 2, 1 / 1.4);
    else if (event.key === "0") target.reset();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
