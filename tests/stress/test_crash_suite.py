"""The whole crash suite, some minutes: ``make stress``. Each part prints what it counted.

The model is the bundled network, whose numbers come from real arithmetic; its short form, with a
toy model, is tests/unit/test_crashes.py.
"""

import shutil
import subprocess
from collections import Counter

import crashes
import numpy as np
import pytest

from plmwidgets.scan.origin import Origin
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.start import prepare_pairs
from plmwidgets.scan.store import StoreError

pytestmark = [pytest.mark.stress, pytest.mark.timeout(3600)]
KILLS = 50
SUPERPOSED = 10
DAMAGED = 200


@pytest.fixture(scope="module")
def expected():
    return crashes.whole("demo")


@pytest.fixture
def tell(capsys):
    def tell(*told):
        with capsys.disabled():
            print("\n ", *told, flush=True)

    return tell


@pytest.fixture
def mounted(tmp_path):
    """Mounts a small file system of its own on a folder; skips where one may not."""
    places = []

    def mount(name, options):
        place = tmp_path / name
        place.mkdir(exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", place], check=False, capture_output=True
        )
        if done.returncode:
            pytest.skip(f"cannot mount a file system here: {done.stderr.decode().strip()}")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", place], check=False)


def test_kills(expected, tmp_path, tell):
    rng = crashes.seeded(0)
    total = expected.pairs_total
    shares, pairs, lost = [], Counter(), 0
    store, before = tmp_path / "0.zarr", 0
    for number in range(KILLS):
        finished = crashes.kill_at_random("demo", store, rng, seconds=1.5)
        copy = tmp_path / "copy.zarr"
        if store.exists():
            shutil.copytree(store, copy)
        outcome = crashes.go_on("demo", copy, expected)
        assert outcome.warned == []
        lost += outcome.stored < before
        shares.append(outcome.stored / total)
        pairs.update(kept=outcome.stored, computed=outcome.computed)
        shutil.rmtree(copy)
        before = outcome.stored
        if finished or outcome.stored == total or rng.random() < 0.4:
            store, before = tmp_path / f"{number + 1}.zarr", 0
    assert lost == 0
    shares = np.array(shares)
    tell(
        f"{KILLS} kills survived: {(shares == 0).sum()} before any pair was stored, "
        f"{((shares > 0) & (shares < 1)).sum()} in the middle, {(shares == 1).sum()} at the end; "
        f"{pairs['kept']:,} pairs kept, {pairs['computed']:,} computed on going on, "
        "0 lost, 0 wrong, 0 computed twice"
    )


def test_kills_of_superposed_scans(expected, tmp_path, tell):
    rng = crashes.seeded(3)
    whole = prepare_pairs(*crashes.subject("demo"), method="superposed")
    whole.start()
    whole.wait(300)
    stages = Counter()
    for number in range(SUPERPOSED):
        store = tmp_path / f"{number}.zarr"
        crashes.kill_at_random("demo", store, rng, 2.5, "superposed")
        scan = prepare_pairs(*crashes.subject("demo"), store, method="superposed")
        left = scan.origin.copy()
        stages["after it" if left.any() else "before the end of the pass"] += 1
        exact = left == Origin.EXACT
        assert not (exact & (whole.origin != Origin.EXACT)).any(), "an estimate passes for exact"
        for known, others in ((exact, expected), (left == Origin.ESTIMATED, whole)):
            known = known & (whole.origin == left)
            mine, other = (one.log_probabilities[known] for one in (scan, others))
            np.testing.assert_allclose(mine, other, rtol=0, atol=1e-5)
        scan.start()
        scan.wait(300)
        np.testing.assert_array_equal(scan.origin, whole.origin)
        mine, other = (one.log_probabilities for one in (scan, whole))
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-5)
    told = ", ".join(f"{count} {stage}" for stage, count in sorted(stages.items()))
    tell(f"{SUPERPOSED} kills of superposed scans survived ({told}): 0 lost, 0 wrong")


def test_damage(expected, tmp_path, tell):
    rng = crashes.seeded(1)
    store = tmp_path / "scan.zarr"
    crashes.go_on("demo", store, expected)
    counts = Counter()
    while sum(counts.values()) < DAMAGED:
        # Of 41 files five describe: those come often enough to be damaged in every way.
        path = rng.choice(crashes.files_of(store))
        if path.relative_to(store).parts[0] == "effect" and "c" in path.parts:
            continue  # which a finished scan does not mend, but leaves away
        done = crashes.damage_and_mend("demo", store, path, rng, expected)
        what, _, inside = (done or "without meaning: ").partition(": ")
        kind = "descriptions" if inside.endswith("zarr.json") else "chunks"
        counts[f"{kind} {what}" if done else "harmless changes of descriptions"] += 1
    tell(
        f"{DAMAGED} files damaged, all found, named and mended:",
        ", ".join(f"{count} {name}" for name, count in sorted(counts.items())),
    )


def test_all_chunks_at_once(expected, tmp_path, tell):
    rng = crashes.seeded(2)
    store = tmp_path / "scan.zarr"
    crashes.go_on("demo", store, expected)
    chunks = [path for path in crashes.files_of(store) if path.name != "zarr.json"]
    for path in chunks:
        crashes.damage(path, rng)
    outcome = crashes.go_on("demo", store, expected)
    assert len(outcome.warned) == len(chunks)
    assert outcome.computed == expected.pairs_total
    tell(f"{len(chunks)} of {len(chunks)} chunks damaged at once, named and computed again")


@pytest.mark.parametrize("methods", [("exact", "exact"), ("exact", "superposed")])
def test_two_processes(expected, tmp_path, tell, methods):
    rounds = 3
    for number in range(rounds):
        store = tmp_path / f"{number}.zarr"
        both = [crashes.child("demo", store, method) for method in methods]
        told = [process.communicate(timeout=300)[0].split() for process in both]
        assert [words[-2] for words in told] == [str(expected.pairs_total)] * 2
        scan = PairScan.load(store)
        exact = scan.origin == Origin.EXACT
        assert exact.sum() == 2 * expected.pairs_total
        if methods[0] == methods[1]:
            crashes.equal(scan, expected)
        else:  # which take their contexts in other batches, and so round otherwise
            mine, other = (one.log_probabilities for one in (scan, expected))
            np.testing.assert_allclose(mine, other, rtol=0, atol=1e-5)
    tell(f"{rounds} times two processes in one store ({', '.join(methods)}): whole and right")


def test_a_full_disk(expected, mounted, tell):
    tried, failed, told = 0, [], []
    for kilobytes in (4, 40, 80, 160, 320, 480):
        disk = mounted(f"disk {kilobytes}", f"size={kilobytes}k")
        tried += 1
        try:
            scan = prepare_pairs(*crashes.subject("demo"), disk / "scan.zarr")
            scan.start()
            scan.wait(300)
        except StoreError as error:
            told.append(str(error))
            failed.append(kilobytes)
        subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
        outcome = crashes.go_on("demo", disk / "scan.zarr", expected)
        assert outcome.warned == []
        if kilobytes not in failed:
            assert outcome.computed == 0
    assert len(failed) >= 3
    assert all("the disk is full: free some space and resume" in text for text in told)
    tell(f"a real disk full at {failed} kB of {tried} sizes: told, and gone on when there was room")


def test_a_read_only_file_system(expected, mounted, tell):
    disk = mounted("read only", "size=100m")
    crashes.go_on("demo", disk / "scan.zarr", expected)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    crashes.equal(PairScan.load(disk / "scan.zarr"), expected)
    with pytest.raises(StoreError, match="read-only for you"):
        prepare_pairs(*crashes.subject("demo"), disk / "another.zarr")
    tell("a read-only file system: what is there can be read, a new scan is refused in words")
