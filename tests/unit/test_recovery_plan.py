"""Which residues are shown at each flank length, by every strategy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recovery_tools import SEQUENCE

from plmwidgets.methods.recovery.plan import STRATEGIES, plan_recovery, segment_of
from plmwidgets.protein import Protein

PROTEIN = Protein(SEQUENCE * 3, name="long")
LENGTH = len(PROTEIN)


@st.composite
def plans(draw):
    start = draw(st.integers(0, LENGTH - 3))
    stop = draw(st.integers(start + 1, min(LENGTH, start + 40)))
    partner = None
    if stop < LENGTH - 1 and draw(st.booleans()):
        other = draw(st.integers(stop, LENGTH - 1))
        partner = (other, draw(st.integers(other + 1, LENGTH)))
    return plan_recovery(
        PROTEIN,
        (start, stop),
        partner,
        strategy=draw(st.sampled_from(STRATEGIES)),
        seeds=2,
        nested=draw(st.booleans()),
    )


@settings(max_examples=150, deadline=None)
@given(plans())
def test_every_draw_has_its_size_and_its_place(plan):
    inside = {i for start, stop in plan.segments for i in range(start, stop)}
    (first, _), (_, last) = plan.segments[0], plan.segments[-1]
    assert plan.seeds == (1 if plan.strategy == "flanking" else 2)
    for seed in range(plan.seeds):
        before = set()
        for k in plan.flanks[:: max(1, len(plan.flanks) // 12)]:
            shown, hidden = plan.visible(seed, k), plan.masked(seed, k)
            assert sorted((*shown, *hidden)) == list(range(LENGTH))
            others = set(shown) - inside
            assert inside <= set(shown)
            assert len(others) == plan.others(k) <= 2 * k
            if min(first, LENGTH - last) >= k:
                assert len(others) == 2 * k
            if plan.strategy == "flanking":
                assert others == {
                    i for i in range(LENGTH) if first - k <= i < first or last <= i < last + k
                }
            if plan.strategy == "random-30":
                assert all(
                    i < start - 30 or i >= stop + 30
                    for i in others
                    for start, stop in plan.segments
                )
            if plan.nested or plan.strategy == "flanking":
                assert before <= others
            before = others


def test_all_is_shown_in_the_end_and_nothing_else_at_first():
    for strategy in ("flanking", "random"):
        plan = plan_recovery(PROTEIN, (20, 42), strategy=strategy, seeds=2)
        assert plan.flanks == tuple(range(LENGTH - 42 + 1))
        assert plan.masked(1 % plan.seeds, plan.flanks[-1]) == ()
        assert plan.visible(0, 0) == tuple(range(20, 42))


def test_draws_differ_between_seeds_and_are_the_same_again():
    nested = plan_recovery(PROTEIN, (20, 42), strategy="random", seeds=3)
    redrawn = plan_recovery(PROTEIN, (20, 42), strategy="random", seeds=3, nested=False)
    for plan in (nested, redrawn):
        again = plan_recovery(
            PROTEIN, "21-42", strategy="random", seeds=3, nested=plan.nested, flanks=[12]
        )
        assert plan.visible(0, 12) != plan.visible(1, 12)
        assert plan.visible(2, 12) == again.visible(2, 12)
    assert not set(redrawn.visible(0, 5)) <= set(redrawn.visible(0, 12))


def test_a_random_draw_prefers_no_place():
    plan = plan_recovery(PROTEIN, (90, 112), strategy="random", seeds=400, flanks=[10])
    counts = np.zeros(LENGTH)
    for seed in range(plan.seeds):
        counts[list(plan.visible(seed, 10))] += 1
    outside = np.r_[counts[:90], counts[112:]]
    expected = 400 * 20 / (LENGTH - 22)
    # The largest of 173 binomial counts lies within five standard deviations.
    assert np.abs(outside - expected).max() < 5 * np.sqrt(expected)


def test_where_drawing_far_away_ends():
    plan = plan_recovery(Protein(SEQUENCE), (22, 44), strategy="random-30", seeds=1)
    assert plan.flanks == (0,)  # nothing is further than 30 away
    plan = plan_recovery(PROTEIN, (90, 112), strategy="random-30", seeds=1)
    assert plan.others(plan.flanks[-1]) <= LENGTH - 22 - 60
    assert len(plan.visible(0, plan.flanks[-1])) >= LENGTH - 60 - 1


@pytest.mark.parametrize(
    ("segment", "words"),
    [
        ((10, 10), "0 <= start < stop"),
        ((-1, 5), "0 <= start < stop"),
        ((60, 90), "66"),
        ((1.5, 5), "whole numbers"),
        ((None, 3), "whole numbers"),
        (("a", 3), "whole numbers"),
        ((float("nan"), 3), "whole numbers"),
        ((True, 3), "whole numbers"),
        (None, r"\(start, stop\)"),
        ((1, 2, 3), r"\(start, stop\)"),
        (7, r"\(start, stop\)"),
        ("3-5, 9", "one stretch"),
        ("", "one stretch"),
        ("60-99", "99"),
    ],
)
def test_what_is_no_segment_is_refused(segment, words):
    with pytest.raises(ValueError, match=words):
        segment_of(Protein(SEQUENCE), segment)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"partner": (15, 40)}, "overlap"),
        ({"strategy": "nearest"}, "'flanking', 'random', 'random-30'"),
        ({"flanks": [3, 500]}, "the flank length 500 does not fit.*0 to 44"),
        ({"flanks": [-1]}, "-1"),
        ({"flanks": []}, "at least one"),
        ({"flanks": [0.5, 1]}, "0.5"),
        ({"flanks": (0, 2.5, 5)}, "whole number, 0 or more, not 2.5"),
        ({"flanks": (0, 1, 1.5, 2)}, "whole number, 0 or more, not 1.5"),
        ({"flanks": 5}, "several flank lengths.*not 5"),
        ({"flanks": ("a",)}, "whole number, 0 or more, not 'a'"),
        ({"flanks": (float("nan"),)}, "whole number, 0 or more, not nan"),
        ({"seeds": 0}, "seeds"),
        ({"seeds": None}, "seeds"),
        ({"seeds": 2.5}, "seeds"),
        ({"strategy": "random-30", "flanks": [30]}, "further than 30"),
    ],
)
def test_what_does_not_fit_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        plan_recovery(Protein(SEQUENCE), (0, 22), **options)


def test_numbers_of_numpy_count_and_each_flank_length_once():
    plan = plan_recovery(
        Protein(SEQUENCE),
        (np.int64(20), np.float64(42)),
        strategy="random",
        flanks=iter([5, np.int64(0), 5.0]),
        seeds=np.int64(2),
    )
    assert plan == plan_recovery(
        Protein(SEQUENCE), (20, 42), strategy="random", flanks=(0, 5), seeds=2
    )
    assert all(type(k) is int for k in (*plan.flanks, *plan.segments[0], plan.seeds))
