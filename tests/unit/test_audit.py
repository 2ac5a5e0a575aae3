"""What an audit says of a superposed scan, on maps whose every pair is known."""

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import spearmanr

from plmwidgets import metrics
from plmwidgets.scan.audit import (
    FAR,
    NEAR,
    REPLACED,
    REPLACED_FOR_EACH,
    audit_scan,
    choose_checks,
    js_dist_avg,
)

LENGTH = 40
POSITIONS = np.arange(LENGTH)
UPPER = np.triu_indices(LENGTH, 1)


def made_up_map(noise, seed=0):
    """A few strong pairs over a weak rest: single, exact and estimated log-probabilities."""
    random = np.random.default_rng(seed)
    single = log_softmax(random.normal(size=(LENGTH, 20)), -1)
    strength = random.exponential(0.05, size=(LENGTH, LENGTH))
    strong = np.triu(random.random((LENGTH, LENGTH)) < 0.08)
    strength += (strong | strong.T) * random.uniform(0.3, 1.5, size=(LENGTH, LENGTH))
    shift = strength[..., None] * random.normal(size=(LENGTH, LENGTH, 20))
    exact = log_softmax(single[:, None] + shift, -1)
    factor = 1 + noise * random.normal(size=(LENGTH, LENGTH, 1))
    return single, exact, log_softmax(single[:, None] + factor * shift, -1)


def distances(single, pairs):
    i, j = UPPER
    return js_dist_avg(single, i, j, pairs[i, j], pairs[j, i])


def exact_values(checks, exact):
    i, j = checks.pairs.T
    return np.stack([exact[i, j], exact[j, i]], axis=1)


def audited(single, exact, estimates, **options):
    checks = choose_checks(estimates, single, POSITIONS, **options)
    return checks, audit_scan(checks, exact_values(checks, exact), single, 0.01, 123.0)


def test_the_strongest_estimates_are_replaced_the_next_audited_and_others_drawn():
    single, _, estimates = made_up_map(0.1)
    checks = choose_checks(estimates, single, POSITIONS, replacements=LENGTH, audit=60)
    score = distances(single, estimates)
    ranked = np.argsort(-score)
    replaced = checks.pairs[checks.stratum == REPLACED]
    best = np.stack(UPPER, axis=1)[ranked[:LENGTH]]
    assert {tuple(p) for p in replaced} == {tuple(p) for p in best}
    assert checks.threshold == score[ranked[LENGTH - 1]]
    assert checks.sizes == (LENGTH, 12, len(score) - LENGTH - 12)
    assert (checks.stratum == FAR).sum() == 48
    near = {tuple(p) for p in np.stack(UPPER, axis=1)[ranked[LENGTH : LENGTH + 12]]}
    assert {tuple(p) for p in checks.pairs[checks.stratum == NEAR]} == near
    assert len({tuple(p) for p in checks.pairs}) == len(checks.pairs)
    i, j = checks.pairs.T
    assert (i < j).all()
    np.testing.assert_array_equal(checks.estimates[:, 0], estimates[i, j])
    np.testing.assert_array_equal(checks.estimates[:, 1], estimates[j, i])


def test_the_drawing_can_be_repeated_and_only_pairs_of_the_positions_are_drawn():
    single, _, estimates = made_up_map(0.1)
    some = np.array([3, 5, 8, 13, 21, 34])
    options = {"replacements": 6, "audit": 4}
    first, second = (choose_checks(estimates, single, some, **options) for _ in range(2))
    np.testing.assert_array_equal(first.pairs, second.pairs)
    assert np.isin(first.pairs, some).all()
    assert first.sizes == (6, 1, 8)
    other = choose_checks(estimates, single, some, **options, seed=1)
    assert not np.array_equal(first.pairs, other.pairs)


def test_perfect_estimates_have_no_error_and_no_missed_pair():
    single, exact, _ = made_up_map(0.0)
    _, audit = audited(single, exact, exact)
    assert (audit.error_mean, audit.error_p99, audit.error_max) == (0, 0, 0)
    assert audit.r2 == audit.spearman == pytest.approx(1)
    assert audit.missed_found == 0
    assert audit.within_tolerance
    assert "upgrade" not in str(audit)


def test_a_census_gives_the_figures_of_the_whole_map():
    single, exact, estimates = made_up_map(0.3)
    checks, audit = audited(single, exact, estimates, replacements=15, audit=10_000)
    score, truth = distances(single, estimates), distances(single, exact)
    left = np.argsort(-score, kind="stable")[15:]
    i, j = (index[left] for index in UPPER)
    found = np.concatenate(
        [
            metrics.js_distance(single[i], exact[i, j]),
            metrics.js_distance(single[j], exact[j, i]),
        ]
    )
    expected = np.concatenate(
        [
            metrics.js_distance(single[i], estimates[i, j]),
            metrics.js_distance(single[j], estimates[j, i]),
        ]
    )
    error = np.abs(found - expected)
    assert audit.pairs_audited == audit.pairs_left == len(left)
    assert audit.error_mean == pytest.approx(error.mean())
    assert audit.error_max == error.max()
    assert audit.error_p99 == np.quantile(error, 0.99, method="inverted_cdf")
    assert audit.spearman == pytest.approx(spearmanr(found, expected)[0])
    assert audit.r2 == pytest.approx(1 - ((found - expected) ** 2).mean() / found.var())
    missed = int((truth[left] >= checks.threshold).sum())
    # All drawn: the bound is the count.
    assert audit.missed_found == audit.missed_at_most == missed > 0


@pytest.mark.parametrize("noise", [0.05, 0.3, 1.0])
def test_the_bound_holds_and_is_not_vacuous_over_a_thousand_audits(noise):
    single, exact, estimates = made_up_map(noise)
    score, truth = distances(single, estimates), distances(single, exact)
    order = np.argsort(-score, kind="stable")
    replaced = round(REPLACED_FOR_EACH * LENGTH)
    missed = int((truth[order[replaced:]] >= score[order[replaced - 1]]).sum())
    bounds = np.array(
        [audited(single, exact, estimates, seed=seed)[1].missed_at_most for seed in range(1000)]
    )
    assert (bounds >= missed).mean() >= 0.95
    assert np.median(bounds) < missed + 0.04 * len(score)


def test_weights_make_the_mean_error_unbiased():
    single, exact, estimates = made_up_map(0.3)
    _, census = audited(single, exact, estimates, audit=10_000)
    drawn = [audited(single, exact, estimates, seed=s)[1].error_mean for s in range(200)]
    assert np.mean(drawn) == pytest.approx(census.error_mean, rel=0.02)


def test_a_large_error_advises_to_upgrade():
    single, exact, estimates = made_up_map(1.0)
    _, audit = audited(single, exact, estimates)
    assert not audit.within_tolerance
    assert "tolerance of 0.01: scan.upgrade()" in str(audit)
    assert "123 model passes" in str(audit)


def test_nothing_replaced_and_two_positions():
    single, exact, estimates = made_up_map(0.3)
    _, audit = audited(single, exact, estimates, replacements=0, audit=50)
    assert audit.pairs_replaced == 0
    assert audit.missed_found == 0
    checks = choose_checks(estimates, single, np.array([4, 9]), audit=2)
    audit = audit_scan(checks, exact_values(checks, exact), single, 0.01, 1.0)
    assert (audit.pairs_replaced, audit.pairs_audited, audit.missed_at_most) == (1, 0, 0)
    assert np.isnan(audit.error_p99)
    assert "every pair was computed exactly" in str(audit)
