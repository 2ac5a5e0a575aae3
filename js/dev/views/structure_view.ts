/** Plays Python for the structure, which the tests give it. */
import { colouring, valuesOf } from "../colouring";
import type { Part, World } from "../part";

export function structureView(world: World): Part {
  return {
    traits: () => ({ ...colouring(world), structure: null, pairs: [], top_k: 10, top_k_max: 50 }),
    saved(view, { colour_by }) {
      if (colour_by) view.receive(valuesOf(world, String(colour_by)));
    },
    scanned(view, share) {
      const count = Math.floor(share * 50);
      view.receive({ pairs: Array.from({ length: count }, (_, k) => [k, k + 8, k % 3 !== 0]) });
    },
  };
}
