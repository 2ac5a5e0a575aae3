/** What is written over the drawing: whom the pointer means, and the selected pair. */
import { valueText } from "../../core/format";
import type { SelectionState } from "../../core/selection";
import type { Marks, Spot } from "./overlay";

export interface MarkFacts {
  /** Where a residue's CA is drawn, and the end of its side chain. */
  spot(position: number): Spot | null;
  tip(position: number): Spot | null;
  labels: readonly string[];
  hover: readonly number[];
  state: SelectionState;
  /** Of the selected pair, in Å. */
  pairLength: number | null;
  values: ArrayLike<number> | null;
  valueLabel: string;
  /** Names of the classes that the values number; none where they are amounts. */
  classes: readonly string[];
}

export function marksOf(facts: MarkFacts): Marks {
  const { hover, state, pairLength } = facts;
  const { pair } = state;
  const label = (position: number) => facts.labels[position] ?? "";
  const names = (positions: readonly number[]) => positions.map(label).join(" · ");
  const [first] = hover;
  const isPair = hover.length === 2;
  // The selected pair has its label already.
  const repeated = isPair && pair !== null && hover.every((position) => pair.includes(position));
  let text = "";
  if (isPair && !repeated) text = names(hover);
  else if (!isPair && first !== undefined) text = describe(first, facts);
  return {
    rings: hover.map((position) => (isPair ? facts.tip(position) : facts.spot(position))),
    hover: text,
    pair: pair && {
      ends: [facts.tip(pair[0]), facts.tip(pair[1])],
      text: names(pair) + (pairLength === null ? "" : `  ${pairLength.toFixed(1)} Å`),
    },
  };
}

function describe(position: number, facts: MarkFacts): string {
  const { masked, substitutions } = facts.state;
  const parts = [facts.labels[position] ?? ""];
  const substitution = substitutions.find(([at]) => at === position);
  if (masked.includes(position)) parts.push("masked");
  else if (substitution) parts.push(`now ${substitution[1]}`);
  const value = facts.values?.[position];
  if (value !== undefined) parts.push(`${facts.valueLabel} ${valueText(value, facts.classes)}`);
  return parts.join(" · ");
}
