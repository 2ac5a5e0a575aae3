/** Keys on the 3D drawing: they turn and zoom it, as the mouse does. */

interface Actions {
  /** Turn about the axes of the window, in radians: to the right, and downwards. */
  turn(right: number, down: number): void;
  /** Positive is nearer. */
  zoom(delta: number): void;
  centre(): void;
}

const STEP = Math.PI / 18;
const TURNS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};
const ZOOMS: Record<string, number> = { "+": 0.1, "=": 0.1, "-": -0.1 };

export function listenToKeys(canvas: HTMLElement, signal: AbortSignal, actions: Actions): void {
  canvas.tabIndex = 0;
  canvas.style.outline = ""; // the engine takes the ring of the focus away
  canvas.setAttribute("aria-description", "Arrow keys turn, plus and minus zoom, 0 shows all");
  canvas.addEventListener(
    "keydown",
    (event) => {
      if (event.altKey || event.metaKey || event.ctrlKey) return;
      const turn = TURNS[event.key];
      const zoom = ZOOMS[event.key];
      if (turn) actions.turn(...turn);
      else if (zoom !== undefined) actions.zoom(zoom);
      else if (event.key === "0") actions.centre();
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    { signal },
  );
}
