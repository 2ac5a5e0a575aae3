/** Plays Python for the joint distribution of the selected pair. */
import { envelope, type FakeModel } from "../fake";
import { CHEMISTRY_ORDER, LETTERS } from "../lm";
import type { Part, World } from "../part";

export function jointTable({ options, toy, selection }: World): Part {
  const compute = (view: FakeModel): void => {
    const { pair } = selection.state;
    const probabilities = pair && envelope(toy.joint(...pair), 3, 20, 20);
    // The figures are made up: Python's are tested in Python.
    const figures = { mutual_information: [0.31, 0.3, 0.32], disagreement: 0.04 };
    view.receive({ table: pair && { pair, probabilities, ...figures }, pending: false });
  };
  return {
    traits: () => ({
      table: null,
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
