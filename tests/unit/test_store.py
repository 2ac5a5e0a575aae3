import errno

import numpy as np
import pytest
from toy_models import ToyModel, expected_pairs
from view_tools import SEQUENCE, wait_for

from plmwidgets.protein import Protein
from plmwidgets.scan.blocks import TILE
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.scan.start import prepare_pairs, scan_pairs
from plmwidgets.scan.store import PairStore, StoreError


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="test")


def test_the_same_call_resumes_from_the_store_and_computes_only_what_is_missing(protein, tmp_path):
    store = tmp_path / "scan.zarr"
    model = ToyModel("resume", seconds=0.004)
    scan = scan_pairs(protein, model, store=store)
    wait_for(lambda: scan.progress.done > 100)
    scan.cancel()
    scan.wait(10)
    again = ToyModel("resume", revision="1")
    kept = PairScan.load(store)
    kept_pairs = kept.pairs_computed
    assert 0 < kept_pairs < 231
    resumed = prepare_pairs(protein, again, store=store)
    assert resumed.progress.done == kept_pairs
    assert resumed.progress.status is ScanStatus.PAUSED
    model.calls.clear()
    model.seconds = 0
    resumed.start()
    resumed.wait(30)
    # The service is shared by identity, so that the first model object does the work.
    assert sum(map(len, model.calls)) + sum(map(len, again.calls)) == 231 - kept_pairs
    np.testing.assert_array_equal(resumed.log_probabilities, expected_pairs(model, SEQUENCE))
    loaded = PairScan.load(store)
    np.testing.assert_array_equal(loaded.log_probabilities, resumed.log_probabilities)
    assert loaded.progress.status is ScanStatus.FINISHED


def test_the_same_call_while_a_scan_runs_returns_that_scan(protein, tmp_path):
    model = ToyModel("twice", seconds=0.01)
    first = scan_pairs(protein, model, store=tmp_path / "scan.zarr")
    assert scan_pairs(protein, model, store=tmp_path / "scan.zarr") is first
    with pytest.raises(StoreError, match="another scan"):
        scan_pairs(protein, ToyModel("other"), store=tmp_path / "scan.zarr")
    first.cancel()
    first.wait(10)
    second = prepare_pairs(protein, model, store=tmp_path / "scan.zarr")
    assert second is not first


@pytest.mark.parametrize(
    ("sequence", "model", "positions", "match"),
    [
        ("MKTAYIAKQRQISFVKSHFSRA", ToyModel("owner"), None, "its sequence is that of 'test'"),
        (SEQUENCE, ToyModel("other"), None, "checkpoint is 'owner', not 'other'"),
        (SEQUENCE, ToyModel("owner", revision="2"), None, "revision is '1', not '2'"),
        (SEQUENCE, ToyModel("owner"), [1, 2, 3], "another set of positions"),
    ],
)
def test_a_store_of_another_scan_is_refused_by_name(
    protein, tmp_path, sequence, model, positions, match
):
    store = tmp_path / "scan.zarr"
    scan_pairs(protein, ToyModel("owner"), store=store).wait(30)
    with pytest.raises(StoreError, match=match):
        scan_pairs(Protein(sequence), model, store=store, positions=positions)


def test_a_store_that_cannot_be_written_is_refused_before_anything_is_computed(protein, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    model = ToyModel("unwritable")
    with pytest.raises(StoreError, match="choose another path"):
        scan_pairs(protein, model, store=tmp_path / "file" / "scan.zarr")
    with pytest.raises(StoreError, match="not a pair scan"):
        scan_pairs(protein, model, store=tmp_path)
    assert model.calls == []


def test_a_full_disk_fails_the_scan_in_plain_words_and_loses_nothing(
    protein, tmp_path, monkeypatch
):
    store = tmp_path / "scan.zarr"
    model = ToyModel("full")
    scan = prepare_pairs(protein, model, store=store)
    write, calls = PairStore.write_block, []

    def full_after_two(self, *block_and_arrays):
        calls.append(block_and_arrays[0])
        if len(calls) == 3:
            monkeypatch.setattr(
                "zarr.Array.__setitem__",
                lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")),
            )
        write(self, *block_and_arrays)

    monkeypatch.setattr(PairStore, "write_block", full_after_two)
    scan.start()
    with pytest.raises(StoreError, match=r"disk is full.*free some space"):
        scan.wait(30)
    assert scan.progress.status is ScanStatus.FAILED
    done = scan.progress.done
    assert done >= 2 * TILE
    monkeypatch.undo()
    scan.resume()
    scan.wait(30)
    np.testing.assert_array_equal(
        PairScan.load(store).log_probabilities, expected_pairs(model, SEQUENCE)
    )


def test_a_damaged_chunk_is_named_and_computed_again(protein, tmp_path):
    store = tmp_path / "scan.zarr"
    scan_pairs(protein, ToyModel("damaged"), store=store).wait(30)
    chunk = next(iter(sorted((store / "pairs" / "c").rglob("0/1/0/0"))))
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 0xFF
    chunk.write_bytes(content)
    model = ToyModel("damaged")
    with pytest.warns(UserWarning, match=r"chunk 0,1 of pairs .* is damaged"):
        scan = scan_pairs(protein, model, store=store)
    scan.wait(30)
    np.testing.assert_array_equal(
        PairScan.load(store).log_probabilities, expected_pairs(model, SEQUENCE)
    )


def test_a_store_may_be_an_empty_folder_and_is_there_whole_or_not_at_all(
    protein, tmp_path, monkeypatch
):
    model = ToyModel("empty")
    (tmp_path / "mine").mkdir()
    scan_pairs(protein, model, store=tmp_path / "mine").wait(30)
    assert PairScan.load(tmp_path / "mine").progress.status is ScanStatus.FINISHED

    def killed(*_):
        raise KeyboardInterrupt

    store = tmp_path / "scan.zarr"
    with monkeypatch.context() as patch:
        patch.setattr("plmwidgets.scan.places._Folder.write_new", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare_pairs(protein, model, store=store)
    assert store.exists()
    with pytest.raises(FileNotFoundError, match="no pair scan"):
        PairScan.load(store)
    assert prepare_pairs(protein, model, store=store).progress.status is ScanStatus.READY


def test_a_store_without_the_predicted_effects_gets_them(protein, tmp_path):
    scan = scan_pairs(protein, ToyModel("saved"))
    scan.wait(30)
    scan.log_probabilities[:9, 9:] = np.nan
    scan.log_probabilities[9:, :9] = np.nan
    scan.save(tmp_path / "scan.zarr")
    scan_pairs(protein, ToyModel("saved"), store=tmp_path / "scan.zarr").wait(30)
    assert PairStore.open(tmp_path / "scan.zarr").read_effect() is not None
