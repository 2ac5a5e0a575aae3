"""Superposed scans of trained models against exact ones: what is promised of their accuracy."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from plmwidgets import Protein, load_model, metrics, scan_pairs
from plmwidgets.scan.audit import audit_scan, choose_checks
from plmwidgets.scan.origin import Origin

DEEP = Path(__file__).parents[2] / "benchmarks" / "deep_model"
LENGTH = 64
UPPER = np.triu_indices(LENGTH, 1)
OFF = ~np.eye(LENGTH, dtype=bool)


@pytest.fixture(scope="module", params=["demo", DEEP], ids=["demo", "deep"])
def scans(request):
    model, protein = load_model(request.param, device="cpu", dtype="float32"), Protein.demo()
    exact = scan_pairs(protein, model)
    superposed = scan_pairs(protein, model, method="superposed")
    for scan in (exact, superposed):
        scan.wait(300)
    return exact, superposed


def test_the_map_after_replacements_is_close_to_the_exact_one(scans):
    truth, found = (scan.values("js_dist")[OFF] for scan in scans)
    assert spearmanr(truth, found)[0] >= 0.99
    assert np.quantile(np.abs(truth - found), 0.99) <= 0.005
    ranked = [np.argsort(-scan.values("js_dist_avg")[UPPER]) for scan in scans]
    for first in (LENGTH, 2 * LENGTH):
        common = set(ranked[0][:first]) & set(ranked[1][:first])
        assert len(common) / first >= 0.98


def test_the_audit_tells_the_true_error_of_the_estimates(scans):
    exact, superposed = scans
    estimated = superposed.origin == Origin.ESTIMATED
    error = np.abs(exact.values("js_dist") - superposed.values("js_dist"))[estimated]
    audit = superposed.audit
    assert audit.error_mean == pytest.approx(error.mean(), rel=0.5)
    assert audit.error_p99 == pytest.approx(np.quantile(error, 0.99), rel=1.0)
    assert audit.within_tolerance
    # Far fewer passes than pairs, and the estimates are not exact by accident.
    assert audit.passes < 0.4 * LENGTH * (LENGTH - 1) / 2
    assert error.max() > 1e-4


def test_the_bound_on_missed_pairs_holds_in_a_thousand_audits(scans):
    exact, superposed = scans
    single = exact.single.log_probabilities
    estimates = superposed.log_probabilities.copy()
    i, j = superposed.checks.pairs.T
    estimates[i, j], estimates[j, i] = superposed.checks.estimates.transpose(1, 0, 2)
    truth = exact.values("js_dist_avg")[UPPER]
    score = metrics.js_distance(single[:, None], estimates)
    score = ((score + score.T) / 2)[UPPER]
    holds, bounds = [], []
    for seed in range(1000):
        checks = choose_checks(estimates, single, np.arange(LENGTH), seed=seed)
        i, j = checks.pairs.T
        exactly = np.stack([exact.log_probabilities[i, j], exact.log_probabilities[j, i]], axis=1)
        audit = audit_scan(checks, exactly, single, 0.01, 0.0)
        replaced = np.argsort(-score, kind="stable")[: checks.sizes[0]]
        left = np.delete(truth, replaced)
        holds.append((left >= checks.threshold).sum() <= audit.missed_at_most)
        bounds.append(audit.missed_at_most / len(truth))
    assert np.mean(holds) >= 0.93
    assert np.median(bounds) < 0.05
