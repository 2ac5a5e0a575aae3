"""One rule for every `save`: what is there stays, unless it is to be replaced."""

import os

import numpy as np
import pytest

from plmwidgets import (
    embed,
    fine_tune,
    fit_probe,
    fold,
    jacobian,
    load_model,
    mutation_scores,
    scan_pairs,
    scan_singles,
    unmask,
)
from plmwidgets.charts import pair_map
from plmwidgets.charts.saving import save_chart
from plmwidgets.models.potts import PottsModel
from plmwidgets.scan.store import StoreError

SEQUENCE = "MKTAYIAKQR"
FILES = {
    "mutation scores": "x.npz",
    "trace": "x.npz",
    "fold": "x.cif",
    "probe": "x.safetensors",
    "Potts model": "x.safetensors",
}
FOLDERS = {"pair scan": "x", "single scan": "x", "Jacobian": "x", "embeddings": "x", "adapter": "x"}
ALL = {**FILES, **FOLDERS}


def _done(result):
    result.wait(120, quiet=True)
    return result


@pytest.fixture(scope="module")
def results(tiny_esm2, tiny_esmfold):
    model = load_model(tiny_esm2, device="cpu")
    several = [SEQUENCE[k:] + SEQUENCE[:k] for k in range(10)]
    embeddings = _done(embed(several, model, pooled=True))
    return {
        "mutation scores": mutation_scores(SEQUENCE, model),
        "trace": unmask(SEQUENCE, model, [2, 3]),
        "fold": _done(fold(SEQUENCE, tiny_esmfold)),
        "probe": fit_probe(embeddings, list("abababbaab"), folds=2),
        "Potts model": PottsModel(np.zeros((4, 20)), [(0, 1)], np.zeros((1, 20, 20))),
        "pair scan": _done(scan_pairs(SEQUENCE, model)),
        "single scan": scan_singles(SEQUENCE, model),
        "Jacobian": _done(jacobian(SEQUENCE, model)),
        "embeddings": embeddings,
        "adapter": _done(fine_tune(model, several, steps=1)),
    }


def _content(path):
    if path.is_file():
        return path.read_bytes()
    return {each.relative_to(path): each.read_bytes() for each in path.rglob("*") if each.is_file()}


@pytest.mark.parametrize("what", ALL)
def test_what_is_there_stays_unless_it_is_to_be_replaced(results, tmp_path, what):
    path = tmp_path / ALL[what]
    results[what].save(path)
    before = _content(path)
    with pytest.raises((FileExistsError, StoreError), match=r"exists already: .*replace=True"):
        results[what].save(path)
    with pytest.raises(ValueError, match="replace='no': it is True or False"):
        results[what].save(path, replace="no")
    assert _content(path) == before
    results[what].save(path, replace=True)
    assert _content(path).keys() == before.keys() if path.is_dir() else _content(path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("what", ALL)
def test_something_else_is_never_replaced(results, tmp_path, what):
    path = tmp_path / ALL[what]
    path.mkdir()
    (path / "notes.txt").write_text("mine")
    for replace in (False, True):
        with pytest.raises((OSError, StoreError), match=path.name):
            results[what].save(path, replace=replace)
    assert (path / "notes.txt").read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("what", FILES)
def test_a_missing_folder_is_named(results, tmp_path, what):
    path = tmp_path / "results" / FILES[what]
    with pytest.raises(FileNotFoundError, match=f"no folder {path.parent}: make it first"):
        results[what].save(path)
    path.parent.mkdir()
    results[what].save(path)


@pytest.mark.parametrize("what", FOLDERS)
def test_folders_are_made_with_those_above(results, tmp_path, what):
    results[what].save(tmp_path / "deep" / "down")
    assert _content(tmp_path / "deep" / "down")


@pytest.mark.parametrize("what", ALL)
def test_the_home_folder_is_known(results, tmp_path, what, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    results[what].save(f"~/{ALL[what]}")
    assert (tmp_path / ALL[what]).exists()


@pytest.mark.parametrize("what", FILES)
def test_what_cannot_be_written_is_told_under_its_own_name(results, tmp_path, what, monkeypatch):
    path = tmp_path / FILES[what]
    results[what].save(path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device", "elsewhere")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=f"No space left on device: '{path}'"):
        results[what].save(path, replace=True)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_model_that_is_replaced_leaves_nothing_behind(results, tmp_path, tiny_esm2):
    """An adapter beside whole weights would be one model in two."""
    model = load_model(tiny_esm2, device="cpu")
    whole = _done(fine_tune(model, [SEQUENCE], method="full", steps=1))
    whole.save(tmp_path / "x")
    assert (tmp_path / "x" / "model.safetensors").is_file()
    results["adapter"].save(tmp_path / "x", replace=True)
    assert not (tmp_path / "x" / "model.safetensors").exists()
    assert load_model(tiny_esm2, device="cpu", adapter=tmp_path / "x").adapter.name == "x"


def test_a_chart_says_which_folder_is_missing_too(results, tmp_path):
    chart = pair_map(results["pair scan"])
    with pytest.raises(FileNotFoundError, match=f"no folder {tmp_path / 'none'}"):
        save_chart(chart, tmp_path / "none" / "x.svg")
