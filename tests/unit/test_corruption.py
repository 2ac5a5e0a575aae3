"""Corrupted training examples: how often which fate, where rates come from, what is refused."""

import numpy as np
import pytest
from scipy import stats

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.corruption.corruption import (
    FATES,
    RATE_DISTRIBUTIONS,
    corrupt,
    draw_rates,
    mean_rate,
)
from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein

SEQUENCE = "".join(np.random.default_rng(3).choice(list(AMINO_ACIDS), 400))
# One test in a thousand may fail by chance; the seeds are fixed, so that none does.
LEAST = 1e-3


def runs_of(fates):
    """Lengths of the runs of chosen residues."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], fates > 0, [0]]).astype(int)))
    return (edges[1::2] - edges[::2]).tolist()


def test_nothing_chosen_is_changed_but_by_its_fate():
    corruption = corrupt(SEQUENCE, 0.5, seed=5)
    table = corruption.to_pandas()
    for fate, rows in table.groupby("fate", observed=True):
        if fate == "masked":
            assert (rows["shown"] == "_").all()
        elif fate != "random":
            assert (rows["shown"] == rows["wild_type"]).all()
    masked = np.flatnonzero(table["fate"] == "masked")
    assert corruption.context.masked == tuple(masked)
    changed = {i: letter for i, letter in corruption.context.substitutions}
    random = table[(table["fate"] == "random") & (table["shown"] != table["wild_type"])]
    assert changed == dict(zip(random["position"], random["shown"], strict=True))
    assert corruption.context == Context.of(SEQUENCE, masked.tolist(), changed)
    assert "".join(table["shown"]) == corruption.shown
    assert "".join(table["wild_type"]) == SEQUENCE
    np.testing.assert_array_equal(corruption.chosen, np.flatnonzero(table["fate"] != "untouched"))
    assert [corruption.count(fate) for fate in FATES] == [
        int((table["fate"] == fate).sum()) for fate in FATES
    ]


def test_the_input_and_the_result_stay_as_they_are():
    protein = Protein(SEQUENCE, name="kept")
    corruption = corrupt(protein, seed=1)
    assert (protein.sequence, corruption.protein) == (SEQUENCE, protein)
    with pytest.raises(ValueError, match="read-only"):
        corruption.fates[0] = 1
    with pytest.raises(AttributeError):
        corruption.rate = 0.5
    table = corruption.to_pandas()
    table.loc[:, "shown"] = "W"
    assert corruption.to_pandas()["shown"].nunique() > 1


def test_a_seed_makes_the_same_again_and_every_result_has_one():
    first, second = corrupt(SEQUENCE, seed=9), corrupt(SEQUENCE, seed=9)
    np.testing.assert_array_equal(first.fates, second.fates)
    assert first.context == second.context
    free = corrupt(SEQUENCE)
    assert corrupt(SEQUENCE, seed=free.seed).context == free.context
    assert corrupt(SEQUENCE).context != free.context


@pytest.mark.parametrize("span", [None, 5])
def test_fates_are_as_frequent_as_asked_for(span):
    rate, mask, random = 0.15, 0.8, 0.1
    draws = [corrupt(SEQUENCE, rate, span=span, seed=seed) for seed in range(200)]
    chosen = sum(len(one.chosen) for one in draws)
    total = len(draws) * len(SEQUENCE)
    assert stats.binomtest(chosen, total, rate).pvalue > LEAST
    for fate, share in (("masked", mask), ("random", random), ("kept", 1 - mask - random)):
        found = sum(one.count(fate) for one in draws)
        assert stats.binomtest(found, chosen, share).pvalue > LEAST, fate
    letters = "".join(
        one.shown[i] for one in draws for i in np.flatnonzero(one.fates == FATES.index("random"))
    )
    assert stats.chisquare([letters.count(a) for a in AMINO_ACIDS]).pvalue > LEAST


@pytest.mark.parametrize("span", [None, 1, 4, 7, 500])
def test_every_position_is_chosen_as_often_and_as_many_as_without_spans(span):
    length, rate, draws = 40, 0.3, 4000
    chosen = np.zeros(length)
    counts = []
    for seed in range(draws):
        fates = corrupt(SEQUENCE[:length], rate, span=span, seed=seed).fates
        chosen += fates > 0
        counts.append(int((fates > 0).sum()))
    for at in (0, 1, 19, length - 2, length - 1):
        assert stats.binomtest(int(chosen[at]), draws, rate).pvalue > LEAST, at
    expected = stats.binom(length, rate)
    assert np.mean(counts) == pytest.approx(expected.mean(), abs=4 * expected.std() / draws**0.5)
    assert np.var(counts) == pytest.approx(expected.var(), rel=0.1)


def test_spans_lie_in_runs_and_independent_residues_do_not():
    length, span = 400, 8
    runs = []
    for seed in range(60):
        fates = corrupt(SEQUENCE, 0.1, span=span, seed=seed).fates
        found = runs_of(fates)
        count = sum(found)
        # Runs of eight, one shorter, one cut by the ends; they may touch.
        assert len(found) <= -(-count // span) + 1
        runs += found
    assert np.mean(runs) > 6
    alone = [run for seed in range(60) for run in runs_of(corrupt(SEQUENCE, 0.1, seed=seed).fates)]
    assert np.mean(alone) == pytest.approx(1 / 0.9, abs=0.05)  # geometric
    assert length == len(SEQUENCE)


DISTRIBUTIONS = {
    "esm3": lambda x: 0.8 * stats.beta(3, 9).cdf(x) + 0.2 * x,
    "cosine": lambda x: 1 - 2 / np.pi * np.arccos(x),
    "linear": lambda x: x,
    "sqrt": lambda x: 1 - (1 - x) ** 2,
    "square": lambda x: 1 - np.sqrt(1 - x),
    "cubic": lambda x: 1 - np.cbrt(1 - x),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_rates_have_their_distribution_and_its_mean(name):
    rates = draw_rates(name, 20_000, seed=4)
    assert stats.kstest(rates, DISTRIBUTIONS[name]).pvalue > LEAST
    # The mean of a number from 0 to 1 is the area above its distribution function.
    grid = np.linspace(0, 1, 200_001)
    area = np.trapezoid(1 - DISTRIBUTIONS[name](grid), grid)
    assert mean_rate(name) == pytest.approx(area, abs=1e-6)
    drawn = [corrupt("A", rate_distribution=name, seed=seed).rate for seed in range(500)]
    assert stats.kstest(drawn, DISTRIBUTIONS[name]).pvalue > LEAST


def test_the_mixture_of_esm3_has_a_mean_of_three_tenths():
    assert mean_rate("esm3") == pytest.approx(0.3, abs=1e-15)
    assert set(DISTRIBUTIONS) | {"fixed"} == set(RATE_DISTRIBUTIONS)
    np.testing.assert_array_equal(draw_rates("fixed", 3), [0.15] * 3)
    assert mean_rate("fixed") == 0.15
    assert mean_rate("fixed", 0.4) == draw_rates("fixed", 1, rate=0.4)[0] == 0.4


def test_the_extremes():
    nothing = corrupt(SEQUENCE, 0, seed=1)
    assert (len(nothing.chosen), nothing.context) == (0, Context(SEQUENCE))
    everything = corrupt(SEQUENCE, 1.0, mask=1, random=0, seed=1)
    assert everything.shown == "_" * len(SEQUENCE)
    kept = corrupt(SEQUENCE, 1, mask=0, random=0, seed=1)
    assert (kept.shown, kept.count("kept")) == (SEQUENCE, len(SEQUENCE))
    replaced = corrupt(SEQUENCE, 1, mask=0, random=1.0, span=9, seed=1)
    assert replaced.count("random") == len(SEQUENCE)
    same = sum(a == b for a, b in zip(replaced.shown, SEQUENCE, strict=True))
    assert stats.binomtest(same, len(SEQUENCE), 1 / 20).pvalue > LEAST
    assert corrupt(SEQUENCE, 0.5, mask=0.7, random=0.3, seed=2).count("kept") == 0


def test_letters_that_are_no_amino_acid_are_never_chosen():
    sequence = "XAXXCXDEXF" * 6
    corruption = corrupt(sequence, 1.0, span=3, seed=0)
    table = corruption.to_pandas()
    assert (table.loc[table["wild_type"] == "X", "fate"] == "untouched").all()
    assert (table.loc[table["wild_type"] != "X", "fate"] != "untouched").all()
    assert len(corrupt("XXX", 1.0).chosen) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rate": 15}, "rate=15: it is a share"),
        ({"rate": -0.1}, "from 0 to 1"),
        ({"rate": np.nan}, "from 0 to 1"),
        ({"rate": "0.15"}, "from 0 to 1"),
        ({"rate": True}, "from 0 to 1"),
        ({"mask": 1.2}, "mask=1.2"),
        ({"mask": 0.9, "random": 0.2}, "together they are 1 at most"),
        ({"span": 0}, "at least 1"),
        ({"span": 2.5}, "span=2.5"),
        ({"seed": -1}, "seed=-1"),
        ({"rate_distribution": "beta"}, "use one of 'fixed', 'esm3'"),
        ({"rate_distribution": "esm3", "rate": 0.3}, "draws its own"),
    ],
)
def test_wrong_arguments_are_told_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        corrupt(SEQUENCE, **arguments)


def test_a_share_may_be_any_kind_of_number():
    assert corrupt(SEQUENCE, np.int64(1), seed=1).shown == corrupt(SEQUENCE, 1, seed=1).shown
    assert corrupt(SEQUENCE, np.float32(0.5)).rate == 0.5


def test_other_wrong_arguments():
    with pytest.raises(TypeError, match="Protein or a sequence"):
        corrupt(3)
    with pytest.raises(ValueError, match="use one of 'untouched'"):
        corrupt(SEQUENCE).count("dropped")
    with pytest.raises(ValueError, match="size=0"):
        draw_rates("esm3", 0)
    with pytest.raises(ValueError, match="draws its own"):
        mean_rate("esm3", 0.2)


def test_it_says_what_it_is():
    corruption = corrupt(Protein("MKTAYIAK", name="short"), 1.0, mask=1, random=0, seed=2)
    words = "8 of 8 residues chosen, 8 masked, 0 random, 0 kept; rate 1.000, seed 2"
    assert repr(corruption) == f"Corruption('short': {words})"
