/** What gestures on a row of residues mean; no DOM here. */
/** A range being dragged: every residue from `from` to `to` gets masked, or all get unmasked. */
export interface Drag {
  from: number;
  to: number;
  mask: boolean;
}

export function inDrag(drag: Drag | null, position: number): boolean {
  if (!drag) return false;
  return position >= Math.min(drag.from, drag.to) && position <= Math.max(drag.from, drag.to);
}

/** The masked positions after a drag is let go. */
export function applyDrag(masked: readonly number[], drag: Drag): number[] {
  const kept = masked.filter((position) => !inDrag(drag, position));
  if (!drag.mask) return kept;
  const low = Math.min(drag.from, drag.to);
  const range = Array.from({ length: Math.abs(drag.to - drag.from) + 1 }, (_, k) => low + k);
  return [...kept, ...range].sort((a, b) => a - b);
}

export function inverted(masked: readonly number[], length: number): number[] {
  const hidden = new Set(masked);
  return Array.from({ length }, (_, i) => i).filter((i) => !hidden.has(i));
}

/** How a screen reader names a residue: "A25, masked, replaced by G". */
export function describe(label: string, masked: boolean, replacement: string | undefined): string {
  const parts = [label];
  if (masked) parts.push("masked");
  if (replacement) parts.push(`replaced by ${replacement}`);
  return parts.join(", ");
}
