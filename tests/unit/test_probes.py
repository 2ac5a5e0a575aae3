"""Probes: scikit-learn is the oracle, and no residue helps to predict its neighbours."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    r2_score,
    root_mean_squared_error,
)
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from plmwidgets import Probe, embed, fine_tune, fit_probe, load_model
from plmwidgets.methods.tuning.probe_labels import group_numbers
from plmwidgets.methods.tuning.probe_metrics import class_metrics, number_metrics

RANDOM = np.random.default_rng(0)
SEQUENCES = ["".join(RANDOM.choice(list("ACDEFGHIKLMNPQRSTVWY"), 24)) for _ in range(40)]
CHARGE = [sum(s.count(a) for a in "KR") - sum(s.count(a) for a in "DE") for s in SEQUENCES]
SIGNS = ["plus" if charge > 0 else "minus" for charge in CHARGE]
GREASY = ["".join("g" if a in "AFILMVW" else "p" for a in s) for s in SEQUENCES]


@pytest.fixture(scope="module")
def found():
    embeddings = embed(SEQUENCES, "demo")
    embeddings.wait(quiet=True)
    return embeddings


def test_classes_of_sequences_as_scikit_learn_finds_them(found):
    probe = fit_probe(found, SIGNS, regularisation=2.0, seed=4)
    x, y = found.pooled().astype(np.float64), np.array([sign == "plus" for sign in SIGNS])
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=2000))
    division = StratifiedGroupKFold(5, shuffle=True, random_state=4)
    held_out = cross_val_predict(pipeline, x, y, groups=np.arange(40), cv=division)
    metrics = probe.metrics
    np.testing.assert_allclose(metrics.loc["accuracy", "value"], accuracy_score(y, held_out))
    expected = balanced_accuracy_score(y, held_out)
    np.testing.assert_allclose(metrics.loc["balanced_accuracy", "value"], expected)
    expected = f1_score(y, held_out, average="macro")
    np.testing.assert_allclose(metrics.loc["macro_f1", "value"], expected)
    np.testing.assert_allclose(metrics.loc["accuracy", "baseline"], max(y.mean(), 1 - y.mean()))
    assert (metrics["low"] <= metrics["value"]).all()
    assert (metrics["value"] <= metrics["high"]).all()
    table = probe.predict(found)
    expected = pipeline.fit(x, y).predict_proba(x)
    np.testing.assert_allclose(table[["p_minus", "p_plus"]], expected, atol=1e-8)
    assert table["predicted"].tolist() == np.where(expected[:, 1] > 0.5, "plus", "minus").tolist()


def test_numbers_of_sequences_as_scikit_learn_finds_them(found):
    labels = [charge + 0.5 for charge in CHARGE]
    probe = fit_probe(found, labels)
    assert probe.kind == "regression"
    x = found.pooled().astype(np.float64)
    expected = make_pipeline(StandardScaler(), Ridge(1.0)).fit(x, labels).predict(x)
    np.testing.assert_allclose(probe.predict(found)["predicted"], expected)
    assert probe.metrics.loc["r2", "baseline"] == pytest.approx(0)


def test_three_classes_and_labels_that_are_missing(found):
    labels = [["low", "mid", "high"][min(2, max(0, charge + 1))] for charge in CHARGE]
    labels[3] = None
    probe = fit_probe(found, labels, folds=3)
    assert probe.classes == ("high", "low", "mid")
    kept = [index for index, label in enumerate(labels) if label is not None]
    x = found.pooled().astype(np.float64)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    pipeline.fit(x[kept], [labels[index] for index in kept])
    columns = [f"p_{name}" for name in pipeline.classes_]
    np.testing.assert_allclose(probe.predict(found)[columns], pipeline.predict_proba(x), atol=1e-6)


def test_residues_are_told_apart_and_their_sequences_kept_together(found, monkeypatch):
    probe = fit_probe(found, GREASY, "residue")
    assert probe.metrics.loc["accuracy", "low"] > 0.9
    table = probe.predict(found)
    assert len(table) == 40 * 24
    assert list(table.columns[:5]) == ["sequence", "name", "position", "label", "predicted"]
    agreement = (table["predicted"] == list("".join(GREASY))).mean()
    assert agreement > 0.95


def test_related_sequences_do_not_leak():
    """Copies of sequences with random labels: known by heart, unless copies stay together."""
    labels = RANDOM.permutation(["a", "b"] * 20).tolist() * 3
    embeddings = embed(SEQUENCES * 3, "demo", pooled=True)
    by_heart = fit_probe(embeddings, labels, groups=range(120), regularisation=1e-3)
    together = fit_probe(embeddings, labels, groups=SEQUENCES * 3, regularisation=1e-3)
    assert by_heart.metrics.loc["accuracy", "value"] > 0.9
    assert together.metrics.loc["accuracy", "value"] < 0.75
    # Equal sequences are never divided, even if nobody says what belongs together.
    unsaid = fit_probe(embeddings, labels, regularisation=1e-3)
    assert unsaid.metrics.loc["accuracy", "value"] < 0.75
    residue_labels = [label * 24 for label in labels[:40]]  # one label for a whole sequence
    alone = fit_probe(embed(SEQUENCES, "demo"), residue_labels, "residue")
    assert alone.metrics.loc["accuracy", "value"] < 0.75


def test_what_has_no_group_is_in_none():
    """One group of all that have none would leave too few, and would hold strangers together."""
    embeddings = embed([*SEQUENCES, *SEQUENCES[:4]], "demo", pooled=True)
    families = ["kinase", np.str_("kinase"), 7, 7.5, *[None, np.nan, pd.NA, float("nan")] * 9]
    numbers = group_numbers(embeddings, [*families, None, None, "nat", pd.NaT])
    assert len(set(numbers.tolist())) == 3 + 36 + 1
    assert numbers[0] == numbers[1]
    assert numbers[40] == numbers[0]  # a twin of one that has a group
    assert numbers[41] == numbers[1]
    assert len({*numbers[[2, 3]], *numbers[4:40]}) == 38
    assert numbers[42] not in numbers[:42]
    assert numbers[43] == numbers[3]
    fit_probe(embed(SEQUENCES, "demo", pooled=True), SIGNS, groups=[None] * 40)


def test_a_probe_is_known_by_the_weights_of_its_model_after_they_were_saved(tiny_esm2, tmp_path):
    tuning = fine_tune(load_model(tiny_esm2, device="cpu"), SEQUENCES, method="full", steps=2)
    tuning.wait(timeout=60, quiet=True)
    probe = fit_probe(embed(SEQUENCES, tuning.model, pooled=True), SIGNS)
    tuning.save(tmp_path / "tuned")
    probe.save(tmp_path / "probe.safetensors")
    again = embed(SEQUENCES, load_model(tmp_path / "tuned", device="cpu"), pooled=True)
    found = Probe.load(tmp_path / "probe.safetensors").predict(again)
    expected = probe.predict(embed(SEQUENCES, tuning.model, pooled=True))
    pd.testing.assert_frame_equal(found, expected)
    with pytest.raises(ValueError, match="embed with that model"):
        probe.predict(embed(SEQUENCES, load_model(tiny_esm2, device="cpu"), pooled=True))


def test_a_saved_probe_is_the_same_and_holds_nothing_that_runs(found, tmp_path):
    probe = fit_probe(found, GREASY, "residue")
    probe.save(tmp_path / "greasy.safetensors")
    loaded = Probe.load(tmp_path / "greasy.safetensors")
    assert loaded.facts == probe.facts
    assert repr(loaded) == repr(probe)
    assert loaded.predict(found).equals(probe.predict(found))
    with pytest.raises(ValueError, match=r"end greasy\.pkl in that"):
        probe.save(tmp_path / "greasy.pkl")
    (tmp_path / "no.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match="cannot be read as a probe"):
        Probe.load(tmp_path / "no.safetensors")
    with pytest.raises(FileNotFoundError, match=r"there is no file 'missing\.safetensors' in /"):
        Probe.load(tmp_path / "missing.safetensors")


def test_it_is_for_embeddings_of_the_same_model_alone(found, tiny_esm2):
    probe = fit_probe(found, SIGNS)
    with pytest.raises(ValueError, match="fitted on embeddings of 'demo'"):
        probe.predict(embed(SEQUENCES[:2], str(tiny_esm2)))


def test_metrics_are_those_of_scikit_learn_and_intervals_those_of_plain_resampling():
    random = np.random.default_rng(7)
    owners = np.repeat(np.arange(30), 8)
    truth = random.integers(0, 3, 240)
    predicted = np.where(random.random(240) < 0.7, truth, random.integers(0, 3, 240))
    found = class_metrics(truth, predicted, owners, 3, 0)
    assert found["accuracy"]["value"] == pytest.approx(accuracy_score(truth, predicted))
    assert found["macro_f1"]["value"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    drawn = []
    for _ in range(2000):
        chosen = random.integers(0, 30, 30)
        rows = np.concatenate([np.flatnonzero(owners == group) for group in chosen])
        drawn.append(accuracy_score(truth[rows], predicted[rows]))
    expected = np.percentile(drawn, [2.5, 97.5])
    interval = [found["accuracy"]["low"], found["accuracy"]["high"]]
    np.testing.assert_allclose(interval, expected, atol=0.01)
    y = random.normal(100, 3, 240)
    p = y + random.normal(size=240)
    numbers = number_metrics(y, p, owners, 0)
    assert numbers["r2"]["value"] == pytest.approx(r2_score(y, p))
    assert numbers["rmse"]["value"] == pytest.approx(root_mean_squared_error(y, p))
    assert numbers["pearson"]["value"] == pytest.approx(np.corrcoef(y, p)[0, 1])


@pytest.mark.parametrize(
    ("labels", "options", "words"),
    [
        (SIGNS[1:], {}, "labels are 39, and there are 40 sequences"),
        (SIGNS, {"level": "chain"}, "unknown level"),
        (SIGNS, {"kind": "poetry"}, "unknown kind"),
        (SIGNS, {"folds": 1}, "folds=1"),
        (SIGNS, {"regularisation": 0}, "regularisation=0"),
        (SIGNS, {"groups": ["x"]}, "groups are 1"),
        (SIGNS, {"groups": ["x", "y"] * 20}, "5 folds need as many"),
        (["a"] * 40, {}, "all labels are the same"),
        ([*["a"] * 39, "b"], {}, "a class is in one fold alone"),
        (SIGNS, {"kind": "regression"}, "labels for regression are numbers"),
        (["g"] * 40, {"level": "residue"}, r"labels\[0\] has 1 labels"),
        (SIGNS, {"layer": 99}, "layer"),
        (None, {}, "labels are a list with one for each sequence"),
        (dict(zip(SEQUENCES, SIGNS, strict=True)), {}, "labels are a list .* not dict"),
        ([1.2, 1.7] * 20, {"kind": "classification"}, "1.2 is no class"),
        ([np.inf, 1] * 20, {"kind": "classification"}, "inf is no class"),
        ([(1, 2)] * 40, {}, r"\(1, 2\) is no class"),
        ([1.5, np.inf] * 20, {"kind": "regression"}, "finite numbers"),
        (range(40), {}, "no class has 5 labels, one for each fold"),
        ([1] * 40, {"level": "residue"}, r"labels\[0\] is 1: for residues"),
        (SIGNS, {"groups": 3}, "groups are a list"),
        (SIGNS, {"seed": 2**40}, r"2\*\*32 - 1"),
        (SIGNS, {"regularisation": True}, "regularisation=True"),
    ],
)
def test_what_makes_no_sense_is_refused(found, labels, options, words):
    with pytest.raises((ValueError, IndexError, TypeError), match=words):
        fit_probe(found, labels, **options)


def test_labels_as_pandas_has_them(found):
    labels = pd.Series([None, *SIGNS[1:]], dtype="string")
    assert labels[0] is pd.NA
    probe = fit_probe(found, labels, regularisation=np.float32(1))
    assert probe.metrics.equals(fit_probe(found, [None, *SIGNS[1:]]).metrics)


@pytest.mark.parametrize("given", [None, SEQUENCES, np.zeros((40, 3))])
def test_what_are_no_embeddings_is_told(found, given):
    with pytest.raises(TypeError, match=r"fit_probe takes what embed\(proteins, model\) returns"):
        fit_probe(given, SIGNS)
    with pytest.raises(TypeError, match=r"predict takes what embed\(proteins, model\) returns"):
        fit_probe(found, SIGNS).predict(given)


def test_files_that_lack_something_are_told(found, tmp_path):
    probe = fit_probe(found, SIGNS)
    probe.facts["identity"] = {"revision": 3}
    probe.save(tmp_path / "odd.safetensors")
    with pytest.raises(ValueError, match="does not say which model"):
        Probe.load(tmp_path / "odd.safetensors")
    del probe.facts["identity"]
    probe.save(tmp_path / "part.safetensors")
    with pytest.raises(ValueError, match="it lacks identity"):
        Probe.load(tmp_path / "part.safetensors")


def test_without_scikit_learn_the_error_names_what_to_install(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'plmwidgets\[adapters\]'"):
        fit_probe(found, SIGNS)
