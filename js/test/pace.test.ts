import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Pace } from "../src/views/structure_view/pace";

let draws = 0;
let pace: Pace;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  draws = 0;
  pace = new Pace(new AbortController().signal, () => {
    draws += 1;
  });
});
afterEach(() => vi.useRealTimers());

/** A rendering after which the page stands still for so long. */
async function render(milliseconds: number): Promise<void> {
  pace.rendered();
  vi.advanceTimersByTime(milliseconds);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

it("draws at once where that is quick", async () => {
  pace.ask(false);
  expect(draws).toBe(1);
  await render(5);
  pace.ask(true);
  expect(draws).toBe(2);
});

it("draws a slow scene after the answer to the click, once for several changes", async () => {
  await render(200);
  pace.ask(true);
  vi.advanceTimersByTime(60);
  pace.ask(true);
  vi.advanceTimersByTime(100);
  expect(draws).toBe(0);
  vi.advanceTimersByTime(30);
  expect(draws).toBe(1);
});

it("lets no row of clicks put a slow scene off for long", async () => {
  await render(200);
  for (let k = 0; k < 10; k += 1) {
    pace.ask(true);
    vi.advanceTimersByTime(100);
  }
  expect(draws).toBe(1);
});

it("leaves most of the time to others while a scan changes a slow scene", async () => {
  await render(200);
  let drawn = 0;
  for (let k = 0; k < 200; k += 1) {
    pace.ask(false);
    vi.advanceTimersByTime(100);
    if (draws > drawn) await render(200);
    drawn = draws;
  }
  expect(draws).toBeGreaterThan(3);
  expect(draws).toBeLessThan(7);
});
