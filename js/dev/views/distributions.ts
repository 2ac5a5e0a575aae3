/** Plays Python for the distributions: a prediction of the toy model for each selection. */
import { envelope } from "../fake";
import { CHEMISTRY_ORDER, LETTERS } from "../lm";
import type { Part, Traits, World } from "../part";

export function distributions({ options, toy, selection }: World): Part {
  const prediction = (): Traits => {
    const { masked, substitutions } = selection.state;
    const values = toy.probabilities(masked, substitutions);
    return {
      probabilities: envelope(values, toy.sequence.length, 20),
      masked: [...masked],
      substitutions: [...substitutions],
    };
  };
  return {
    traits: () => ({
      prediction: options.state === "empty" ? null : prediction(),
      letters: LETTERS,
      chemistry_order: CHEMISTRY_ORDER,
      order: "alphabet",
      profile: "heat",
      pending: options.state === "pending",
    }),
    selected: (view) => view.receive({ prediction: prediction(), pending: false }),
  };
}
