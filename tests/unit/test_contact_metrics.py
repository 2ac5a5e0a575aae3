"""Rankings of pairs: precision, curves and their sums, against loops over every pair."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plmwidgets import metrics


def listed(scores, contacts, nearest, farthest):
    """All pairs in reach with their truth, the best first: (score, contact), by a plain loop."""
    pairs = []
    for i, j in combinations(range(len(scores)), 2):
        if j - i < nearest or (farthest is not None and j - i > farthest):
            continue
        if np.isnan(contacts[i, j]):
            continue
        values = [v for v in (scores[i, j], scores[j, i]) if not np.isnan(v)]
        score = sum(values) / len(values) if values else -np.inf
        pairs.append((score, contacts[i, j] == 1))
    return sorted(pairs, key=lambda pair: -pair[0])


def random_case(seed, length, missing=0.1, levels=None):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(length, length))
    if levels:
        scores = rng.integers(0, levels, (length, length)).astype(float)
        scores = scores + scores.T
    scores[rng.random((length, length)) < missing] = np.nan
    contacts = np.triu(rng.random((length, length)) < 0.3).astype(float)
    contacts[rng.random((length, length)) < 0.1] = np.nan
    contacts = np.triu(contacts) + np.triu(contacts, 1).T
    return scores, contacts


classes = st.sampled_from([(3, 5), (6, 11), (12, 23), (24, None), (6, None), (1, None)])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), length=st.integers(3, 40), between=classes)
def test_precision_and_auc_equal_a_loop(seed, length, between):
    scores, contacts = random_case(seed, length)
    ranking = metrics.rank_pairs(scores, contacts, *between)
    pairs = listed(scores, contacts, *between)
    scored = [pair for pair in pairs if np.isfinite(pair[0])]

    def precision(count):
        return sum(contact for _, contact in scored[:count]) / count

    assert (ranking.pairs, ranking.contacts) == (len(pairs), sum(c for _, c in pairs))
    for count in (1, 2, length // 5 or 1, length // 2 or 1, length, 3 * length):
        assert ranking.precision(count) == pytest.approx(precision(count))
    cuts = [max(1, tenth * length // 10) for tenth in range(1, 11)]
    assert ranking.auc(length) == pytest.approx(np.mean([precision(count) for count in cuts]))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(8, 30),
    between=classes,
    levels=st.sampled_from([None, 2, 4]),
)
def test_curve_and_average_precision_equal_thresholds_tried_in_turn(seed, length, between, levels):
    scores, contacts = random_case(seed, length, levels=levels)
    ranking = metrics.rank_pairs(scores, contacts, *between)
    pairs = listed(scores, contacts, *between)
    total = sum(contact for _, contact in pairs)
    points, area, before = [], 0.0, 0.0
    for threshold in sorted({score for score, _ in pairs if np.isfinite(score)}, reverse=True):
        above = [contact for score, contact in pairs if score >= threshold]
        recall = sum(above) / total if total else np.nan
        points.append((recall, sum(above) / len(above)))
        area += (recall - before) * points[-1][1]
        before = recall
    np.testing.assert_allclose(np.transpose(ranking.curve()), np.reshape(points, (-1, 2)))
    expected = area if total else np.nan
    assert ranking.average_precision() == pytest.approx(expected, nan_ok=True)


def test_ties_count_as_in_the_mean_over_all_their_orders():
    """Five pairs, the second to fourth of equal score: every order of these, at every cut."""
    score = np.array([9.0, 5.0, 5.0, 5.0, 1.0])
    contact = np.array([0, 1, 0, 1, 1])
    scores, contacts = np.full((2, 11, 11), np.nan)
    for k in range(5):
        scores[k, k + 6] = score[k]
        contacts[k, k + 6] = contact[k]
    ranking = metrics.rank_pairs(scores, contacts)
    for count in range(1, 6):
        orders = [[0, *middle, 4] for middle in permutations([1, 2, 3])]
        expected = np.mean([contact[order][:count].mean() for order in orders])
        assert ranking.precision(count) == pytest.approx(expected)


def test_a_map_without_opinion_finds_what_chance_finds():
    contacts = random_case(3, 40)[1]
    flat = metrics.rank_pairs(np.ones((40, 40)), contacts)
    assert flat.precision(40) == pytest.approx(flat.contacts / flat.pairs)
    assert flat.auc(40) == pytest.approx(flat.contacts / flat.pairs)
    assert flat.average_precision() == pytest.approx(flat.contacts / flat.pairs)


def test_contacts_without_a_score_are_never_found():
    scores, contacts = np.full((12, 12), np.nan), np.ones((12, 12))
    scores[0, 6], scores[0, 7] = 2.0, 1.0
    ranking = metrics.rank_pairs(scores, contacts)
    assert (ranking.pairs, ranking.contacts) == (21, 21)
    assert ranking.precision(4) == 0.5
    assert ranking.curve()[0].tolist() == [1 / 21, 2 / 21]
    assert ranking.average_precision() == pytest.approx(2 / 21)


def test_what_the_best_map_of_all_would_reach():
    contacts = random_case(5, 30)[1]
    perfect = metrics.rank_pairs(np.nan_to_num(contacts), contacts)
    ideal = metrics.rank_pairs(np.zeros((30, 30)), contacts).ideal()
    for count in (1, 10, 30, 200, 500):
        assert ideal.precision(count) == pytest.approx(perfect.precision(count))
        assert ideal.precision(count) == min(count, ideal.contacts) / count
    assert ideal.average_precision() == pytest.approx(1.0)
    for few in (np.zeros((30, 30)), np.ones((30, 30)), np.full((30, 30), np.nan)):
        ranking = metrics.rank_pairs(np.zeros((30, 30)), few).ideal()
        assert ranking.precision(10) == min(10, ranking.contacts) / 10


def test_each_pair_is_looked_at_once_whichever_triangle_holds_it():
    scores, contacts = random_case(8, 25, missing=0.0)
    whole = (scores + scores.T) / 2
    halves = [np.where(np.tri(25, k=0, dtype=bool), np.nan, whole), whole]
    rankings = [metrics.rank_pairs(half, contacts) for half in (*halves, halves[0].T, scores)]
    for ranking in rankings:
        assert ranking.pairs <= 25 * 24 / 2
        np.testing.assert_array_equal(ranking.found, rankings[0].found)
        np.testing.assert_array_equal(ranking.ends, rankings[0].ends)


def test_nothing_to_rank():
    ranking = metrics.rank_pairs(np.ones((5, 5)), np.ones((5, 5)))
    assert (ranking.pairs, ranking.contacts, ranking.precision(5)) == (0, 0, 0.0)
    assert np.isnan(ranking.average_precision())
    with pytest.raises(ValueError, match="square"):
        metrics.rank_pairs(np.ones((5, 6)), np.ones((5, 6)))
    with pytest.raises(ValueError, match="equal size"):
        metrics.rank_pairs(np.ones((5, 5)), np.ones((6, 6)))


def test_classes_of_separation_do_not_overlap_and_leave_no_gap():
    found = np.concatenate(
        [np.stack(metrics.pairs_between(50, *c), axis=1) for c in metrics.SEPARATIONS.values()]
    )
    apart = found[:, 1] - found[:, 0]
    assert len(np.unique(found, axis=0)) == len(found) == sum(50 - s for s in range(3, 50))
    assert apart.min() == 3
