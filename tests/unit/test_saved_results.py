"""Scans saved, loaded and replaced."""

import numpy as np
import pandas as pd
import pytest
from result_tools import PROVENANCE, SEQUENCE, half_of, log_probabilities, scan_of
from toy_models import ToyModel

from plmwidgets import Embeddings, Jacobian, compare, scan_pairs, scan_windows
from plmwidgets.protein import Protein
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.places import DamagedStoreError
from plmwidgets.scan.single import SingleScan
from plmwidgets.scan.store import PairStore, StoreError


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="toy")


@pytest.fixture
def scan(protein):
    return scan_of(protein)


@pytest.fixture
def half(protein):
    return half_of(protein)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saved_pair_scan_comes_back(tmp_path, protein, dtype):
    single, pair = log_probabilities(dtype)
    scan = PairScan(protein, SingleScan(protein, single, PROVENANCE), pair, PROVENANCE)
    scan.save(tmp_path / "scan.zarr")
    back = PairScan.load(tmp_path / "scan.zarr")
    np.testing.assert_array_equal(back.log_probabilities, pair)
    np.testing.assert_array_equal(back.single.log_probabilities, single)
    assert back.log_probabilities.dtype == dtype
    assert back.protein.sequence == SEQUENCE
    assert back.protein.name == "toy"
    assert back.provenance["model"] == "toy"
    assert back.provenance["identity"] == PROVENANCE["identity"]
    assert back.provenance["plmwidgets"]
    pd.testing.assert_frame_equal(back.to_pandas(), scan.to_pandas())


def test_unfinished_pair_scan_comes_back(tmp_path, half, protein):
    half.positions = (0, 1, 2, 3, 6)
    half.save(tmp_path / "scan.zarr")
    back = PairScan.load(tmp_path / "scan.zarr", protein)
    np.testing.assert_array_equal(back.log_probabilities, half.log_probabilities)
    assert back.positions == (0, 1, 2, 3, 6)
    assert (back.pairs_computed, back.pairs_total) == (6, 10)
    assert back.protein is protein
    nothing = PairScan(protein)
    nothing.save(tmp_path / "nothing.zarr")
    assert PairScan.load(tmp_path / "nothing.zarr").single is None


def test_single_scan_comes_back_alone_and_from_a_pair_scan(tmp_path, scan):
    scan.single.save(tmp_path / "single.zarr")
    scan.save(tmp_path / "pair.zarr")
    for name in ("single.zarr", "pair.zarr"):
        back = SingleScan.load(tmp_path / name)
        np.testing.assert_array_equal(back.log_probabilities, scan.single.log_probabilities)
        assert back.provenance["identity"] == PROVENANCE["identity"]


def test_store_of_a_scan_that_was_interrupted_can_be_loaded(tmp_path, protein):
    single, pair = log_probabilities()
    store = PairStore.create(
        tmp_path / "run.zarr",
        sequence=SEQUENCE,
        labels=protein.residue_labels,
        name="toy",
        identity=PROVENANCE["identity"],
    )
    with pytest.raises(StoreError, match="not computed yet"):
        SingleScan.load(tmp_path / "run.zarr")
    store.write_single(single)
    pair[:8, 8:], pair[8:] = np.nan, np.nan
    store.write_all(pair, np.where(np.isfinite(pair[..., 0]), Origin.EXACT, Origin.MISSING))
    scan = PairScan.load(tmp_path / "run.zarr")
    assert scan.pairs_computed == 28
    assert (scan.values("js_div") > 0).sum() == 56


def test_saving_over_something(tmp_path, scan):
    scan.save(tmp_path / "scan.zarr")
    with pytest.raises(StoreError, match="exists already"):
        scan.save(tmp_path / "scan.zarr")
    scan.save(tmp_path / "scan.zarr", replace=True)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep me")
    with pytest.raises(StoreError):
        scan.save(tmp_path / "notes", replace=True)
    assert (tmp_path / "notes" / "mine.txt").read_text() == "keep me"


def test_a_replacement_that_fails_leaves_the_older_scan(tmp_path, scan, monkeypatch):
    scan.save(tmp_path / "scan.zarr")

    def full(*_):
        raise StoreError("the disk is full")

    monkeypatch.setattr(PairStore, "write_all", full)
    with pytest.raises(StoreError, match="disk is full"):
        scan.save(tmp_path / "scan.zarr", replace=True)
    np.testing.assert_array_equal(
        PairScan.load(tmp_path / "scan.zarr", scan.protein).log_probabilities,
        scan.log_probabilities,
    )
    assert [path.name for path in tmp_path.iterdir()] == ["scan.zarr"]


def test_loading_what_is_not_there_or_belongs_to_another_protein(tmp_path, scan):
    with pytest.raises(FileNotFoundError, match=r"no pair scan at .*none\.zarr"):
        PairScan.load(tmp_path / "none.zarr")
    scan.save(tmp_path / "scan.zarr")
    other = Protein(SEQUENCE[::-1], name="other")
    for result in (PairScan, SingleScan):
        with pytest.raises(ValueError, match="differs from that of 'other'"):
            result.load(tmp_path / "scan.zarr", other)
        with pytest.raises(ValueError, match="differs from that of 'protein'"):
            result.load(tmp_path / "scan.zarr", other.sequence)
        with pytest.raises(TypeError, match="expected a Protein or a sequence, not int"):
            result.load(tmp_path / "scan.zarr", 3)
        assert result.load(tmp_path / "scan.zarr", SEQUENCE).protein == Protein(SEQUENCE)


@pytest.mark.parametrize("name", ["letters.txt", "zarr.json", "single/mine.txt"])
def test_a_folder_of_something_else_is_never_called_damaged(tmp_path, scan, name):
    file = tmp_path / "own" / name
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    calls = [
        lambda: scan_pairs(SEQUENCE, ToyModel("own folder"), store=tmp_path / "own"),
        *(lambda r=result: r.load(tmp_path / "own") for result in (PairScan, Jacobian, Embeddings)),
    ]
    for call in calls:
        with pytest.raises(StoreError, match=r"holds something else: choose another path$") as told:
            call()
        assert not isinstance(told.value, DamagedStoreError)
    assert file.read_text() == "{}"


def test_an_empty_path_is_not_the_working_directory(tmp_path, scan, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = ToyModel("empty path")
    calls = [
        lambda: scan_pairs(SEQUENCE, model, store=""),
        lambda: scan_windows(SEQUENCE, model, "", size=5),
        lambda: compare(SEQUENCE, [model], ""),
        lambda: scan.save(" "),
        lambda: PairScan.load(""),
        lambda: Jacobian.load(""),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"the path of a \w+ is empty: give one"):
            call()
    with pytest.raises(TypeError, match="path of a store must be text or a path, not int"):
        PairScan.load(3)
    assert not list(tmp_path.iterdir())
