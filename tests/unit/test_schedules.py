"""Schedules against worked examples, and what every schedule must hold to."""

import numpy as np
import pytest

from plmwidgets.methods.schedules import SCHEDULES, masked_share, revealed_counts


def test_the_cosine_schedule_gives_the_worked_example() -> None:
    assert revealed_counts(100, 8, "cosine") == (2, 6, 9, 13, 15, 17, 19, 19)


@pytest.mark.parametrize(
    ("schedule", "at_half"),
    [
        ("cosine", np.sqrt(0.5)),
        ("linear", 0.5),
        ("sqrt", 1 - np.sqrt(0.5)),
        ("square", 0.75),
        ("cubic", 0.875),
    ],
)
def test_shares_follow_their_formulas(schedule: str, at_half: float) -> None:
    assert masked_share(schedule, [0.0, 0.5, 1.0]) == pytest.approx([1.0, at_half, 0.0], abs=1e-15)


def test_schedules_reveal_by_hand() -> None:
    # 20 hidden, T = 4: linear leaves 15, 10, 5, 0; square 18, 15, 8, 0 (18.75, 15, 8.75 + 0.1).
    assert revealed_counts(20, 4, "linear") == (5, 5, 5, 5)
    assert revealed_counts(20, 4, "square") == (2, 3, 7, 8)
    # sqrt leaves 10.1, 5.96, 2.78.
    assert revealed_counts(20, 4, "sqrt") == (10, 5, 3, 2)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("masked", [1, 2, 7, 64])
def test_every_step_reveals_and_all_are_revealed(schedule: str, masked: int) -> None:
    for steps in range(1, masked + 1):
        counts = revealed_counts(masked, steps, schedule)
        assert len(counts) == steps
        assert sum(counts) == masked
        assert min(counts) >= 1
    assert revealed_counts(masked, 1, schedule) == (masked,)
    assert revealed_counts(masked, masked, schedule) == (1,) * masked


def test_what_does_not_exist_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="unknown schedule 'cosin': use one of 'cosine', 'linear'"):
        masked_share("cosin", 0.5)
    with pytest.raises(ValueError, match="from 0 \\(all hidden\\) to 1"):
        masked_share("linear", [0.5, 1.5])
    with pytest.raises(ValueError, match="9 steps are too many for 8 hidden residues"):
        revealed_counts(8, 9)
    with pytest.raises(ValueError, match="steps=0: it is a whole number, at least 1"):
        revealed_counts(8, 0)
