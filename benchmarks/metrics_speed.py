"""Metrics of 65,703 pairs (363 residues) in float64, against a loop over the pairs."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from harness.models import Floats, Ints, random_sequence
from harness.report import Report, parser
from harness.timing import ratio_of
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import entropy

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.metrics import perplexity
from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.single import SingleScan

LENGTH = 363
SAMPLE = 4000
LARGEST_ERROR = 1e-9
GOAL = 100.0
FIGURES = (
    "perplex_i_i",
    "perplex_i_ij",
    "perplex_j_j",
    "perplex_j_ij",
    "js_div_i",
    "js_div_j",
    "js_div_avg",
    "js_dist_i",
    "js_dist_j",
    "js_dist_avg",
)


def main() -> None:
    """Time both ways of both tasks, in random order."""
    made = parser(__doc__)
    made.add_argument("--length", type=int, default=LENGTH)
    made.add_argument("--rounds", type=int, default=5)
    arguments = made.parse_args()
    report = Report("Speed of the metrics", arguments)
    length, rounds = arguments.length, 3 if arguments.quick else arguments.rounds
    random = np.random.default_rng(0)
    protein = Protein(random_sequence(length))
    single = log_softmax(2 * random.normal(size=(length, len(AMINO_ACIDS))))
    pair = log_softmax(single[:, None] + random.normal(size=(length, length, len(AMINO_ACIDS))))
    pair[np.diag_indices(length)] = np.nan
    pairs = np.stack(np.triu_indices(length, 1), axis=1)
    sample = random.permutation(pairs)[:SAMPLE]
    scale = len(pairs) / len(sample)

    def scan() -> PairScan:
        return PairScan(protein, SingleScan(protein, single), pair)

    ours: dict[str, Callable[[PairScan], Any]] = {"metrics": matrices, "table": PairScan.to_pandas}
    loops: dict[str, Callable[[], Any]] = {
        "metrics": lambda: metrics_loop(single, pair, sample),
        "table": lambda: table_loop(protein.sequence, single, pair, sample),
    }
    times: dict[tuple[str, str], list[float]] = {(t, s): [] for t in ours for s in ("ours", "loop")}
    for warm in (True, *[False] * rounds):
        for index in random.permutation(len(times)):
            task, side = list(times)[index]
            fresh = scan()  # a scan keeps the matrices that it was asked for
            began = time.perf_counter()
            _ = ours[task](fresh) if side == "ours" else loops[task]()
            seconds = time.perf_counter() - began
            if not warm:
                times[task, side].append(seconds * (scale if side == "loop" else 1))
    errors = {
        "metrics": metrics_error(matrices(scan()), loops["metrics"](), sample),
        "table": table_error(scan().to_pandas(), loops["table"]()),
    }
    rows = []
    for task, error in errors.items():
        mine, loop = (np.array(times[task, side]) for side in ("ours", "loop"))
        ratio = ratio_of(loop / mine)
        what = f"{task} of {len(pairs):,} pairs"
        goal = GOAL if task == "metrics" and length == LENGTH else None
        rows.append(
            {
                f"{len(pairs):,} pairs, float64": task,
                "loop, s": f"{np.median(loop):.1f}",
                "ours, s": f"{np.median(mine):.3f}",
                "times the loop": str(ratio),
                "speed": report.goal(f"{what}, times the loop", ratio, goal),
                "largest difference": f"{error:.1e}",
                "accuracy": report.goal(
                    f"{what}, largest difference", error, LARGEST_ERROR, at_least=False
                ),
            }
        )
        report.figures(
            what,
            loop_seconds=np.median(loop),
            seconds=np.median(mine),
            times_loop=ratio,
            largest_difference=error,
        )
    report.text("")
    report.table(rows)
    report.text(
        f"metrics: perplexity, js_div and js_dist; table: to_pandas, both orders of each pair. The "
        f"loop takes {len(sample):,} random pairs and is scaled; {rounds} rounds in random order"
    )
    report.finish()


def log_softmax(scores: Floats) -> Floats:
    scores -= scores.max(axis=-1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))


def matrices(scan: PairScan) -> dict[str, Floats]:
    """Return what the table holds of each ordered pair."""
    names = ("js_div", "js_dist", "js_div_avg", "js_dist_avg")
    found = {name: scan.values(name) for name in names}
    return {**found, "perplexity": perplexity(scan.log_probabilities)}


def figures_of(single: Floats, pair: Floats, i: int, j: int) -> dict[str, float]:
    """Compute the figures of one pair as a notebook does, from logits."""
    i_i, j_j = softmax(single[i]), softmax(single[j])
    i_ij, j_ij = softmax(pair[i, j]), softmax(pair[j, i])
    at_i, at_j = jensenshannon(i_i, i_ij, base=2), jensenshannon(j_j, j_ij, base=2)
    return {
        "perplex_i_i": np.exp(entropy(i_i)),
        "perplex_i_ij": np.exp(entropy(i_ij)),
        "perplex_j_j": np.exp(entropy(j_j)),
        "perplex_j_ij": np.exp(entropy(j_ij)),
        "js_div_i": at_i**2,
        "js_div_j": at_j**2,
        "js_div_avg": (at_i**2 + at_j**2) / 2,
        "js_dist_i": at_i,
        "js_dist_j": at_j,
        "js_dist_avg": (at_i + at_j) / 2,
    }


def metrics_loop(single: Floats, pair: Floats, pairs: Ints) -> list[dict[str, float]]:
    return [figures_of(single, pair, i, j) for i, j in pairs.tolist()]


def table_loop(sequence: str, single: Floats, pair: Floats, pairs: Ints) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for i, j in pairs.tolist():
        row = {
            "position_i": i,
            "position_j": j,
            "amino_acid_i": sequence[i],
            "amino_acid_j": sequence[j],
            "most_probable_i_i": AMINO_ACIDS[np.argmax(single[i])],
            "most_probable_i_ij": AMINO_ACIDS[np.argmax(pair[i, j])],
            "most_probable_j_j": AMINO_ACIDS[np.argmax(single[j])],
            "most_probable_j_ij": AMINO_ACIDS[np.argmax(pair[j, i])],
        }
        row.update(figures_of(single, pair, i, j))
        rows.append(row)
    return pd.DataFrame(rows)


def metrics_error(
    found: dict[str, Floats], expected: Sequence[dict[str, float]], pairs: Ints
) -> float:
    i, j = pairs.T
    table = pd.DataFrame(expected)
    differences = [
        found["perplexity"][i, j] - table["perplex_i_ij"],
        found["perplexity"][j, i] - table["perplex_j_ij"],
    ]
    for name in ("js_div", "js_dist"):
        differences.append(found[name][i, j] - table[f"{name}_i"])
        differences.append(found[name][j, i] - table[f"{name}_j"])
        differences.append(found[f"{name}_avg"][i, j] - table[f"{name}_avg"])
    return float(np.abs(differences).max())


def table_error(found: pd.DataFrame, expected: pd.DataFrame) -> float:
    """Return the largest difference of a number; infinite if a letter differs."""
    both = expected.merge(found, on=["position_i", "position_j"], suffixes=("", " found"))
    letters = [c for c in expected if c.startswith(("amino_acid", "most_probable"))]
    same = [(both[c] == both[f"{c} found"]).all() for c in letters]
    if len(both) < len(expected) or not all(same):
        return float("inf")
    return float(max(np.abs(both[c] - both[f"{c} found"]).max() for c in FIGURES))


if __name__ == "__main__":
    main()
