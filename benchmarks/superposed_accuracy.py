"""What a superposed scan gets wrong, and how often its audit says so, against exact scans.

The bundled demo model and a deeper one of the same family, each on the demo protein and on
sequences sampled from the family.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from harness.accuracy import both_ways
from harness.models import Floats, Ints
from harness.report import Report, parser
from scipy.stats import beta, spearmanr

from plmwidgets import Protein, load_model, scan_pairs
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.models.catalog import DEMO_FOLDER
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.models.potts import PottsModel
from plmwidgets.scan.audit import REPLACED, Audit, audit_scan, choose_checks
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.superposed import AUDITED, TOLERANCE

DEEP_MODEL = Path(__file__).parent / "deep_model"
SAMPLED = 4
AUDITS = 1000
CONFIDENCE = 0.95
GOALS = {"recall 2L": (0.98, True), "Spearman": (0.99, True), "p99": (0.005, False)}
COVERAGE_GOAL = 0.93
BOUND_GOAL = 0.05  # share of the pairs


@dataclass(frozen=True)
class Scans:
    """Three scans of a protein: exact, superposed, and what the pass alone estimates."""

    exact: PairScan
    scan: PairScan
    estimates: Floats


def main() -> None:
    """Measure each model."""
    made = parser(__doc__)
    made.add_argument("--models", nargs="+", default=["demo", str(DEEP_MODEL)])
    made.add_argument("--sampled", type=int, default=SAMPLED, help="sequences beside the demo")
    made.add_argument("--audits", type=int, default=AUDITS)
    arguments = made.parse_args()
    for model in arguments.models:
        if os.sep in model and not (Path(model) / "config.json").is_file():
            raise SystemExit(
                f"there is no model in {model}: put one there, a folder as save_pretrained writes "
                "it, or choose others with --models, such as --models demo"
            )
    report = Report("Accuracy of a superposed scan", arguments)
    proteins = [Protein.demo(), *sampled_proteins(arguments.sampled)]
    audits = arguments.audits // 10 if arguments.quick else arguments.audits
    for name in arguments.models:
        model = load_model(name, device="cpu")
        label = Path(name).name
        scans = {protein.name: scans_of(protein, model) for protein in proteins}
        report_accuracy(report, label, scans)
        report_audits(report, label, scans, audits)
    report.finish()


def sampled_proteins(count: int) -> list[Protein]:
    family = PottsModel.load(DEMO_FOLDER / "family.safetensors", name="demo family")
    return [
        Protein("".join(AMINO_ACIDS[a] for a in row), name=f"sampled {n}")
        for n, row in enumerate(family.sample(count, 0), start=1)
    ]


def scans_of(protein: Protein, model: MaskedLM) -> Scans:
    exact = scan_pairs(protein, model)
    scan = scan_pairs(protein, model, method="superposed")
    raw = scan_pairs(protein, model, method="superposed", replacements=0, audit=2)
    for each in (exact, scan, raw):
        each.wait()
    estimates = raw.log_probabilities.copy()
    assert raw.checks is not None
    i, j = raw.checks.pairs.T
    estimates[i, j] = raw.checks.estimates[:, 0]
    estimates[j, i] = raw.checks.estimates[:, 1]
    return Scans(exact, scan, estimates)


# Accuracy


def report_accuracy(report: Report, label: str, scans: dict[str, Scans]) -> None:
    rows = []
    found: dict[str, list[dict[str, float]]] = {"raw": [], "scan": []}
    for protein, each in scans.items():
        alone = each.exact.single
        raw = PairScan(each.exact.protein, alone, each.estimates)
        for kind, scan in (("raw", raw), ("scan", each.scan)):
            figures = compare_maps(scan, each.exact)
            found[kind].append(figures)
            rows.append(accuracy_row(f"{protein}, {kind}", figures))
            report.figures(f"{label}, {protein}, {kind}", **figures)
    worst, mean = {}, {}
    for name in found["scan"][0]:
        values = [figures[name] for figures in found["scan"]]
        worst[name] = min(values) if name.startswith(("recall", "Spearman")) else max(values)
        mean[name] = float(np.mean(values))
    verdicts = {
        name: report.goal(f"{label}, worst {name} after replacement", worst[name], goal, at_least)
        for name, (goal, at_least) in GOALS.items()
    }
    rows.append(accuracy_row("mean of the scans", mean))
    rows.append(accuracy_row("worst of the scans", worst))
    rows.append({**dict.fromkeys(rows[0], ""), label: "goal for the worst", **verdicts})
    report.text("")
    report.table([{label: row.pop("map"), **row} if "map" in row else row for row in rows])
    report.text(
        f"raw: the pass alone; scan: the {pairs_note(scans)}; errors "
        "are those of the directed js_dist of all pairs"
    )


def pairs_note(scans: dict[str, Scans]) -> str:
    audit = audit_of(next(iter(scans.values())).scan)
    return f"{audit.pairs_replaced} largest and {audit.pairs_audited} audited pairs made exact"


def audit_of(scan: PairScan) -> Audit:
    assert scan.audit is not None
    return scan.audit


def accuracy_row(title: str, figures: dict[str, float]) -> dict[str, str]:
    shown = {
        name: f"{value:.3f}" if name.startswith(("recall", "Spearman")) else f"{value:.5f}"
        for name, value in figures.items()
    }
    return {"map": title, **shown}


def compare_maps(scan: PairScan, exact: PairScan) -> dict[str, float]:
    """Return how a map differs from the exact one."""
    length = len(exact.protein)
    upper, ordered = np.triu_indices(length, 1), ~np.eye(length, dtype=bool)
    mine, true = (each.values("js_dist_avg")[upper] for each in (scan, exact))
    x, y = (each.values("js_dist")[ordered] for each in (scan, exact))
    error = np.abs(x - y)
    return {
        "recall L": recall(mine, true, length),
        "recall 2L": recall(mine, true, 2 * length),
        "Spearman": float(spearmanr(x, y).statistic),
        "mean": float(error.mean()),
        "p99": float(np.percentile(error, 99)),
        "max": float(error.max()),
    }


def recall(scores: Floats, true: Floats, top: int) -> float:
    """Return the share of the pairs of largest true score that are among those of largest score."""
    best, wanted = (set(np.argsort(-values, kind="stable")[:top]) for values in (scores, true))
    return len(best & wanted) / top


# Audits


def report_audits(report: Report, label: str, scans: dict[str, Scans], audits: int) -> None:
    rows = []
    for protein, each in scans.items():
        missed, pairs, bounds, plain = resampled_audits(each, audits)
        coverage, share = float(np.mean(bounds >= missed)), float(np.median(bounds) / pairs)
        what = f"{label}, {protein}, {audits} audits"
        rows.append(
            {
                f"{label}: audits": protein,
                "missed pairs": f"{missed} of {pairs:,}",
                "bound holds": f"{coverage:.1%}",
                "holds": report.goal(f"{what}, share that holds", coverage, COVERAGE_GOAL),
                "median bound": f"{np.median(bounds):.0f} ({share:.1%})",
                "tight": report.goal(f"{what}, median bound", share, BOUND_GOAL, at_least=False),
                "plain holds": f"{np.mean(plain >= missed):.1%}",
                "plain bound": f"{np.median(plain):.0f} ({np.median(plain) / pairs:.1%})",
            }
        )
        report.figures(
            what,
            missed=missed,
            pairs=pairs,
            coverage=coverage,
            median_bound=np.median(bounds),
            plain_coverage=np.mean(plain >= missed),
            plain_median_bound=np.median(plain),
        )
    report.text("")
    report.table(rows)
    report.text(
        f"{audits} audits of {AUDITED} pairs drawn anew; a pair is missed if it is not replaced "
        "and its exact js_dist_avg reaches the smallest estimate replaced; plain: Clopper-Pearson, "
        f"{CONFIDENCE:.0%}, of as many pairs drawn uniformly, as if with replacement"
    )


def resampled_audits(each: Scans, audits: int) -> tuple[int, int, Floats, Floats]:
    """Return how many pairs are missed and how many there are, and the bounds of many audits."""
    alone = each.exact.single
    assert alone is not None
    single, exact = alone.log_probabilities, each.exact.log_probabilities
    length = len(single)
    positions = np.arange(length)
    upper = np.stack(np.triu_indices(length, 1), axis=1)
    bounds, left, marked = [], upper, np.zeros(len(upper), dtype=bool)
    for seed in range(audits):
        checks = choose_checks(each.estimates, single, positions, audit=AUDITED, seed=seed)
        audit = audit_scan(checks, both_ways(exact, checks.pairs), single, TOLERANCE, 0)
        bounds.append(audit.missed_at_most)
        if seed == 0:  # the replaced pairs and the threshold are those of every audit
            replaced = checks.pairs[checks.stratum == REPLACED]
            left = upper[~is_in(upper, replaced, length)]
            true = each.exact.values("js_dist_avg")[tuple(left.T)]
            marked = true >= checks.threshold
    drawn = min(AUDITED, len(left))
    random = np.random.default_rng(0)
    seen = np.array([random.choice(marked, drawn, replace=False).sum() for _ in range(audits)])
    plain = np.ceil(clopper_pearson(seen, drawn) * len(left))
    return int(marked.sum()), len(upper), np.array(bounds), plain


def clopper_pearson(seen: Ints, drawn: int) -> Floats:
    """Upper bound on a share of which so many of a sample were seen."""
    bound: Floats = beta.ppf(CONFIDENCE, seen + 1, np.maximum(drawn - seen, 1))
    return np.where(seen >= drawn, 1.0, bound)


def is_in(pairs: Ints, others: Ints, length: int) -> Any:
    def key(some: Ints) -> Ints:
        return some[:, 0] * length + some[:, 1]

    return np.isin(key(pairs), key(others))


if __name__ == "__main__":
    main()
