/**
 * When to draw a scene. With a graphics card that takes no time and is done at once. In software a
 * scene takes tenths of a second in which the whole page stands still: then it waits until the
 * other views have drawn what a click changed, and leaves most of the time to them.
 */

/** What a drawing may take that nobody notices, in milliseconds. */
const QUICK = 30;
/** A slow one waits until nothing has been asked for this long: a click's answer comes sooner. */
const QUIET = 120;
/** But not longer than this, however many clicks follow each other. */
const LATEST = 600;
/** A slow one that nobody clicked for takes one part in so many of the time. */
const PARTS = 20;

export class Pace {
  #draw: () => void;
  #cost = 0;
  #ended = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When something urgent was asked for that is not drawn yet. */
  #since: number | null = null;

  constructor(signal: AbortSignal, draw: () => void) {
    this.#draw = draw;
    signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  /** Whether a drawing holds the page up. */
  get slow(): boolean {
    return this.#cost >= QUICK;
  }

  /** Draw soon; `urgent` where a person waits for it. */
  ask(urgent: boolean): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    if (urgent) this.#since ??= now;
    if (!this.slow) {
      this.#run();
      return;
    }
    const due =
      this.#since === null
        ? Math.max(now, this.#ended + (PARTS - 1) * this.#cost)
        : Math.min(now + QUIET, this.#since + LATEST);
    this.#timer = setTimeout(() => this.#run(), due - now);
  }

  /** Say that the scene is being rendered: what follows in this frame is the cost of it. */
  rendered(): void {
    const began = performance.now();
    const { port1, port2 } = new MessageChannel();
    // The first task after the frame: by then the page has waited for the pixels.
    port1.onmessage = () => {
      this.#ended = performance.now();
      // Some renderings are cheap, such as one of nothing new: they do not make the next one so.
      this.#cost = Math.max(this.#ended - began, 0.8 * this.#cost);
      port1.close();
    };
    port2.postMessage(0);
  }

  #run(): void {
    this.#since = null;
    this.#draw();
  }
}
