/** Plays Python for the coupling of the selected pair. */
import { envelope } from "../fake";
import { CHEMISTRY_ORDER, LETTERS } from "../lm";
import type { Part, World } from "../part";

const PENDING = "Not there yet: the two residues have still to be substituted.";

export function jacobianTable({ options, toy, selection }: World): Part {
  return {
    traits: () => ({
      table: null,
      notice: options.state === "pending" ? PENDING : "",
      letters: LETTERS,
      chemistry_order: CHEMISTRY_ORDER,
    }),
    selected(view) {
      const { pair } = selection.state;
      const values = pair && envelope(toy.block(...pair), 20, 20);
      const figures = { score: 1.25, rank: 3, pairs: 2016 };
      view.receive({ table: pair && { pair, values, ...figures } });
    },
  };
}
