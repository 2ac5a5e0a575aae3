"""Options: a flag is True or False, and a name out of a few is text."""

import numpy as np
import pytest
from toy_models import ToyModel

from plmwidgets import (
    PairHeatmap,
    Protein,
    TrainingCurve,
    compare_strategies,
    corrupt,
    embed,
    evaluate_contacts,
    fine_tune,
    fit_probe,
    jacobian,
    load_folding_model,
    load_model,
    mutation_scores,
    projection,
    recoveries,
    recovery,
    scan_pairs,
    scan_singles,
    score_variants,
    unmask,
)
from plmwidgets._options import choice, flag, result_of
from plmwidgets.methods.schedules import masked_share
from plmwidgets.scan.start import prepare_pairs

SEQUENCE = "MKTAYIAKQR"
MODEL = ToyModel("options toy")
WORDS = np.array(["entropy", "random"])


@pytest.mark.parametrize("value", [True, False, np.True_, np.False_])
def test_flags_are_true_or_false(value):
    assert flag("pooled", value) is bool(value)


@pytest.mark.parametrize("value", ["no", "", 0, 1, None, np.array([True]), [], 1.0])
def test_what_is_neither_is_no_flag(value):
    with pytest.raises(ValueError, match=r"pooled=.*: it is True or False"):
        flag("pooled", value)


def test_names_are_plain_text():
    found = choice("order", np.str_("random"), ("entropy", "random"))
    assert type(found) is str
    assert found == "random"
    with pytest.raises(ValueError, match=r"unknown order 'best': use 'entropy' or 'random'$"):
        choice("order", "best", ("entropy", "random"))
    with pytest.raises(ValueError, match=r"unknown order 'x': use one of 'a', 'b', 'c'$"):
        choice("order", "x", iter("abc"))
    with pytest.raises(ValueError, match=r"unknown order 'x{79}\.\.\.: use 'a'$"):
        choice("order", "x" * 5000, ["a"])


@pytest.mark.parametrize("value", [WORDS, WORDS[:1], ["entropy"], 3, None, b"entropy", {}])
def test_what_is_no_text_is_none_of_them(value):
    with pytest.raises(ValueError, match=r"unknown order .*: use 'entropy'"):
        choice("order", value, ("entropy",))


CONTACTS = np.ones((10, 10))
FLAGS = {
    "pooled": lambda no: embed(SEQUENCE, "demo", pooled=no),
    "anneal": lambda no: unmask(SEQUENCE, MODEL, [1], anneal=no),
    "nested": lambda no: recovery(Protein.demo(), "demo", "10-20", nested=no),
    "contacts_only": lambda no: evaluate_contacts(
        SEQUENCE, CONTACTS, CONTACTS, min_separation=1
    ).found_by("map", contacts_only=no),
    "download": lambda no: load_folding_model(download=no),
    "contact_head": lambda no: load_model("demo", contact_head=no),
    "cache": lambda no: prepare_pairs(SEQUENCE, MODEL, cache=no),
    "quiet": lambda no: embed(SEQUENCE, "demo").wait(quiet=no),
    "difference": lambda no: PairHeatmap(scan_pairs(SEQUENCE, MODEL), difference=no),
}


@pytest.mark.parametrize("name", FLAGS)
def test_text_is_not_taken_for_true(name):
    with pytest.raises(ValueError, match=f"{name}='no': it is True or False"):
        FLAGS[name]("no")


CHOICES = {
    "strategy": lambda bad: unmask(SEQUENCE, MODEL, [1], bad),
    "order": lambda bad: unmask(SEQUENCE, MODEL, [1], "pair-guided", order=bad),
    "schedule": lambda bad: unmask(SEQUENCE, MODEL, [1], "random", schedule=bad),
    "schedule of shares": lambda bad: masked_share(bad, 0.5),
    "strategies": lambda bad: compare_strategies(SEQUENCE, MODEL, [1], strategies=[bad]),
    "named strategies": lambda bad: compare_strategies(
        SEQUENCE, MODEL, [1], strategies={"mine": {"strategy": bad}}
    ),
    "recovery": lambda bad: recovery(Protein.demo(), "demo", "10-20", strategy=bad),
    "recoveries": lambda bad: recoveries([(SEQUENCE, (2, 5))], "demo", strategies=[bad]),
    "map": lambda bad: recovery(Protein.demo(), "demo", "10-20", using=bad),
    "task": lambda bad: fine_tune("demo", [SEQUENCE], bad),
    "tuning": lambda bad: fine_tune("demo", [SEQUENCE], method=bad),
    "level": lambda bad: fit_probe(None, [], bad),
    "kind": lambda bad: fit_probe(None, [], kind=bad),
    "fill": lambda bad: score_variants(SEQUENCE, MODEL, "K2A", bad),
    "context": lambda bad: mutation_scores(SEQUENCE, MODEL, bad),
    "numbering": lambda bad: score_variants(SEQUENCE, MODEL, "K2A", numbering=bad),
    "jacobian": lambda bad: jacobian(SEQUENCE, MODEL, method=bad),
    "projection": lambda bad: projection(None, method=bad),
    "fate": lambda bad: corrupt(SEQUENCE, seed=0).count(bad),
    "rates": lambda bad: corrupt(SEQUENCE, rate_distribution=bad),
    "precision": lambda bad: scan_singles(SEQUENCE, MODEL, bad),
    "scan": lambda bad: scan_pairs(SEQUENCE, MODEL, method=bad),
    "convention": lambda bad: scan_pairs(SEQUENCE, MODEL).to_pandas(bad),
    "atom": Protein.demo().structure.distance_map,
}


@pytest.mark.parametrize("bad", [WORDS, WORDS[:1], 3, ["entropy"]], ids=["2", "1", "3", "list"])
@pytest.mark.parametrize("name", CHOICES)
def test_arrays_and_numbers_are_refused_in_words(name, bad):
    with pytest.raises(ValueError, match=r"unknown .*: use "):
        CHOICES[name](bad)


def test_an_array_is_no_metric():
    with pytest.raises(ValueError, match="there is no pair metric"):
        scan_pairs(SEQUENCE, MODEL).values(WORDS)


def test_names_of_numpy_are_names():
    table = compare_strategies(
        SEQUENCE, MODEL, [1, 2, 3], strategies=np.array(["random"]), steps=2, seeds=1
    )
    table.wait(quiet=True)
    assert {type(label) for label in table.to_pandas()["strategy"]} == {str}
    plan = unmask(SEQUENCE, MODEL, [1, 2], WORDS[0], schedule=np.str_("linear"), steps=2).plan
    assert {type(plan.strategy), type(plan.schedule), type(plan.order)} == {str}


def test_what_is_no_result_is_told_with_what_makes_one():
    assert result_of("str", "text", str, "it") == "text"
    with pytest.raises(TypeError, match=r"^TrainingCurve takes what fine_tune returns, not str$"):
        TrainingCurve("run")
