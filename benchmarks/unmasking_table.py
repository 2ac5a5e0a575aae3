"""Unmasking strategies on the toy family: what each reveals, judged by the true Potts model.

The demo pLM decodes the hidden residues of the demo protein, and the score is log p under the Potts
model that its family was drawn from, less the constant log Z of the visible part: the same for all
completions of one set of hidden residues, so that differences are exact. The guided strategies were
tuned (order, threshold) on other seeds and other hidden residues than are used here.
"""

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.unmasking.strategy_comparison import StrategyComparison, compare_strategies
from plmwidgets.models import load_model
from plmwidgets.models.masked_lm import Context
from plmwidgets.models.potts import PottsModel
from plmwidgets.protein import Protein
from plmwidgets.scan.start import scan_pairs

ORDERS = ("random", "entropy", "left-to-right", "max-probability")
STEPS = (1, 2, 4, 8, 16)


def main() -> None:
    """Print the tables as Markdown."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=200)
    options.add_argument("--pairs", type=int, default=2000, help="seeds of the paired differences")
    options.add_argument("--hidden", type=int, default=32, help="how many of the 64 residues")
    given = options.parse_args()
    protein, judge = Protein.demo(), load_model("potts-demo")
    hidden = sorted(np.random.default_rng(0).permutation(len(protein))[: given.hidden].tolist())
    scan = scan_pairs(protein, "demo")
    scan.wait(quiet=True)
    began = time.perf_counter()
    shared = {"judge": judge.log_weights, "pairs": scan}
    named = {order: {"strategy": order} for order in ORDERS}
    guided = {
        "pair-guided, map": {"strategy": "pair-guided"},
        "pair-guided, probes": {"strategy": "pair-guided", "pairs": None},
    }
    table = compare_strategies(
        protein,
        "demo",
        hidden,
        strategies=named | guided,
        steps=[*(count for count in STEPS if count < given.hidden), given.hidden],
        seeds=given.seeds,
        **shared,
    )
    table.wait(quiet=True)
    print(f"{given.hidden} hidden residues: {', '.join(protein.residue_labels[i] for i in hidden)}")
    print(f"passes of the pair scan, shared by all traces: {table.map_passes}\n")
    print(scores_table(table))
    exact = gibbs(judge, protein, hidden, given.seeds)
    print(f"\nexact sampling: {in_words(exact)}; the wild type: ", end="")
    print(f"{judge.log_weights([protein.sequence])[0]:.2f}")
    both = {name: own for order in ORDERS[:3] for name, own in with_guide(order).items()}
    paired = compare_strategies(
        protein, "demo", hidden, strategies=both, steps=STEPS[1:], seeds=given.pairs, **shared
    )
    paired.wait(quiet=True)
    print(f"\nguided less unguided, {given.pairs} seeds, paired:\n")
    print(differences_table(guidance(paired)))
    print("\nless the random order, the same seeds:\n")
    print(differences_table(paired.against("random")))
    print(f"\n{time.perf_counter() - began:.0f} s")


def with_guide(order: str) -> dict[str, dict[str, str]]:
    """Return an order by itself and under guidance."""
    return {
        order: {"strategy": order},
        f"{order}, guided": {"strategy": "pair-guided", "order": order},
    }


def scores_table(comparison: StrategyComparison) -> str:
    """Return score, interval, passes and diversity of each strategy and number of steps."""
    lines = ["| strategy | steps | passes | log p + log Z (95 %) | identity | diversity |"]
    lines.append("|---|---|---|---|---|---|")
    for row in comparison.summary().itertuples():
        lines.append(
            f"| {row.strategy} | {row.steps} | {row.passes:.0f} | {row.score:.1f} "
            f"({row.low:.1f}, {row.high:.1f}) | {row.identity:.2f} | {row.diversity:.2f} |"
        )
    return "\n".join(lines)


def guidance(paired: StrategyComparison) -> pd.DataFrame:
    """Return what guidance adds to each order."""
    found = [paired.against(order) for order in ORDERS[:3]]
    own = [
        table[table["strategy"] == f"{order}, guided"]
        for order, table in zip(ORDERS, found, strict=False)
    ]
    return pd.concat(own)


def differences_table(differences: pd.DataFrame) -> str:
    """Return a line a strategy, with the differences at each number of steps."""
    lines = ["| | " + " | ".join(f"{steps} steps" for steps in STEPS[1:]) + " |"]
    lines.append("|---|" + "---|" * len(STEPS[1:]))
    for label, found in differences.groupby("strategy", sort=False):
        lines.append(f"| {label} | " + " | ".join(map(cell, found.itertuples())) + " |")
    return "\n".join(lines)


def cell(row: Any) -> str:
    """Return a difference with its interval."""
    return f"{row.score:+.2f} ({row.low:+.2f}, {row.high:+.2f})"


def gibbs(
    judge: PottsModel, protein: Protein, hidden: list[int], count: int, sweeps: int = 50
) -> np.ndarray:
    """Return the judge's scores of exact completions: Gibbs sampling of the hidden residues."""
    random = np.random.default_rng(0)
    letters = np.tile(list(protein.sequence), (count, 1))
    for _ in range(sweeps):
        for i in random.permutation(hidden):
            contexts = [Context("".join(row), (int(i),)) for row in letters]
            log_p = judge.log_probabilities(contexts, np.full((count, 1), i))[:, 0]
            drawn = (log_p + random.gumbel(size=log_p.shape)).argmax(axis=1)
            letters[:, i] = np.array(list(AMINO_ACIDS))[drawn]
    return judge.log_weights("".join(row) for row in letters)


def in_words(scores: np.ndarray) -> str:
    """Return a mean with its 95 % interval."""
    half = 1.96 * scores.std(ddof=1) / np.sqrt(len(scores))
    return f"{scores.mean():.2f} ({scores.mean() - half:.2f}, {scores.mean() + half:.2f})"


if __name__ == "__main__":
    main()
