/** Plays Python for the joint distribution of the selected pair. */
import type { FakeModel } from "../fake";
import { CHEMISTRY_ORDER, LETTERS } from "../lm";
import type { Part, World } from "../part";
import { choiceOf, jointTables } from "../two_models";

export function jointTable({ options, toy, selection }: World): Part {
  const compute = (view: FakeModel): void => {
    const tables = jointTables(toy, selection.state.pair, options.two !== "");
    view.receive({ ...tables, pending: false });
  };
  return {
    traits: () => ({
      ...choiceOf(options.two),
      table: null,
      reference_table: null,
      pending: options.state === "pending",
      automatic: true,
      show: "log_ratio",
      chain_order: "mean",
      letters: LETTERS,
      chemistry_order: CHEMISTRY_ORDER,
    }),
    selected(view) {
      if (view.get("automatic")) compute(view);
    },
    heard(view, { type }) {
      if (type === "compute") compute(view);
    },
  };
}
