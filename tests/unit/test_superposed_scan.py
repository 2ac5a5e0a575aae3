"""Superposed scans as a person meets them: control, resume, upgrade, export, refusals."""

import gc
import threading
import time
import warnings
import weakref

import numpy as np
import pytest
from toy_models import ToyModel

from plmwidgets import PairScan, Protein, load_model, scan_pairs
from plmwidgets.models import Context, ModelError
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.start import prepare_pairs
from plmwidgets.scan.store import PairStore, StoreError

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLE"
L = len(SEQUENCE)


@pytest.fixture
def protein():
    return Protein(SEQUENCE)


@pytest.fixture
def model(tiny_esm2):
    return load_model(tiny_esm2, device="cpu")


@pytest.fixture(scope="module")
def exact(tiny_esm2):
    scan = scan_pairs(Protein(SEQUENCE), load_model(tiny_esm2, device="cpu"))
    scan.wait(60)
    return scan


def finished(*arguments, **options):
    scan = scan_pairs(*arguments, method="superposed", **options)
    scan.wait(60)
    return scan


def test_every_pair_has_numbers_and_says_how_it_got_them(protein, model, exact):
    scan = finished(protein, model, replacements=7, audit=20)
    assert scan.computed.sum() == L * (L - 1)
    assert np.count_nonzero(scan.origin == Origin.EXACT) == 2 * 27
    assert scan.pairs_estimated == L * (L - 1) // 2 - 27
    checked = scan.origin == Origin.EXACT
    # Batches of another size round differently.
    np.testing.assert_allclose(
        scan.log_probabilities[checked], exact.log_probabilities[checked], atol=1e-5
    )
    np.testing.assert_allclose(
        scan.single.log_probabilities, exact.single.log_probabilities, atol=1e-5
    )
    np.testing.assert_array_equal(scan.origin, scan.origin.T)
    assert not np.diag(scan.origin).any()
    assert f"({scan.pairs_estimated:,} estimated)" in repr(scan)


def test_the_audit_states_the_error_against_the_exact_scan(protein, model, exact):
    everything = L * (L - 1) // 2
    scan = finished(protein, model, replacements=0, audit=everything)
    raw = finished(protein, model, replacements=0, audit=2)
    left = raw.origin == Origin.ESTIMATED
    error = np.abs(raw.values("js_dist") - exact.values("js_dist"))[left]
    assert scan.audit.error_mean == pytest.approx(error.mean(), rel=0.05)
    assert scan.audit.error_max == pytest.approx(error.max(), rel=1e-3)
    assert scan.audit.error_max > 1e-3  # the network is deep enough for the pass to err
    assert scan.pairs_estimated == 0


def test_passes_grow_linearly_with_the_length(model):
    passes = []
    for length in (12, 24, 48):
        scan = finished(Protein((SEQUENCE * 2)[:length]), model, audit=10)
        passes.append(scan.audit.passes)
    # Singles, contexts and rows of the pass, replacements: a fixed number for each residue.
    assert passes[1] - passes[0] == pytest.approx((passes[2] - passes[1]) / 2, rel=0.1)
    assert passes[2] < 6.5 * 48


def test_progress_reaches_its_end_through_its_stages(protein, model, monkeypatch):
    real = type(model).pair_pass

    def slowly(self, *arguments):
        steps = real(self, *arguments)
        while True:
            try:
                share = next(steps)
            except StopIteration as end:
                return end.value
            time.sleep(0.02)  # so that each step is told
            yield share

    monkeypatch.setattr(type(model), "pair_pass", slowly)
    scan = prepare_pairs(protein, model, method="superposed")
    seen, one_at_a_time = [], threading.Lock()

    def look():
        with one_at_a_time:  # several threads tell of progress
            seen.append(scan.progress)

    scan.subscribe(look)
    scan.start()
    scan.wait(60)
    shares = [progress.share for progress in seen]
    assert shares == sorted(shares)
    assert {p.stage for p in seen} >= {"singles", "superposed pass", "checks"}
    assert scan.progress.share == 1
    assert scan.progress.done == scan.progress.total == L * (L - 1) // 2
    assert "js_dist off by" in scan.progress.message


def test_pausing_in_the_pass_begins_it_anew_and_in_the_checks_goes_on(
    protein, model, tmp_path, monkeypatch
):
    real = type(model).pair_pass

    def slowly(self, *arguments):
        steps = real(self, *arguments)
        while True:
            time.sleep(0.02)  # so that the pause comes in time
            try:
                yield next(steps)
            except StopIteration as end:
                return end.value

    monkeypatch.setattr(type(model), "pair_pass", slowly)
    scan = prepare_pairs(protein, model, tmp_path / "scan.zarr", method="superposed")
    reached = threading.Event()

    def stop_in(stage):
        def listener():
            if scan.progress.stage == stage and not reached.is_set():
                scan.pause()
                reached.set()

        return listener

    unsubscribe = scan.subscribe(stop_in("superposed pass"))
    scan.start()
    assert reached.wait(60)
    scan.wait(60)
    assert scan.pairs_computed == 0
    assert scan.single is not None
    unsubscribe()
    reached.clear()
    scan.subscribe(stop_in("checks"))
    scan.resume()
    assert reached.wait(60)
    scan.wait(60)
    assert scan.pairs_computed == L * (L - 1) // 2
    assert scan.audit is None
    checks = scan.checks

    # Another process goes on from the store, with the same checks.
    again = finished(protein, model, store=tmp_path / "scan.zarr")
    np.testing.assert_array_equal(again.checks.pairs, checks.pairs)
    np.testing.assert_array_equal(again.checks.estimates, checks.estimates)
    whole = finished(protein, model)
    assert again.audit.pairs_audited == whole.audit.pairs_audited
    assert again.audit.error_mean == pytest.approx(whole.audit.error_mean, rel=1e-3)


def test_a_finished_scan_comes_back_with_its_audit(protein, model, tmp_path):
    scan = finished(protein, model, store=tmp_path / "scan.zarr", replacements=5)
    scan.save(tmp_path / "saved.zarr")
    for path in ("scan.zarr", "saved.zarr"):
        back = PairScan.load(tmp_path / path)
        assert back.audit == scan.audit
        np.testing.assert_array_equal(back.origin, scan.origin)
        np.testing.assert_array_equal(back.log_probabilities, scan.log_probabilities)
        np.testing.assert_array_equal(back.checks.stratum, scan.checks.stratum)
    again = scan_pairs(protein, model, tmp_path / "scan.zarr", method="superposed")
    assert again.progress.status == "finished"


def test_upgrade_computes_the_rest_and_nothing_twice(protein, model, exact, tmp_path, monkeypatch):
    scan = finished(protein, model, store=tmp_path / "scan.zarr", replacements=9, audit=20)
    estimated = scan.pairs_estimated
    asked = []
    real = type(model).log_probability_steps

    def counted(self, contexts, positions=None, precision=None):
        asked.extend(contexts)
        return real(self, contexts, positions, precision)

    monkeypatch.setattr(type(model), "log_probability_steps", counted)
    seen = []
    scan.subscribe(lambda: seen.append(scan.pairs_estimated))
    scan.upgrade()
    scan.wait(60)
    assert len(asked) == estimated > 200
    assert scan.pairs_estimated == 0
    assert seen[-1] == 0  # who watched the first run watches this one
    np.testing.assert_allclose(scan.values("js_dist"), exact.values("js_dist"), atol=1e-4)
    back = PairScan.load(tmp_path / "scan.zarr")
    assert back.pairs_estimated == 0
    np.testing.assert_array_equal(back.log_probabilities, scan.log_probabilities)


def test_an_exact_scan_goes_on_from_a_superposed_store_and_the_other_way(
    protein, model, exact, tmp_path
):
    finished(protein, model, store=tmp_path / "scan.zarr")
    scan = scan_pairs(protein, model, tmp_path / "scan.zarr")
    scan.wait(60)
    assert scan.pairs_estimated == 0
    np.testing.assert_allclose(scan.values("js_dist"), exact.values("js_dist"), atol=1e-4)
    again = finished(protein, model, store=tmp_path / "scan.zarr")
    assert again.pairs_estimated == 0


def test_estimates_never_pass_for_exact_whenever_the_process_ends(
    protein, model, tmp_path, monkeypatch
):
    writes = []
    real = PairStore._write

    def dies(self, name, where, values):
        if len(writes) == limit:
            raise StoreError("killed")
        writes.append(name)
        real(self, name, where, values)

    for limit in (2, 3, 4, 6):
        writes.clear()
        store = tmp_path / f"{limit}.zarr"
        monkeypatch.setattr(PairStore, "_write", dies)
        scan = scan_pairs(protein, model, store, method="superposed")
        with pytest.raises(StoreError, match="killed"):
            scan.wait(60)
        monkeypatch.undo()
        left = PairScan.load(store)
        exact_there = left.origin == Origin.EXACT
        np.testing.assert_array_equal(
            left.log_probabilities[exact_there], scan.log_probabilities[exact_there]
        )
        assert (scan.origin[exact_there] == Origin.EXACT).all()
        done = finished(protein, model, store=store)
        assert done.audit is not None


def test_positions_scan_their_pairs_alone(protein, model):
    chosen = (2, 3, 7, 11, 12, 19)
    scan = finished(protein, model, positions=chosen, audit=4)
    assert scan.pairs_total == scan.pairs_computed == 15
    inside = np.zeros((L, L), dtype=bool)
    inside[np.ix_(chosen, chosen)] = True
    assert not scan.origin[~inside].any()


def test_precisions_are_kept_apart_and_named(protein, model, tmp_path):
    scan = scan_pairs(protein, model, tmp_path / "scan.zarr", precision="preview")
    scan.wait(60)
    assert scan.provenance["identity"]["precision"] == "preview"
    assert "in preview precision" in repr(scan)
    with pytest.raises(StoreError, match="its precision is 'preview', not 'reference'"):
        scan_pairs(protein, model, tmp_path / "scan.zarr")
    with pytest.raises(ValueError, match="unknown precision 'fast': use one of 'reference'"):
        scan_pairs(protein, model, precision="fast")
    with pytest.raises(ValueError, match="does not compute in precision 'preview'"):
        scan_pairs(protein, ToyModel(), precision="preview")


def test_the_noise_floor_is_that_of_the_precision(protein, model):
    floors = {}
    for precision in ("reference", "preview"):
        scan = scan_pairs(protein, model, positions=(1, 5, 9, 20), precision=precision)
        scan.wait(60)
        floors[precision] = scan.noise_floor()
    assert 0 < floors["reference"] < 1e-4 < floors["preview"] < 0.2
    toy = scan_pairs(protein, ToyModel("floorless"), positions=(1, 5))
    toy.wait(60)
    with pytest.raises(ModelError, match="cannot be measured"):
        toy.noise_floor()
    with pytest.raises(RuntimeError, match="no model to measure on"):
        PairScan(protein).noise_floor()


def test_a_pass_that_overflows_fails_the_scan_in_plain_words(protein, model, monkeypatch):
    def overflowing(self, sequence, positions, precision=None, memory=None):
        yield 0.5
        return np.full((len(positions), len(positions), 20), np.nan)

    monkeypatch.setattr(type(model), "pair_pass", overflowing)
    scan = scan_pairs(protein, model, method="superposed")
    with pytest.raises(
        ModelError,
        match=r"superposed pass of tiny-esm2 \(float32\) gave NaN.*the pair 0, 1 .*method='exact'",
    ):
        scan.wait(60)
    assert scan.pairs_computed == 0
    assert scan.single is not None


def test_what_cannot_be_is_refused(protein, model, tiny_bert_spaced):
    with pytest.raises(ModelError, match="method='exact'"):
        scan_pairs(protein, load_model(tiny_bert_spaced, device="cpu"), method="superposed")
    with pytest.raises(ModelError, match="method='exact'"):
        scan_pairs(protein, ToyModel(), method="superposed")
    with pytest.raises(ValueError, match="unknown method 'quick': use 'exact' or 'superposed'"):
        scan_pairs(protein, model, method="quick")
    with pytest.raises(ValueError, match="audit: only for method='superposed'"):
        scan_pairs(protein, model, audit=5)
    for wrong, match in (
        ({"audit": 1}, "audit=1: it is a whole number, at least 2"),
        ({"audit": "many"}, "audit='many': it is a whole number"),
        ({"replacements": -3}, "replacements=-3: it is a whole number, at least 0"),
        ({"replacements": 2.5}, "replacements=2.5: it is a whole number"),
        ({"tolerance": "low"}, "tolerance='low': it is a number, at least 0"),
        ({"tolerance": float("nan")}, "tolerance=nan: it is a number"),
        ({"memory": "much"}, "memory='much' is not a size: give .* such as '8 GB'"),
        ({"memory": -1}, "memory=-1 is not a size"),
    ):
        with pytest.raises(ValueError, match=match):
            scan_pairs(protein, model, method="superposed", **wrong)


def test_memory_is_a_number_of_bytes_or_text(protein, model, monkeypatch):
    asked = []
    real = type(model).pair_pass

    def noted(self, *arguments):
        asked.append(arguments[-1])
        return real(self, *arguments)

    monkeypatch.setattr(type(model), "pair_pass", noted)
    for memory in ("1 GB", 10**9, 0):
        scan_pairs(protein, model, method="superposed", audit=2, memory=memory).wait(60)
    assert asked == [10**9, 10**9, 0]
    scan = finished(protein, model)
    scan.upgrade()
    with pytest.raises(RuntimeError, match="running: wait for it, or pause it"):
        scan.upgrade()
    scan.wait(60)
    with pytest.raises(RuntimeError, match="no model to run on"):
        PairScan(protein).upgrade()


def test_calling_the_model_while_a_scan_runs_disturbs_neither(protein, model, exact):
    """A person may use the model that a scan's thread is using."""
    sequence = protein.sequence
    contexts = [Context(sequence, (i, i + 5)) for i in range(12)]
    alone = model.log_probabilities(contexts)
    scan = scan_pairs(protein, model)
    while scan.progress.status == "running":
        np.testing.assert_allclose(model.log_probabilities(contexts), alone, atol=1e-5)
    scan.wait(60)
    np.testing.assert_allclose(scan.values("js_dist"), exact.values("js_dist"), atol=1e-4)


@pytest.mark.parametrize("method", ["exact", "superposed"])
def test_pausing_and_upgrading_at_once_comes_to_an_end(protein, model, method, monkeypatch):
    real = type(model).log_probability_steps

    def slowly(self, *arguments):
        steps = real(self, *arguments)
        while True:
            time.sleep(0.001)
            try:
                yield next(steps)
            except StopIteration as end:
                return end.value

    monkeypatch.setattr(type(model), "log_probability_steps", slowly)
    for wait in (0.05, 0.1, 0.15):
        scan = scan_pairs(protein, model, method=method)
        time.sleep(wait)
        scan.pause()
        scan.upgrade()
        scan.wait(60)
        assert scan.progress.status == "finished"
        assert scan.pairs_computed == scan.pairs_total
        assert scan.pairs_estimated == 0


def test_a_full_disk_after_the_pass_loses_nothing_on_resume(protein, model, tmp_path, monkeypatch):
    scan = prepare_pairs(protein, model, tmp_path / "scan.zarr", method="superposed")

    def full(*_):
        raise StoreError("the disk is full: free some space and resume")

    monkeypatch.setattr(PairStore, "write_estimates", full)
    scan.start()
    with pytest.raises(StoreError, match="disk is full"):
        scan.wait(60)
    monkeypatch.undo()
    scan.resume()
    scan.wait(60)
    back = PairScan.load(tmp_path / "scan.zarr")
    np.testing.assert_array_equal(back.log_probabilities, scan.log_probabilities)
    np.testing.assert_array_equal(back.origin, scan.origin)
    assert back.audit == scan.audit


def test_a_damaged_chunk_of_either_kind_is_computed_again(protein, model, tmp_path):
    whole = finished(protein, model, store=tmp_path / "scan.zarr")
    origin = whole.origin.copy()
    for name, kind in (("scattered", "exact"), ("estimates", "estimated")):
        folder = tmp_path / "scan.zarr" / name / "c"
        chunk = max(folder.rglob("*/*/0/0"), key=lambda path: path.stat().st_size)
        chunk.write_bytes(chunk.read_bytes()[:-8] + bytes(8))
        with pytest.warns(UserWarning, match=rf"of {name} .* damaged and will be computed again"):
            scan = scan_pairs(protein, model, tmp_path / "scan.zarr", method="superposed")
        scan.wait(60)
        assert scan.pairs_computed == scan.pairs_total
        row, column = map(int, chunk.relative_to(folder).parts[:2])
        tile = np.s_[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        if kind == "exact":
            np.testing.assert_array_equal(scan.origin, origin)
            np.testing.assert_array_equal(scan.log_probabilities, whole.log_probabilities)
        else:  # a lost estimate is replaced by the exact pair
            assert not (scan.origin[tile] == Origin.ESTIMATED).any()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            back = PairScan.load(tmp_path / "scan.zarr")
        np.testing.assert_array_equal(back.origin, scan.origin)


def test_saving_while_pairs_turn_exact_never_takes_an_estimate_for_exact(
    protein, model, tmp_path, monkeypatch
):
    scan = finished(protein, model, replacements=0, audit=2)
    estimates = scan.log_probabilities.copy()
    real = np.stack

    def meanwhile(*arguments, **options):
        copied = real(*arguments, **options)
        scan.origin[scan.origin == Origin.ESTIMATED] = Origin.EXACT
        return copied

    monkeypatch.setattr(np, "stack", meanwhile)
    scan.save(tmp_path / "scan.zarr")
    monkeypatch.undo()
    back = PairScan.load(tmp_path / "scan.zarr")
    np.testing.assert_array_equal(back.log_probabilities, estimates)
    assert back.pairs_estimated == scan.pairs_total - 2


def test_upgrading_after_a_failed_write_stores_everything(protein, model, tmp_path, monkeypatch):
    store = tmp_path / "scan.zarr"
    scan = finished(protein, model, store=store, replacements=3, audit=10)

    def full(*_):
        raise StoreError("the disk is full: free some space and resume")

    monkeypatch.setattr(PairStore, "write_block", full)
    scan.upgrade()
    with pytest.raises(StoreError, match="disk is full"):
        scan.wait(60)
    monkeypatch.undo()
    scan.upgrade()
    scan.wait(60)
    back = PairScan.load(store)
    assert back.pairs_estimated == 0
    np.testing.assert_array_equal(back.log_probabilities, scan.log_probabilities)


def test_a_store_in_use_is_not_shared_by_two_methods(protein, model, tmp_path, monkeypatch):
    real = type(model).pair_pass

    def slowly(self, *arguments):
        time.sleep(0.5)
        return (yield from real(self, *arguments))

    monkeypatch.setattr(type(model), "pair_pass", slowly)
    scan = scan_pairs(protein, model, tmp_path / "scan.zarr", method="superposed")
    with pytest.raises(StoreError, match=r"superposed scan of .* is running in this session"):
        scan_pairs(protein, model, tmp_path / "scan.zarr")
    same = scan_pairs(protein, model, tmp_path / "scan.zarr", method="superposed")
    assert same is scan
    scan.wait(60)


def test_the_noise_floor_stays_with_the_store(protein, model, tmp_path):
    store = tmp_path / "scan.zarr"
    scan = scan_pairs(protein, model, store, positions=(1, 5, 9))
    scan.wait(60)
    floor = scan.noise_floor()
    assert PairScan.load(store).provenance["noise_floor"] == floor
    again = scan_pairs(protein, model, store, positions=(1, 5, 9))
    assert again.provenance["noise_floor"] == floor
    with pytest.raises(ValueError, match="at least one pair, not 0"):
        scan.noise_floor(0)


def test_a_pass_that_fails_frees_its_states(protein, model, monkeypatch):
    class State:
        pass

    states = []

    def failing(self, *_):
        state = State()
        states.append(weakref.ref(state))
        yield 0.1
        raise MemoryError(f"no room for {state}")

    monkeypatch.setattr(type(model), "pair_pass", failing)
    scan = scan_pairs(protein, model, method="superposed")
    with pytest.raises(
        ModelError, match=r"ran out of memory \(.*\): use a .* allow it less"
    ) as caught:
        scan.wait(60)
    assert caught.value is scan._run.error
    gc.collect()
    assert states[0]() is None


def test_a_finished_exact_store_needs_no_pass(protein, model, tmp_path):
    scan_pairs(protein, model, tmp_path / "scan.zarr").wait(60)
    scan = scan_pairs(protein, model, tmp_path / "scan.zarr", method="superposed")
    assert scan.progress.status == "finished"
    assert scan.pairs_estimated == 0
