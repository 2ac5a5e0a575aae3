/** Three shares whose sum stays 1; no DOM here. */

export type Split = readonly [masked: number, random: number, kept: number];

/** Set one share; the two others keep their proportion to each other, and the sum stays 1. */
export function rebalanced(split: Split, which: number, value: number): Split {
  const set = Math.max(0, Math.min(1, value));
  const others = [0, 1, 2].filter((k) => k !== which);
  const left = others.reduce((sum, k) => sum + (split[k] ?? 0), 0);
  const next = [0, 0, 0];
  next[which] = set;
  for (const k of others) {
    // Where both were 0, half each.
    next[k] = left > 0 ? ((split[k] ?? 0) / left) * (1 - set) : (1 - set) / 2;
  }
  return next.map((share) => Math.round(1e6 * share) / 1e6) as unknown as Split;
}

/** Per cent without decimals that are not there. */
export function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}
