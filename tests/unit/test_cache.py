"""The scans of Explorers, kept from one session to the next without being asked to."""

import errno
import os
import re
import shutil
import subprocess
import sys
import warnings
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from toy_models import ToyModel, expected_pairs
from view_tools import SEQUENCE

from plmwidgets.cli import main
from plmwidgets.models import load_model
from plmwidgets.models.masked_lm import ModelIdentity
from plmwidgets.protein import Protein
from plmwidgets.scan.cache import cache_folder, cached_place, cached_scans, clear_cache
from plmwidgets.scan.start import prepare_pairs
from plmwidgets.widgets.explorer import Explorer


class NamedModel(ToyModel):
    """A toy whose identity says that it names the weights."""

    def __init__(self, name, **options):
        super().__init__(name, **options)
        self.identity = ModelIdentity(name, "1", "float32", by_content=True)


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="test")


def finished(protein, model):
    explorer = Explorer(protein, model)
    explorer.scan.start()
    explorer.scan.wait(30)
    return explorer


def silent(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*arguments, **options)


def test_a_reopened_explorer_shows_its_finished_map_at_once(protein, cache):
    model = NamedModel("reopened")
    done = silent(finished, protein, model)
    assert Path(done.scan.store_path).parent == cache
    model.calls.clear()
    again = silent(Explorer, Protein(SEQUENCE, name="another name"), model)
    assert again.scan.progress.status == "finished"
    np.testing.assert_array_equal(again.scan.values("js_dist"), done.scan.values("js_dist"))
    assert not [context for call in model.calls for context in call if len(context.masked) > 1]


def test_a_scan_that_was_interrupted_goes_on(protein, cache):
    model = NamedModel("interrupted")
    done = finished(protein, model)
    shutil.rmtree(done.scan.store_path / "pairs" / "c" / "0" / "1")
    again = silent(Explorer, protein, model)
    assert again.scan.progress.done == 231 - 64
    again.scan.start()
    again.scan.wait(30)
    np.testing.assert_array_equal(again.scan.log_probabilities, expected_pairs(model, SEQUENCE))


def test_another_process_finds_the_scan(cache):
    code = (
        "import plmwidgets as p\n"
        "scan = p.Explorer(p.Protein.demo(), 'potts-demo').scan\n"
        "print(scan.progress.status)\n"
        "scan.start(); scan.wait()"
    )
    told = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [process.stdout.strip() for process in told] == ["ready", "finished"]


def test_what_decides_the_result_decides_the_place(cache):
    key = {"checkpoint": "a", "revision": "1", "dtype": "float32", "precision": "reference"}
    places = [
        cached_place(sequence, {**key, **change}, positions).key
        for sequence, change, positions in [
            ("MKT", {}, None),
            ("MKA", {}, None),
            ("MKT", {"revision": "2"}, None),
            ("MKT", {"precision": "preview"}, None),
            ("MKT", {"checkpoint": "b"}, None),
            ("MKT", {}, (0, 1)),
        ]
    ]
    assert len(set(places)) == 6
    assert cached_place("MKT", dict(reversed(key.items())), None).key == places[0]


def test_real_models_name_their_weights_and_others_are_not_kept(protein, cache):
    for name in ("demo", "potts-demo"):
        assert load_model(name).identity.by_content
    assert silent(Explorer, protein, ToyModel("nobody knows")).scan.store_path is None
    assert not cache.exists()


def test_the_cache_can_be_left_out(protein, cache, monkeypatch, tmp_path):
    model = NamedModel("left out")
    assert Explorer(protein, model, cache=False).scan.store_path is None
    mine = Explorer(protein, model, tmp_path / "mine.zarr").scan.store_path
    assert mine == tmp_path / "mine.zarr"
    assert prepare_pairs(protein, model).store_path is None
    assert not cache.exists()
    monkeypatch.setenv("PLMWIDGETS_CACHE", "off")
    assert cache_folder() is None
    assert Explorer(protein, model).scan.store_path is None
    monkeypatch.delenv("PLMWIDGETS_CACHE")
    assert cache_folder().parts[-2:] == ("plmwidgets", "scans")


def test_a_cache_that_cannot_be_written_to_is_told_and_does_no_harm(protein, cache):
    cache.parent.write_text("a file where the folder would be")
    model = NamedModel("unwritable")
    with pytest.warns(UserWarning, match=r"in memory alone.*PLMWIDGETS_CACHE") as caught:
        explorer = Explorer(protein, model)
    assert len(caught) == 1
    assert explorer.scan.store_path is None
    explorer.scan.start()
    explorer.scan.wait(30)
    np.testing.assert_array_equal(explorer.scan.log_probabilities, expected_pairs(model, SEQUENCE))


def test_a_disk_that_fills_meanwhile_is_told_once_and_does_no_harm(protein, cache, monkeypatch):
    model = NamedModel("full")
    explorer = Explorer(protein, model)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("zarr.Array.__setitem__", full)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        explorer.scan.start()
        explorer.scan.wait(30)
    assert ["the disk is full" in str(warning.message) for warning in caught] == [True]
    assert explorer.scan.progress.status == "finished"
    np.testing.assert_array_equal(explorer.scan.log_probabilities, expected_pairs(model, SEQUENCE))


def test_damage_is_named_and_computed_again(protein, cache):
    model = NamedModel("damaged")
    store = finished(protein, model).scan.store_path
    chunk = store / "pairs" / "c" / "1" / "2" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:20])
    with pytest.warns(UserWarning, match=r"chunk 1,2 of pairs .* is damaged"):
        explorer = Explorer(protein, model)
    assert explorer.scan.progress.done == 231 - 48
    # Beyond mending: it is removed, as its place is needed and can only be of this scan.
    (store / "zarr.json").write_text("{")
    (store / "pairs" / "zarr.json").write_text("{")
    with pytest.warns(UserWarning, match="the scan begins anew"):
        explorer = Explorer(protein, model)
    assert explorer.scan.progress.done == 0
    assert finished(protein, model).scan.progress.status == "finished"


def test_a_scan_by_another_method_while_one_runs_is_kept_in_memory(cache):
    protein, model = Protein.demo(), load_model("demo")
    first = Explorer(protein, model)
    first.scan.start()
    with pytest.warns(UserWarning, match="exact scan of .* is running"):
        second = Explorer(protein, model, method="superposed")
    assert second.scan.store_path is None
    first.scan.cancel()
    first.scan.wait(30)


def test_the_command_lists_and_clears(protein, cache, capsys):
    assert main(["cache"]) == 0
    assert "No scans are kept" in capsys.readouterr().out
    finished(protein, NamedModel("listed"))
    Explorer(Protein("MKTAYIAKQR", name="short"), NamedModel("other"))
    (cache / "broken").mkdir()
    os.utime(cache / "broken", (datetime(2001, 5, 1, 12).timestamp(),) * 2)
    assert main(["cache"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"test +22 +listed +100% +[\d.]+ kB", told)
    assert re.search(r"short +10 +other +0% +[\d.]+ kB", told)
    assert re.search(r"\(cannot be read\).*2001-05-01 12:00\n\n3 scans", told), "used last first"
    assert str(cache) in told
    sizes = {scan.protein: scan.size for scan in cached_scans()}
    assert sizes["test"] == sum(
        path.stat().st_size
        for path in Path(Explorer(protein, NamedModel("listed")).scan.store_path).rglob("*")
        if path.is_file()
    )
    key = next(scan.key for scan in cached_scans() if scan.protein == "test")
    assert main(["cache", "--clear", key[:8]]) == 0
    assert re.fullmatch(r"1 scan removed, [\d.]+ kB freed\n", capsys.readouterr().out)
    assert {scan.protein for scan in cached_scans()} == {"", "short"}
    assert main(["cache", "--clear", "nothing"]) == 1
    assert "no scans" in capsys.readouterr().err
    assert main(["cache", "--clear"]) == 0
    assert "2 scans removed" in capsys.readouterr().out
    assert cached_scans() == [] and clear_cache() == (0, 0)


def test_a_scan_that_is_cleared_while_it_runs_does_no_harm(protein, cache):
    model = NamedModel("cleared", seconds=0.001)
    explorer = Explorer(protein, model)
    explorer.scan.start()
    clear_cache()
    explorer.scan.wait(30)
    np.testing.assert_array_equal(explorer.scan.log_probabilities, expected_pairs(model, SEQUENCE))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = finished(protein, model)
    np.testing.assert_array_equal(again.scan.log_probabilities, expected_pairs(model, SEQUENCE))
