/** Hover and clicks on the 3D drawing; turning and zooming are the engine's. */
import { placeIn } from "../../core/place";
import { whenWheelIsMeant } from "../../core/wheel";
import type { Pick, Scene } from "./scene";

/** Picking renders the scene once more: not more often than this, in milliseconds. */
const HOVER_INTERVAL = 50;
const CLICK_SLACK = 4;

interface Reactions {
  hover(pick: Pick): void;
  click(pick: Pick): void;
}

export function listenToPointer(scene: Scene, signal: AbortSignal, react: Reactions): void {
  const { canvas } = scene;
  let last = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let down: { x: number; y: number } | null = null;
  let at = { x: 0, y: 0 };

  const place = (event: PointerEvent) => placeIn(canvas, event.clientX, event.clientY);
  const hover = (): void => {
    timer = undefined;
    last = performance.now();
    react.hover(scene.pick(at.x, at.y));
  };
  const stop = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };

  canvas.addEventListener(
    "pointermove",
    (event) => {
      at = place(event);
      if (event.buttons !== 0 || event.pointerType === "touch") stop();
      else timer ??= setTimeout(hover, Math.max(0, last + HOVER_INTERVAL - performance.now()));
    },
    { signal },
  );
  canvas.addEventListener(
    "pointerleave",
    () => {
      stop();
      down = null;
      react.hover(null);
    },
    { signal },
  );
  canvas.addEventListener(
    "pointerdown",
    (event) => {
      stop();
      down = event.button === 0 && !event.ctrlKey && !event.shiftKey ? place(event) : null;
    },
    { signal },
  );
  canvas.addEventListener(
    "pointerup",
    (event) => {
      const up = place(event);
      const still = down && Math.hypot(up.x - down.x, up.y - down.y) < CLICK_SLACK;
      down = null;
      if (still) react.click(scene.pick(up.x, up.y));
    },
    { signal },
  );
  signal.addEventListener("abort", stop, { once: true });
  scene.wheelZooms = false;
  whenWheelIsMeant(canvas, signal, (meant) => {
    scene.wheelZooms = meant;
  });
}
