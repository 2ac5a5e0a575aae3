"""What a store does when the world around it is not as it should be; damage is in test_crashes."""

import errno
import json
import os
import shutil
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_models import ToyModel, expected_pairs
from view_tools import SEQUENCE

from plmwidgets.protein import Protein
from plmwidgets.scan import description, stored
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.scan.start import prepare_pairs, scan_pairs
from plmwidgets.scan.store import PairStore, StoreError

DAY = 24 * 3600


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="test")


@pytest.fixture
def finished(protein, tmp_path):
    scan_pairs(protein, ToyModel("faults"), store=tmp_path / "scan.zarr").wait(30)
    return tmp_path / "scan.zarr"


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    """A folder without write permission; for root, whom that does not stop, one that refuses."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        for name in ("mkdir", "write_bytes"):
            real = getattr(Path, name)

            def refuses(self, *arguments, _real=real, **options):
                if folder in self.parents:
                    raise PermissionError(errno.EACCES, "Permission denied", str(self))
                return _real(self, *arguments, **options)

            monkeypatch.setattr(Path, name, refuses)
    yield folder
    folder.chmod(0o700)


def test_a_read_only_folder_is_refused(protein, read_only):
    model = ToyModel("read-only")
    with pytest.raises(StoreError, match="read-only"):
        scan_pairs(protein, model, store=read_only / "scan.zarr")
    assert model.calls == []


def whole():
    return expected_pairs(ToyModel("faults"), SEQUENCE)


def rewritten(path, change):
    content = json.loads(path.read_text())
    change(content["attributes"])
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("version", ["0.0.1", "99.1"])
def test_a_store_of_another_package_version_goes_on(protein, tmp_path, monkeypatch, version):
    with monkeypatch.context() as patch:
        patch.setattr(stored, "__version__", version)
        scan_pairs(protein, ToyModel("faults"), store=tmp_path / "scan.zarr").wait(30)
    assert PairStore.open(tmp_path / "scan.zarr").metadata["provenance"]["plmwidgets"] == version
    shutil.rmtree(tmp_path / "scan.zarr" / "pairs" / "c" / "0" / "1")
    scan = prepare_pairs(protein, ToyModel("faults"), store=tmp_path / "scan.zarr")
    assert scan.progress.done == 231 - 64
    scan.start()
    scan.wait(30)
    np.testing.assert_array_equal(scan.log_probabilities, whole())


def test_a_store_of_a_newer_format_is_refused(protein, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(PairStore, "kind", replace(PairStore.kind, version=99))
        scan_pairs(protein, ToyModel("newer"), store=tmp_path / "scan.zarr").wait(30)
    with pytest.raises(StoreError, match=r"newer plmwidgets .*: upgrade this one"):
        PairScan.load(tmp_path / "scan.zarr")


@pytest.mark.parametrize("version", [1, 2])
def test_a_store_of_an_older_format_goes_on(protein, finished, version):
    def older(attributes):
        del attributes["checksum"], attributes["dtype"]
        attributes["format_version"] = version

    rewritten(finished / "zarr.json", older)
    rewritten(finished / "pairs" / "zarr.json", dict.clear)
    for later in ("scattered", "estimates"):
        shutil.rmtree(finished / later)
    shutil.rmtree(finished / "pairs" / "c" / "0" / "1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scan = prepare_pairs(protein, ToyModel("faults"), store=finished)
    assert scan.progress.done == 231 - 64
    scan.start()
    scan.wait(30)
    back = PairScan.load(finished)
    np.testing.assert_array_equal(back.log_probabilities, whole())


def test_a_description_damaged_in_both_places_is_refused_and_nothing_is_touched(finished):
    (finished / "zarr.json").write_text("{")
    (finished / "pairs" / "zarr.json").write_text("{")
    chunks = sorted(finished.rglob("c/*"))
    with pytest.raises(StoreError, match=r"what describes it is damaged. Use another path"):
        PairScan.load(finished)
    assert sorted(finished.rglob("c/*")) == chunks


def test_a_scan_does_not_heed_the_clock(protein, tmp_path, monkeypatch):
    jumps = np.random.default_rng(0)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + float(jumps.uniform(-1000, 1000)) * DAY)
    heard = []
    model = ToyModel("clock", seconds=0.001)
    scan = prepare_pairs(protein, model, store=tmp_path / "scan.zarr")
    scan.subscribe(lambda: heard.append(scan.progress))
    scan.start()
    scan.wait(30)
    assert scan.progress.status is ScanStatus.FINISHED
    assert all(0 <= told.elapsed < 60 for told in heard)
    assert all(told.remaining is None or 0 <= told.remaining < 60 for told in heard)
    back = prepare_pairs(protein, model, store=tmp_path / "scan.zarr")
    assert back.progress.status is ScanStatus.FINISHED
    np.testing.assert_array_equal(back.log_probabilities, expected_pairs(model, SEQUENCE))


def test_what_killed_processes_left_long_ago_is_removed_when_a_scan_goes_on(protein, finished):
    old, new = finished / "pairs" / "c" / "0.abc.partial", finished / "single" / "c" / "0.d.partial"
    half = finished.with_name(".scan.zarr.0123.new")
    half.mkdir()
    for path in (old, new, half / "zarr.json"):
        path.write_text("left over")
    for path in (old, half):
        os.utime(path, (time.time() - 2 * DAY,) * 2)
    prepare_pairs(protein, ToyModel("faults"), store=finished)
    assert not old.exists() and not half.exists()
    assert new.exists(), "another process may be writing it"


@pytest.mark.parametrize("renames", [0, 1])
def test_a_kill_while_a_scan_is_replaced_loses_neither(finished, monkeypatch, renames):
    before = PairScan.load(finished)
    done = []
    real = Path.rename

    def killed(self, target):
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(target)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            before.save(finished, replace=True)
    after = PairScan.load(finished)
    np.testing.assert_array_equal(after.log_probabilities, before.log_probabilities)
    assert after.progress.status is ScanStatus.FINISHED


def test_two_that_write_a_block_keep_what_the_other_has_put_there(protein, tmp_path):
    model = ToyModel("shared")
    scan = prepare_pairs(protein, model, store=tmp_path / "scan.zarr")
    block = scan._run._blocks[1]
    one, other = (PairStore.open(tmp_path / "scan.zarr") for _ in range(2))
    exact = expected_pairs(model, SEQUENCE)
    half = np.zeros(scan.origin.shape, dtype=np.uint8)
    half[:4] = Origin.EXACT
    estimates = np.full_like(exact, -1.0)
    # An exact scan finishes a block; a superposed one, which knows less of it, writes later.
    one.write_block(block, exact, np.full_like(half, Origin.EXACT))
    other.write_estimates(estimates, np.full_like(half, Origin.ESTIMATED))
    other.write_block(block, np.where(half[..., None] == Origin.EXACT, exact, estimates), half)
    directed, origin = one.read_pairs()
    i, j = block.pairs.T
    assert (origin[i, j] == Origin.EXACT).all()
    np.testing.assert_array_equal(directed[i, j], exact[i, j])
    assert (origin == Origin.ESTIMATED).sum() == 2 * (231 - len(block.pairs))


@pytest.mark.parametrize("faster", ["first", "second"])
def test_who_is_late_to_create_a_store_is_told_whose_it_is(protein, tmp_path, monkeypatch, faster):
    place = tmp_path / "scan.zarr"
    real = description.create

    def late(*arguments):
        monkeypatch.undo()
        prepare_pairs(protein, ToyModel(faster), store=place)
        real(*arguments)

    monkeypatch.setattr(description, "create", late)
    if faster == "second":
        assert prepare_pairs(protein, ToyModel("second"), store=place).progress.status == "ready"
    else:
        with (
            pytest.warns(UserWarning, match="written again"),
            pytest.raises(StoreError, match="belongs to another scan"),
        ):
            prepare_pairs(protein, ToyModel("second"), store=place)
    assert prepare_pairs(protein, ToyModel(faster), store=place).progress.status == "ready"
