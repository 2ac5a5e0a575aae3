/** Plays Python for a contact recovery: curves that are made up, but move as real ones. */
import { envelope, type FakeModel } from "../fake";
import type { Part, Traits, World } from "../part";

const NO_HEAD =
  "toy has no trained contact head, from which contacts could be read: take using='jacobian', or " +
  "a model that has one, such as 'esm2-8m'";

export function recoveryView(world: World): Part {
  return {
    traits: () => traitsOf(world),
    saved: (view) => view.receive(traitsOf(world, view)),
  };
}

/** The traits for the segments and the flank that the view wants. */
function traitsOf({ options: { length, state } }: World, view?: FakeModel): Traits {
  const given = <T>(name: string, fallback: T): T => (view?.get(name) as T | undefined) ?? fallback;
  const segments = given("segments", [[Math.floor(length / 3), Math.floor(length / 3) + 22]]);
  const strategy = given("strategy", "flanking");
  const using = given("using", state === "empty" ? "contact-head" : "jacobian");
  const [start = 0, stop = 0] = [segments[0]?.[0], segments[segments.length - 1]?.[1]];
  const largest = Math.max(start, length - stop);
  const flank = Math.min(given("flank", 5), largest);
  const refused = state === "empty" && using === "contact-head";
  const count = refused || state === "pending" ? 0 : largest + 1;
  const spread = strategy === "flanking" ? 0 : 0.25;
  // Where the contacts come back depends on the segment, so that dragging shows something.
  const half = 4.5 + (start % 5) + 20 * spread;
  const rows = new Float32Array(7 * count);
  for (let k = 0; k < count; k += 1) {
    const r = 1 / (1 + Math.exp(3 * (half - k)));
    const at = (by: number): number => Math.max(0, Math.min(1.05, r + by * spread));
    rows.set([k, r, at(-0.4), at(0.4), at(-1), at(0.8), spread > 0 ? 10 : 1], 7 * k);
  }
  const roles = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) {
    const near = i >= start - flank && i < stop + flank;
    const drawn = (7 * i) % length < 2 * flank;
    roles[i] = Number(strategy === "flanking" ? near : drawn);
    if (segments.some(([a = 0, b = 0]) => i >= a && i < b)) roles[i] = 2;
  }
  return {
    segments,
    strategy,
    using,
    flank,
    largest,
    strategies: ["flanking", "random", "random-30"],
    usings: [
      ["contact-head", "contact head"],
      ["jacobian", "fast Jacobian"],
    ],
    candidates: [
      [4, 26, "A5-G26"],
      [length - 30, length - 8, "L31-K56"],
    ],
    curve: count > 0 ? envelope(rows, count, 7) : null,
    roles: refused ? null : envelope(roles, length),
    facts: refused
      ? {}
      : {
          threshold: 0.5,
          recovered_at: count > 0 ? Math.ceil(half) : null,
          jumps: spread > 0 || count === 0 ? [] : [Math.ceil(half)],
          contact_sum: 21.4,
          seeds: spread > 0 ? 10 : 1,
          done: count,
          total: largest + 1,
          status: state === "pending" ? "running" : "finished",
          model: "toy",
        },
    problem: refused ? NO_HEAD : "",
  };
}
