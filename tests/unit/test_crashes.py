"""The short form of the crash suite; `make stress` runs the long one, tests/stress."""

import shutil

import crashes
import pytest

from plmwidgets.scan.pair import PairScan


@pytest.fixture(scope="module")
def expected():
    return crashes.whole("toy")


def test_a_killed_scan_goes_on_as_if_nothing_had_happened(expected, tmp_path):
    rng, store, finished = crashes.seeded(1), tmp_path / "scan.zarr", False
    before = 0
    for number in range(4):
        finished = crashes.kill_at_random("toy", store, rng, seconds=1.0)
        shutil.copytree(store, copy := tmp_path / f"copy {number}")
        outcome = crashes.go_on("toy", copy, expected)
        assert outcome.stored >= before, "what had been stored was lost"
        assert not outcome.warned
        before = outcome.stored
        if finished:
            break
    assert before > 0


def test_what_is_damaged_is_found_named_and_computed_again(expected, tmp_path):
    rng, store = crashes.seeded(2), tmp_path / "scan.zarr"
    crashes.go_on("toy", store, expected)
    for path in crashes.files_of(store):
        crashes.damage_and_mend("toy", store, path, rng, expected)


def test_two_processes_may_scan_into_one_store(expected, tmp_path):
    store = tmp_path / "scan.zarr"
    both = [crashes.child("toy", store) for _ in range(2)]
    told = [process.communicate(timeout=60)[0].split() for process in both]
    assert told[0][-2:] == told[1][-2:]
    crashes.equal(PairScan.load(store), expected)
    assert crashes.go_on("toy", store, expected).computed == 0
