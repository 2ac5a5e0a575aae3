/** When to draw: soon, once a frame at most, and what can wait after what is waited for. */

/**
 * A function that runs `draw` as soon as the task that asks has run, and once a frame at most.
 *
 * Waiting for the frame itself would leave idle what is mostly free until then, and have the frame
 * wait for the drawing.
 */
export function coalesce(signal: AbortSignal, draw: () => void): () => void {
  let asked = false;
  let resting = false;
  const run = (): void => {
    asked = false;
    if (signal.aborted) return;
    resting = true;
    requestAnimationFrame(() => {
      resting = false;
      if (asked) run();
    });
    draw();
  };
  return () => {
    if (asked || signal.aborted) return;
    asked = true;
    if (!resting) queueMicrotask(run);
  };
}

/** A function that runs `draw` once when the frame being made is on its way to the screen. */
export function afterFrame(signal: AbortSignal, draw: () => void): () => void {
  let asked = false;
  const run = (): void => {
    asked = false;
    if (!signal.aborted) draw();
  };
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => setTimeout(run));
  };
}
