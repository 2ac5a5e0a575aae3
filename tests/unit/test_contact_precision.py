"""Precision of ranked pairs, against brute force."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structure_inputs import rhodopsin

from plmwidgets.metrics import contact_precision, rank_scores


@pytest.fixture(scope="module")
def opsin():
    return rhodopsin()


def brute_force(scores, contacts, min_separation, count):
    pairs = [
        (-(scores[i, j] + scores[j, i]) / 2, i, j)
        for i, j in combinations(range(len(scores)), 2)
        if j - i >= min_separation and not np.isnan(contacts[i, j])
    ]
    return sum(contacts[i, j] for _, i, j in sorted(pairs)[:count]) / count


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(8, 30),
    separation=st.integers(1, 8),
    count=st.integers(1, 60),
)
def test_precision_equals_brute_force(seed, length, separation, count):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(length, length))
    contacts = (rng.random((length, length)) < 0.3).astype(float)
    contacts[rng.random((length, length)) < 0.1] = np.nan
    contacts = np.triu(contacts) + np.triu(contacts, 1).T
    found = contact_precision(scores, contacts, separation, top=count)
    assert found == pytest.approx(brute_force(scores, contacts, separation, count))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 50), st.randoms())
def test_of_the_best_alone_the_precision_is_the_same(scores, count, random):
    scores = np.array(scores, np.float32)  # many are equal
    touching = np.array([random.random() < 0.4 for _ in scores])
    whole = rank_scores(scores, touching)
    assert rank_scores(scores, touching, count).precision(count) == whole.precision(count)


def test_nearest_pairs_are_counted_in_whole_residues():
    for separation in (2.5, -1, "6"):
        with pytest.raises(ValueError, match=r"min_separation=.*whole number"):
            contact_precision(np.ones((8, 8)), np.ones((8, 8)), separation)


def test_precision_of_perfect_and_worst_scores(opsin):
    contacts = opsin.contact_map()
    assert contact_precision(contacts, contacts) == 1.0
    assert contact_precision(-opsin.distance_map(), contacts, top=664) == 1.0
    assert contact_precision(-opsin.distance_map(), contacts, top=668) == 664 / 668
    assert contact_precision(opsin.distance_map(), contacts) == 0.0


def test_each_pair_is_ranked_once():
    """Of four distinct pairs two are contacts; ranked twice each, the top two would be one pair."""
    scores, contacts = np.zeros((20, 20)), np.zeros((20, 20))
    for (i, j), score, touch in [((0, 9), 9, 1), ((1, 12), 8, 0), ((2, 15), 7, 1), ((3, 19), 6, 0)]:
        scores[i, j] = scores[j, i] = score
        contacts[i, j] = contacts[j, i] = touch
    assert contact_precision(scores, contacts, top=2) == 0.5
    assert contact_precision(scores, contacts, top=3) == pytest.approx(2 / 3)


def test_pairs_without_score_come_last_and_never_count():
    contacts = np.ones((10, 10))
    scores = np.full((10, 10), np.nan)
    scores[0, 7] = 1.0  # only one triangle is given
    scores[9, 1] = 2.0
    assert contact_precision(scores, contacts, top=2) == 1.0
    assert contact_precision(scores, contacts, top=4) == 0.5


def test_missing_pairs_count_as_misses():
    contacts = np.ones((8, 8))
    assert contact_precision(np.ones((8, 8)), contacts, top=12) == 3 / 12  # (0,6) (0,7) (1,7)
    contacts[0, 6] = contacts[6, 0] = np.nan
    assert contact_precision(np.ones((8, 8)), contacts, top=12) == 2 / 12


def test_how_many_pairs():
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(70, 70))
    contacts = (rng.random((70, 70)) < 0.3).astype(float)
    contacts = np.maximum(contacts, contacts.T)
    same = [(None, 70), (1.0, 70), (0.5, 35), (0.3, 21), (0.7, 49), (0.01 + 0.19, 14)]
    for top, count in same:
        expected = contact_precision(scores, contacts, top=count)
        assert contact_precision(scores, contacts, top=top) == expected
    hundred = rng.normal(size=(100, 100))
    touching = np.triu(rng.random((100, 100)) < 0.3)
    assert 0.29 * 100 < 29
    expected = contact_precision(hundred, touching, top=29)
    assert contact_precision(hundred, touching, top=0.29) == expected
    for top in (0, -3, 0.0, 0.001, 35.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match=r"top="):
            contact_precision(scores, contacts, top=top)
    with pytest.raises(ValueError, match="square matrices of equal size"):
        contact_precision(scores[:5], contacts)
