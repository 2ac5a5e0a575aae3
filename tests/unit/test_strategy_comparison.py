"""Strategies of unmasking compared: many seeds, their judges, summaries and chart."""

import itertools

import numpy as np
import pytest
from scipy import stats
from toy_models import ToyModel
from unmasking_tools import HIDDEN, PROTEIN

from plmwidgets.methods.unmasking.strategy_comparison import compare_strategies
from plmwidgets.methods.unmasking.unmask import unmask


def test_a_comparison_is_that_of_its_traces():
    model = ToyModel("compared")
    found = compare_strategies(
        PROTEIN, model, HIDDEN, strategies=["random", "entropy"], steps=[1, 3], seeds=6
    )
    found.wait(quiet=True)
    table = found.to_pandas()
    # In one step all are one-shot, listed once.
    assert table.groupby(["strategy", "steps"]).size().to_dict() == {
        ("one-shot", 1): 6,
        ("random", 3): 6,
        ("entropy", 3): 6,
    }
    row = table.query("strategy == 'entropy' and seed == 4").iloc[0]
    trace = unmask(PROTEIN, model, HIDDEN, "entropy", steps=3, seed=4)
    assert (row["sequence"], row["passes"]) == (trace.sequence, 3)
    assert row["score"] == trace.log_probability
    summary = found.summary()
    random = table.query("strategy == 'random'")["score"]
    got = summary.query("strategy == 'random'").iloc[0]
    assert got["score"] == pytest.approx(random.mean())
    low, high = stats.norm.interval(0.95, random.mean(), stats.sem(random))
    assert (got["low"], got["high"]) == pytest.approx((low, high))
    sequences = table.query("strategy == 'random'")["sequence"]
    apart = [
        np.mean([a[i] != b[i] for i in HIDDEN]) for a, b in itertools.combinations(sequences, 2)
    ]
    assert got["diversity"] == pytest.approx(np.mean(apart))
    differences = found.against("random").iloc[0]
    entropy = table.query("strategy == 'entropy'")["score"]
    assert differences["strategy"] == "entropy"
    assert differences["score"] == pytest.approx((entropy.to_numpy() - random.to_numpy()).mean())
    with pytest.raises(ValueError, match="no strategy 'best' here"):
        found.against("best")


def test_a_comparison_pauses_and_goes_on():
    model = ToyModel("paused comparison", seconds=0.001)
    found = compare_strategies(PROTEIN, model, HIDDEN, strategies=["random"], seeds=30)
    found.pause()
    assert len(found.to_pandas()) < 30 * 5
    found.resume()
    found.wait(quiet=True)
    assert len(found.to_pandas()) == 30 * 5  # 1, 2, 4, 8 and 12 steps
    assert found.summary()["seeds"].tolist() == [30] * 5
    assert "150 of 150 traces" in repr(found)


def test_a_judge_scores_and_own_options_have_labels():
    found = compare_strategies(
        PROTEIN,
        ToyModel("judged"),
        HIDDEN,
        strategies={"cold": {"strategy": "random", "temperature": 0}},
        steps=[2],
        seeds=[7, 8],
        judge=lambda sequences: [len(set(one)) for one in sequences],
    )
    found.wait(quiet=True)
    table = found.to_pandas()
    assert table["score"].tolist() == [len(set(one)) for one in table["sequence"]]
    assert table["strategy"].tolist() == ["cold", "cold"]
    for wrong, message in [
        ({"strategies": []}, "at least one strategy"),
        ({"seeds": 0}, "at least one seed|seeds is how many"),
        ({"seeds": []}, "at least one seed"),
        ({"steps": []}, "at least one number of steps"),
        ({"steps": [13]}, "13 steps are too many"),
        ({"strategies": ["best"]}, "unknown strategy 'best'"),
    ]:
        with pytest.raises(ValueError, match=message):
            compare_strategies(PROTEIN, ToyModel("judged"), HIDDEN, **wrong)


def test_a_comparison_goes_on_after_its_judge_failed_and_loses_nothing():
    calls = []

    def judge(sequences):
        calls.append(sequences)
        if len(calls) in (3, 4):
            raise RuntimeError("the judge is out")
        return [1.0]

    found = compare_strategies(
        PROTEIN, ToyModel("judge out"), HIDDEN, strategies=["random"], steps=2, seeds=8, judge=judge
    )
    for _ in range(2):
        with pytest.raises(RuntimeError, match="the judge is out"):
            found.wait(timeout=20, quiet=True)
        found.resume()
    found.wait(timeout=20, quiet=True)
    assert sorted(found.to_pandas()["seed"]) == list(range(8))
    assert found.progress.done == found.progress.total == 16


@pytest.mark.parametrize("said", [1.0, [1.0, 2.0], [], None, ["high"]])
def test_a_judge_that_gives_no_score_is_told_so(said):
    found = compare_strategies(
        PROTEIN, ToyModel("no score"), HIDDEN, steps=[1], seeds=1, judge=lambda _: said
    )
    with pytest.raises(ValueError, match="the judge is given a list of one sequence"):
        found.wait(quiet=True)


def test_a_score_that_is_nan_is_not_left_away_silently():
    scores = iter([1.0, float("nan"), 2.0])
    found = compare_strategies(
        PROTEIN, ToyModel("nan score"), HIDDEN, steps=[1], seeds=3, judge=lambda _: [next(scores)]
    )
    found.wait(quiet=True)
    assert found.summary()[["score", "low", "high"]].isna().all(axis=None)


def test_every_label_of_ones_own_is_there_in_one_step():
    cold = {"strategy": "one-shot", "temperature": 0}
    found = compare_strategies(
        PROTEIN, ToyModel("cold"), HIDDEN, strategies={"cold": cold}, steps=[1, 2], seeds=2
    )
    found.wait(quiet=True)
    assert found.to_pandas()["strategy"].tolist() == ["cold", "cold"]
    coldest = unmask(PROTEIN, ToyModel("cold"), HIDDEN, temperature=0)
    assert set(found.to_pandas()["sequence"]) == {coldest.sequence}


def test_what_guides_pairs_goes_to_the_pair_guided_alone():
    own = {"guided": {"strategy": "pair-guided"}, "plain": {"strategy": "entropy"}}
    options = {"order": "random", "threshold": 0.3, "steps": 2, "seeds": 2}
    model = ToyModel("guiding options")
    found = compare_strategies(PROTEIN, model, HIDDEN, strategies=own, **options)
    found.wait(quiet=True)
    table = found.to_pandas()
    for label, given in (("guided", {"order": "random", "threshold": 0.3}), ("plain", {})):
        rows = table[table["strategy"] == label]
        for seed in range(2):
            strategy = own[label]["strategy"]
            want = unmask(PROTEIN, model, HIDDEN, strategy, steps=2, seed=seed, **given)
            assert rows.loc[rows["seed"] == seed, "sequence"].item() == want.sequence
    own["plain"]["order"] = "random"
    with pytest.raises(ValueError, match="order= guides the strategy 'pair-guided' alone"):
        compare_strategies(PROTEIN, model, HIDDEN, strategies=own, steps=2)


@pytest.mark.parametrize(
    "given", [{"pairs": np.zeros((20, 20))}, {"order": "random"}, {"threshold": 0.3}]
)
def test_options_that_guide_nobody(given):
    (name,) = given
    with pytest.raises(ValueError, match=f"{name}= guides .* add it to strategies=, or leave"):
        compare_strategies(
            PROTEIN, ToyModel("unguided"), HIDDEN, strategies=["random"], steps=2, **given
        )


def test_passes_of_maps_of_ones_own_are_not_said_to_be_none():
    own = {"guided": {"strategy": "pair-guided", "pairs": np.zeros((20, 20))}}
    found = compare_strategies(
        PROTEIN, ToyModel("own map"), HIDDEN, strategies=own, steps=2, seeds=1
    )
    assert found.map_passes is None
    found.wait(quiet=True)
    probing = {"guided": {"strategy": "pair-guided", "pairs": None}}
    found = compare_strategies(
        PROTEIN, ToyModel("own map"), HIDDEN, strategies=probing, steps=2, seeds=1
    )
    assert found.map_passes == 0
    found.wait(quiet=True)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"strategies": ["one-shot"], "steps": [4]}, ValueError, "add 1 to steps="),
        ({"steps": 2.5}, ValueError, "steps=2.5"),
        ({"strategies": None}, TypeError, "strategies= is a list"),
        ({"strategies": {"cold": "entropy"}}, TypeError, "'cold' is its options"),
        ({"strategies": {"cold": {"steps": 3}}}, TypeError, "'steps' is no option here"),
        ({"strategies": {"cold": {"seed": 3}}}, TypeError, "'seed' is no option here"),
        ({"strategy": "entropy"}, TypeError, "is said by strategies="),
        ({"temprature": 1}, TypeError, "'temprature' is no option here"),
        ({"judge": 5}, TypeError, "judge= is a function"),
    ],
)
def test_comparisons_that_make_no_sense_are_refused_in_words(options, error, message):
    with pytest.raises(error, match=message):
        compare_strategies(PROTEIN, ToyModel("refusing"), HIDDEN, **options)


def test_the_chart_has_a_line_a_strategy_and_its_intervals():
    found = compare_strategies(
        PROTEIN,
        ToyModel("charted"),
        HIDDEN,
        strategies=["random", "entropy"],
        steps=[1, 4],
        seeds=3,
    )
    found.wait(quiet=True)
    drawn = found.chart().to_dict()
    (rows,) = drawn["datasets"].values()
    assert [(row["strategy"], row["passes"]) for row in rows] == [
        ("one-shot", 1),
        ("random", 4),
        ("entropy", 4),
    ]
    colour = drawn["layer"][1]["encoding"]["color"]["scale"]
    assert colour["domain"] == ["one-shot", "random", "entropy"]
    assert len(set(colour["range"])) == 3
    assert "mean of 3 seeds" in drawn["title"]["subtitle"]
    waiting = compare_strategies(PROTEIN, ToyModel("not charted", seconds=1), HIDDEN, seeds=1)
    with pytest.raises(ValueError, match="nothing is computed yet"):
        waiting.chart()
    waiting.cancel()
