/** Plays Python for the coupling of the selected pair. */
import type { FakeModel } from "../fake";
import { CHEMISTRY_ORDER, LETTERS } from "../lm";
import type { Part, World } from "../part";
import { blockTrait, choiceOf, shownOf } from "../two_models";

const PENDING = "Not there yet: the two residues have still to be substituted.";

export function jacobianTable({ options, toy, selection }: World): Part {
  const show = (view: FakeModel): void => {
    view.receive(blockTrait(toy, selection.state.pair, shownOf(options.two, view.get("shown"))));
  };
  return {
    traits: () => ({
      ...choiceOf(options.two),
      table: null,
      notice: options.state === "pending" ? PENDING : "",
      letters: LETTERS,
      chemistry_order: CHEMISTRY_ORDER,
    }),
    selected: show,
    saved(view, changed) {
      if ("shown" in changed) show(view);
    },
  };
}
