import time

import numpy as np
import pytest
from toy_models import NanModel, ToyModel, expected_pairs

from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.protein import Protein
from plmwidgets.scan.blocks import TILE, Region, by_effect, in_turn, pair_blocks
from plmwidgets.scan.logits import amino_acid_columns
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.scan.single import SingleScan
from plmwidgets.scan.start import predict, prepare_pairs, scan_pairs, scan_singles

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQ"


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="test")


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.002)


# Blocks


@pytest.mark.parametrize("length", [2, 7, 8, 9, 37])
def test_blocks_hold_every_pair_once(length):
    pairs = [tuple(p) for block in pair_blocks(length) for p in block.pairs.tolist()]
    assert sorted(pairs) == [(i, j) for i in range(length) for j in range(i + 1, length)]


def test_blocks_of_some_positions_hold_their_pairs_only():
    chosen = [1, 2, 9, 30]
    pairs = [tuple(p) for block in pair_blocks(33, chosen) for p in block.pairs.tolist()]
    assert sorted(pairs) == [(1, 2), (1, 9), (1, 30), (2, 9), (2, 30), (9, 30)]


def test_blocks_with_the_strongest_predicted_pair_come_first():
    effect = np.zeros((40, 40))
    effect[37, 3] = 2.0  # either direction counts
    effect[10, 12] = 1.0
    first, second = by_effect(pair_blocks(40), effect)[:2]
    assert (first.row, first.column) == (3 // TILE, 37 // TILE)
    assert (second.row, second.column) == (1, 1)


def test_a_region_covers_its_pairs_both_ways_round():
    region = Region.of((2, 4), [10, 12], 20)
    pairs = np.array([[2, 10], [4, 12], [10, 3], [2, 3], [10, 12], [5, 11], [2, 13]])
    assert region.covers(pairs).tolist() == [True, True, True, False, False, False, False]


def test_blocks_that_touch_the_region_asked_for_last_come_next():
    blocks = pair_blocks(40)
    asked = []
    turn = in_turn(blocks, lambda: asked[-1] if asked else None)
    assert [next(turn) for _ in range(2)] == blocks[:2]
    asked.append(Region.of((30, 39), (30, 39), 40))
    first = [next(turn) for _ in range(2)]
    assert [(block.row, block.column) for block in first] == [(3, 3), (3, 4)]
    asked.append(Region.of((0, 0), (39, 39), 40))
    assert [(block.row, block.column) for block in [next(turn)]] == [(0, 4)]
    rest = list(turn)
    assert (rest[0].row, rest[0].column) == (4, 4), "what was asked for before comes next"
    assert rest[1:] == [block for block in blocks if block in rest[1:]], "then the order as it was"
    assert len(rest) == len(blocks) - 5


# A scan


def test_a_scan_equals_the_plain_loop(protein):
    model = ToyModel("loop")
    scan = scan_pairs(protein, model)
    scan.wait(30)
    assert scan.progress.status is ScanStatus.FINISHED
    np.testing.assert_array_equal(scan.log_probabilities, expected_pairs(model, SEQUENCE))
    singles = [model.expected(Context(SEQUENCE, (i,)))[i] for i in range(len(SEQUENCE))]
    np.testing.assert_array_equal(scan.single.log_probabilities, singles)
    # one pass for the sequence, one a residue, one an unordered pair: no work twice
    length = len(SEQUENCE)
    assert sum(map(len, model.calls)) == 1 + length + length * (length - 1) // 2


def test_a_scan_returns_at_once_and_reports_progress(protein):
    model = ToyModel("progress", seconds=0.002)
    scan = scan_pairs(protein, model)
    heard = []
    scan.subscribe(lambda: heard.append(scan.progress))
    assert scan.progress.status is ScanStatus.RUNNING
    scan.wait(60)
    done = [progress.done for progress in heard]
    assert done == sorted(done)
    assert done[-1] == scan.progress.total == 231
    assert any(progress.rate for progress in heard)
    assert {progress.stage for progress in heard} >= {"singles", "pairs"}
    assert "231 of 231 pairs" in str(scan.progress)
    assert repr(scan.progress) == f"<ScanProgress: {scan.progress}>"


def test_some_positions_only(protein):
    model = ToyModel("some")
    scan = scan_pairs(protein, model, positions="2-4, 20")
    scan.wait(30)
    np.testing.assert_array_equal(
        scan.log_probabilities, expected_pairs(model, SEQUENCE, [1, 2, 3, 19])
    )
    assert scan.progress.total == 6
    assert len(scan.to_pandas()) == 12


def test_pause_keeps_what_is_done_and_resume_does_only_the_rest(protein):
    model = ToyModel("pause", seconds=0.02)
    scan = scan_pairs(protein, model)
    wait_for(lambda: scan.progress.done > 20)
    scan.pause()
    assert scan.progress.status is ScanStatus.PAUSED
    scan.wait(10)  # returns: nothing runs
    time.sleep(0.2)  # the slice in hand still counts
    held = scan.progress.done
    time.sleep(0.2)
    assert scan.progress.done == held < 231
    model.seconds = 0
    scan.resume()
    scan.wait(60)
    np.testing.assert_array_equal(scan.log_probabilities, expected_pairs(model, SEQUENCE))
    counted = 1 + len(SEQUENCE) + 231
    assert counted <= sum(map(len, model.calls)) <= counted + 64  # the slice given up, at most


def masked_pairs(calls):
    """The pairs a model was asked for, in order."""
    return [context.masked for call in calls for context in call if len(context.masked) == 2]


def test_a_region_is_computed_next():
    model = ToyModel("urgent", seconds=0.0005)
    scan = scan_pairs(Protein(SEQUENCE * 3, name="long"), model)
    wait_for(lambda: scan.progress.done > 0)
    begun = {(i // TILE, j // TILE) for i, j in masked_pairs(model.calls)}
    column = next(tile for tile in range(8, 0, -1) if (0, tile) not in begun) * TILE
    columns = (column, min(column + TILE, 66) - 1)
    scan.prioritise(columns, (0, TILE - 1))  # either way round
    asked = len(masked_pairs(model.calls))
    assert scan.prioritised == Region(columns, (0, TILE - 1))
    scan.wait(60)
    assert scan.prioritised is None
    order = masked_pairs(model.calls)
    last = max(at for at, (i, j) in enumerate(order) if i < TILE and j // TILE == column // TILE)
    # Two groups were in hand and a third was being put together, each of two tiles at most.
    assert last < asked + 3 * 2 * TILE**2 + TILE**2 < len(order)


def test_a_region_asked_for_before_the_start_comes_first():
    long = Protein(SEQUENCE * 2, name="long")
    model = ToyModel("urgent before")
    scan = prepare_pairs(long, model)
    scan.prioritise((24, 39), (0, 7))
    scan.start()
    scan.wait(60)
    first = masked_pairs(model.calls)[:128]
    assert sorted(first) == [(i, j) for i in range(8) for j in range(24, 40)]
    assert sum(map(len, model.calls)) == 1 + 44 + 44 * 43 // 2, "and nothing twice"


def test_priorities_of_what_cannot_run_do_no_harm(protein, tmp_path):
    scan = scan_pairs(protein, ToyModel("idle"))
    scan.wait(30)
    scan.prioritise((0, 3), (4, 9))
    assert scan.prioritised is None
    scan.save(tmp_path / "kept.zarr")
    loaded = PairScan.load(tmp_path / "kept.zarr")
    loaded.prioritise((0, 3), (4, 9))
    assert loaded.prioritised is None
    with pytest.raises(ValueError, match="counted from 0 to 21"):
        loaded.prioritise((0, 3), (4, 22))


def test_cancel_keeps_what_is_done(protein):
    model = ToyModel("cancel", seconds=0.004)
    scan = scan_pairs(protein, model)
    wait_for(lambda: scan.progress.done > 20)
    scan.cancel()
    assert scan.progress.status is ScanStatus.CANCELLED
    assert len(scan.to_pandas()) >= 40
    scan.start()
    scan.wait(60)
    assert scan.progress.status is ScanStatus.FINISHED


def test_a_click_is_answered_while_a_scan_runs(protein):
    model = ToyModel("click", seconds=0.01)
    scan = scan_pairs(protein, model)
    wait_for(lambda: scan.progress.done > 30)
    before = sum(map(len, model.calls))
    table = predict(protein, model, masked={3, 7})
    passes = sum(map(len, model.calls)) - before
    assert scan.progress.status is ScanStatus.RUNNING
    assert passes <= 17  # itself and the slices of about 50 ms around it, not the scan's 231
    np.testing.assert_allclose(
        table.to_numpy(), np.exp(model.expected(Context(SEQUENCE, (3, 7)))), atol=1e-6
    )
    scan.cancel()


def test_a_model_that_returns_nan_fails_the_scan_and_keeps_the_rest(protein):
    scan = scan_pairs(protein, NanModel(bad_position=21))
    with pytest.raises(ModelError, match=r"nan-toy.*masked"):
        scan.wait(30)
    assert scan.progress.status is ScanStatus.FAILED
    assert "nan-toy" in scan.progress.message
    assert scan.single is not None


def test_a_broken_listener_does_not_end_the_scan(protein, caplog):
    scan = prepare_pairs(protein, ToyModel("listener"))

    def broken():
        raise RuntimeError("listener")

    scan.subscribe(broken)
    scan.start()
    scan.wait(30)
    assert scan.progress.status is ScanStatus.FINISHED
    assert "listener" in caplog.text


def test_wait_times_out_and_the_scan_goes_on(protein):
    scan = scan_pairs(protein, ToyModel("timeout", seconds=0.01))
    with pytest.raises(TimeoutError, match="still running"):
        scan.wait(0.1)
    for timeout in ("x", -1, True):
        with pytest.raises(ValueError, match=f"timeout={timeout!r}: it is a number, at least 0"):
            scan.wait(timeout=timeout)
    assert scan.progress.status is ScanStatus.RUNNING
    scan.cancel()


def test_pausing_while_the_singles_run_stops_after_the_slice(protein):
    model = ToyModel("pause singles", seconds=0.06)  # one context a slice
    scan = scan_pairs(protein, model)
    wait_for(lambda: len(model.calls) > 2)
    scan.pause()
    scan.wait()
    time.sleep(0.15)
    assert len(model.calls) < 12
    model.seconds = 0
    scan.resume()
    scan.wait(30)
    np.testing.assert_array_equal(scan.log_probabilities, expected_pairs(model, SEQUENCE))


# The other verbs


def test_predict_is_a_labelled_frame_of_probabilities(protein):
    model = ToyModel("predict")
    table = predict(SEQUENCE, model, masked="3-4", substitutions={0: "W"})
    want = np.exp(model.expected(Context(SEQUENCE, (2, 3), ((0, "W"),))))
    np.testing.assert_allclose(table.to_numpy(), want, rtol=1e-6)
    assert list(table.columns) == list("ACDEFGHIKLMNPQRSTVWY")
    assert table.index[1] == "K2"
    same = predict(SEQUENCE, model, masked="3-4", substitutions="M1W")
    np.testing.assert_array_equal(same, table)


def test_scan_singles_equals_the_plain_loop(protein):
    model = ToyModel("singles")
    scan = scan_singles(protein, model)
    want = [model.expected(Context(SEQUENCE, (i,)))[i] for i in range(len(SEQUENCE))]
    np.testing.assert_array_equal(scan.log_probabilities, want)
    assert scan.provenance["model"] == "singles"


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda m: predict("", m), ValueError, "empty"),
        (lambda m: predict(SEQUENCE, m, masked=[99]), IndexError, "0 to 21"),
        (lambda m: predict(SEQUENCE, m, masked=[-1]), IndexError, "out of range"),
        (lambda m: predict(SEQUENCE, m, masked=[1.5]), IndexError, "out of range"),
        (
            lambda m: predict(SEQUENCE, m, masked=["M1", "3"]),
            IndexError,
            "'M1'.* in one text, such",
        ),
        (lambda m: predict(SEQUENCE, m, substitutions={0: "J!"}), ValueError, "substitute"),
        (lambda m: predict(SEQUENCE, m, substitutions={0: "*"}), ValueError, "VWY, or of XBZUOJ"),
        (lambda m: PairScan.from_logits(1, 2, 3), TypeError, "a Protein or a sequence, not int"),
        (lambda m: SingleScan.from_logits(1, 2, 3), TypeError, "a Protein or a sequence, not int"),
        (lambda m: amino_acid_columns(3), ValueError, "a sequence of tokens .*, not int"),
        (lambda m: predict(42, m), TypeError, "Protein"),
        (lambda m: scan_pairs("A", m), ValueError, "two residues"),
        (lambda m: scan_pairs("ACDE" * 5000, m), ValueError, "at most 4,000 residues.*domains"),
        (lambda m: scan_pairs(SEQUENCE, m, positions=[3]), ValueError, "two positions"),
        (lambda m: scan_pairs(SEQUENCE, m, positions=[3, 400]), IndexError, "out of range"),
        (lambda m: scan_pairs(SEQUENCE, m, postions=[3, 4]), TypeError, "postions"),
        (lambda m: PairScan.load("/nowhere/at/all"), FileNotFoundError, "no pair scan"),
    ],
)
def test_wrong_arguments_are_explained(call, error, match):
    with pytest.raises(error, match=match):
        call(ToyModel("wrong"))


def test_a_loaded_scan_says_how_to_go_on(protein, tmp_path):
    scan_pairs(protein, ToyModel("loaded"), store=tmp_path / "scan.zarr").wait(30)
    with pytest.raises(RuntimeError, match="scan_pairs"):
        PairScan.load(tmp_path / "scan.zarr").start()
