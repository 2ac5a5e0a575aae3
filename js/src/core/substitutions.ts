/** Substitutions as gestures change them; no DOM here. */
import type { SelectionState } from "./selection";

/** The twenty amino acids, in the order of every array of them. */
export const LETTERS = "ACDEFGHIKLMNPQRSTVWY";

export type Substitutions = SelectionState["substitutions"];

/** The substitutions after `letter` is put at a position; its own letter or null takes it back. */
export function substituted(
  substitutions: Substitutions,
  position: number,
  letter: string | null,
  wildType: string | undefined,
): Substitutions {
  const kept = substitutions.filter(([other]) => other !== position);
  if (letter === null || letter === wildType) return kept;
  return [...kept, [position, letter] as const].sort((a, b) => a[0] - b[0]);
}

/** Make several substitutions, or take them back where all of them are there. */
export function toggled(
  substitutions: Substitutions,
  wanted: Substitutions,
  sequence: string,
): Substitutions {
  const there = wanted.every(([position, letter]) =>
    substitutions.some(([other, now]) => other === position && now === letter),
  );
  return wanted.reduce<Substitutions>(
    (all, [position, letter]) =>
      substituted(all, position, there ? null : letter, sequence[position]),
    substitutions,
  );
}
