"""Categorical Jacobians on disk: they go on where they stopped, and tell what does not fit."""

import errno
import gc
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from toy_models import ShapeModel, ToyModel
from view_tools import SEQUENCE, wait_for

from plmwidgets import Jacobian, PairScan, Protein, StoreError, jacobian, scan_pairs
from plmwidgets.methods.jacobian import rows as jacobian_rows
from plmwidgets.methods.jacobian.rows import JacobianStore
from plmwidgets.scan.progress import ScanStatus

LENGTH = len(SEQUENCE)
METHODS = ["full", "fast"]
PLACES = ["in memory", "on disk alone"]


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="test")


@pytest.fixture(params=PLACES)
def placed(request, monkeypatch):
    """Hold rows in memory, or on disk alone, whatever their size."""
    if request.param == "on disk alone":
        monkeypatch.setattr(jacobian_rows, "IN_MEMORY", 0)


def finished(protein, model, **options):
    found = jacobian(protein, model, **options)
    found.wait(30, quiet=True)
    return found


def rows_of(found):
    return found.rows.read(slice(0, LENGTH))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("placed")
def test_one_that_was_interrupted_equals_one_that_was_not_bit_for_bit(protein, tmp_path, method):
    batch = {"full": 40, "fast": 8}[method]
    whole = finished(protein, ShapeModel(batch, revision=f"{tmp_path}"), method=method)
    other = finished(protein, ShapeModel(16, revision=f"other {tmp_path}"), method=method)
    assert (rows_of(whole) != rows_of(other)).any()  # the model can tell
    slow = ShapeModel(batch, seconds=0.002, revision=f"slow {tmp_path}")
    found = jacobian(protein, slow, method=method, store=tmp_path / "j.zarr")
    wait_for(lambda: found.progress.done >= 1)
    found.cancel()
    found.wait(10, quiet=True)
    done = found.progress.done
    assert 1 <= done < LENGTH
    slow.seconds, before = 0, sum(map(len, slow.calls))
    again = finished(protein, slow, method=method, store=tmp_path / "j.zarr")
    each = {"full": 19, "fast": 1}[method]
    assert sum(map(len, slow.calls)) - before == each * (LENGTH - done) + (method == "full")
    np.testing.assert_array_equal(rows_of(again), rows_of(whole))
    np.testing.assert_array_equal(again.contacts(), whole.contacts())


KILLED = """
import sys
from toy_models import ToyModel
from plmwidgets import jacobian
found = jacobian(sys.argv[1], ToyModel("jacobian killed", seconds=0.002), store=sys.argv[2])
while found.progress.done < 5:
    pass
print("some", flush=True)
found.wait(quiet=True)
"""


def test_a_killed_process_loses_at_most_the_rows_in_hand(protein, tmp_path):
    store = tmp_path / "j.zarr"
    paths = [os.path.dirname(sys.modules["toy_models"].__file__), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, SEQUENCE, str(store)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert process.stdout.readline() == "some\n"
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    kept = Jacobian.load(store, protein)
    done = kept.progress.done
    assert 4 <= done < LENGTH  # the fifth may have been on its way to the disk
    assert kept.progress.status is ScanStatus.PAUSED
    with pytest.raises(RuntimeError, match=r"not finished .*jacobian\(protein, model, store=path"):
        kept.contacts()
    with pytest.raises(RuntimeError, match="no model to run on"):
        kept.resume()
    model = ToyModel("jacobian killed")
    found = finished(protein, model, store=store)
    assert sum(map(len, model.calls)) == 19 * (LENGTH - done) + 1
    np.testing.assert_array_equal(
        rows_of(found), rows_of(finished(protein, ToyModel("jacobian killed")))
    )


@pytest.mark.parametrize(
    ("sequence", "model", "options", "match"),
    [
        (SEQUENCE[:-1] + "A", ToyModel("owner"), {}, "its sequence is that of 'test'"),
        (SEQUENCE, ToyModel("other"), {}, "checkpoint is 'owner', not 'other'"),
        (SEQUENCE, ToyModel("owner", revision="2"), {}, "revision is '1', not '2'"),
        (SEQUENCE, ToyModel("owner"), {"method": "fast"}, "method is 'full', not 'fast'"),
    ],
)
def test_a_store_of_another_one_is_refused_in_words(
    protein, tmp_path, sequence, model, options, match
):
    store = tmp_path / "j.zarr"
    finished(protein, ToyModel("owner"), store=store)
    with pytest.raises(StoreError, match=rf"another Jacobian: .*{match}"):
        jacobian(sequence, model, store=store, **options)
    assert model.calls == []


def test_kinds_of_stores_are_not_mixed_up(protein, tmp_path):
    one, other = tmp_path / "scan.zarr", tmp_path / "j.zarr"
    scan_pairs(protein, ToyModel("kinds"), store=one).wait(30, quiet=True)
    found = finished(protein, ToyModel("kinds"), store=other)
    with pytest.raises(StoreError, match="not a categorical Jacobian of plmwidgets"):
        jacobian(protein, ToyModel("kinds"), store=one)
    with pytest.raises(StoreError, match="not a categorical Jacobian of plmwidgets"):
        found.save(one, replace=True)
    with pytest.raises(StoreError, match="not a pair scan of plmwidgets"):
        PairScan.load(other)
    assert PairScan.load(one).progress.status is ScanStatus.FINISHED


@pytest.mark.usefixtures("placed")
def test_a_damaged_row_is_named_and_computed_again(protein, tmp_path):
    store = tmp_path / "j.zarr"
    whole = rows_of(finished(protein, ToyModel("damaged"), store=store)).copy()
    chunk = next(path for path in (store / "rows" / "c" / "4").rglob("*") if path.is_file())
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 0xFF
    chunk.write_bytes(content)
    model = ToyModel("damaged", revision="1")
    with pytest.warns(UserWarning, match=r"row of position 4 \(0-based\) in .* is damaged"):
        found = jacobian(protein, model, store=store)
    found.wait(30, quiet=True)
    np.testing.assert_array_equal(rows_of(found), whole)
    assert Jacobian.load(store).complete


def test_damaged_norms_are_computed_again(protein, tmp_path):
    store = tmp_path / "j.zarr"
    whole = finished(protein, ToyModel("norms"), store=store).contacts()
    chunk = store / "norms" / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-9])
    with pytest.warns(UserWarning, match="norms in .* is damaged"):
        loaded = Jacobian.load(store, protein)
    np.testing.assert_array_equal(loaded.contacts(), whole)


@pytest.mark.usefixtures("placed")
def test_a_full_disk_ends_it_in_plain_words_and_loses_nothing(protein, tmp_path, monkeypatch):
    store, model = tmp_path / "j.zarr", ToyModel("full disk")
    write = JacobianStore.write_row

    def full_at_six(self, position, row):
        if position == 6:
            monkeypatch.setattr(
                "zarr.Array.__setitem__",
                lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")),
            )
        write(self, position, row)

    monkeypatch.setattr(JacobianStore, "write_row", full_at_six)
    found = jacobian(protein, model, store=store)
    with pytest.raises(StoreError, match=r"disk is full.*free some space"):
        found.wait(30, quiet=True)
    assert found.progress.done >= 6
    monkeypatch.undo()
    found.resume()
    found.wait(30, quiet=True)
    loaded = Jacobian.load(store, protein)
    np.testing.assert_array_equal(rows_of(loaded), rows_of(finished(protein, model)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("placed")
def test_what_is_saved_is_loaded(protein, tmp_path, method):
    found = finished(protein, ToyModel(f"saved {method}"), method=method)
    found.save(tmp_path / "j.zarr")
    loaded = Jacobian.load(tmp_path / "j.zarr", protein)
    assert (loaded.method, loaded.protein) == (method, protein)
    assert loaded.progress.status is ScanStatus.FINISHED
    np.testing.assert_array_equal(loaded.contacts(), found.contacts())
    if method == "full":
        np.testing.assert_array_equal(loaded.block(2, 9), found.block(2, 9))
    with pytest.raises(StoreError, match="exists already"):
        found.save(tmp_path / "j.zarr")
    found.save(tmp_path / "j.zarr", replace=True)
    assert Jacobian.load(tmp_path / "j.zarr").complete
    with pytest.raises(ValueError, match="holds a Jacobian of 'test'"):
        Jacobian.load(tmp_path / "j.zarr", Protein("MKT"))


def test_the_same_call_while_it_runs_returns_it(protein, tmp_path):
    model = ToyModel("twice", seconds=0.002)
    first = jacobian(protein, model, store=tmp_path / "j.zarr")
    assert jacobian(protein, model, store=tmp_path / "j.zarr") is first
    rows = first.rows
    del first
    gc.collect()  # as in a cell that gives its result no name
    first = jacobian(protein, model, store=tmp_path / "j.zarr")
    assert first.rows is rows
    assert str(first.store_path) == str(tmp_path / "j.zarr")
    with pytest.raises(StoreError, match="another Jacobian"):
        jacobian(protein, model, store=tmp_path / "j.zarr", method="fast")
    first.cancel()
    first.wait(10, quiet=True)
    second = jacobian(protein, model, store=tmp_path / "j.zarr")
    assert second is not first
    second.cancel()


def test_a_store_may_be_a_url(protein):
    found = finished(protein, ToyModel("by url"), store="memory://jacobian/j.zarr")
    loaded = Jacobian.load("memory://jacobian/j.zarr", protein)
    np.testing.assert_array_equal(loaded.contacts(), found.contacts())


def test_digits_of_exact_models_are_kept(tmp_path):
    found = finished(Protein.demo(), "potts-demo", store=tmp_path / "j.zarr")
    assert found.rows.dtype == "float64"
    loaded = Jacobian.load(tmp_path / "j.zarr")
    np.testing.assert_array_equal(loaded.block(3, 58), found.block(3, 58))
