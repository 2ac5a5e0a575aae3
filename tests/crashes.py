"""A scan in a process of its own, to be killed: ``python crashes.py MODEL STORE [METHOD]``.

Also what the crash suites share: kill it, damage its store, go on, and count.
"""

import hashlib
import os
import random
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from toy_models import ToyModel

from plmwidgets.models.loading import load_model
from plmwidgets.protein import Protein
from plmwidgets.scan.blocks import TILE
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.scan.start import prepare_pairs

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGT"


def subject(name, seconds=0.0):
    """The protein and the model of a scan: ``"toy"``, slow enough to be hit, or ``"demo"``."""
    if name == "toy":
        return Protein(SEQUENCE, name="toy"), ToyModel("crash", seconds=seconds)
    return Protein.demo(), load_model(name)


def main(name, store, method="exact"):
    scan = prepare_pairs(*subject(name, seconds=0.001), store, method=method)
    print("starting", flush=True)
    scan.start()
    scan.wait()
    digest = hashlib.sha256(scan.log_probabilities.tobytes()).hexdigest()
    print(scan.progress.done, digest, flush=True)


def child(name, store, *method):
    return subprocess.Popen(
        [sys.executable, __file__, name, str(store), *method],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def whole(name):
    """The uninterrupted scan, never stored."""
    scan = prepare_pairs(*subject(name))
    scan.start()
    scan.wait(300)
    return scan


def kill_at_random(name, store, rng, seconds, *method):
    """Start a scan in another process and kill it within so many seconds of its start.

    Now and then before: while it creates the store. Returns whether it had finished by then.
    """
    process = child(name, store, *method)
    with process.stdout as told:
        if rng.random() < 0.2:
            while process.poll() is None and not store.exists():
                pass
            time.sleep(rng.uniform(0, 0.05))
        else:
            assert told.readline() == "starting\n"
            time.sleep(rng.uniform(0, seconds))
        process.kill()
        rest = told.read()
    process.wait()
    return len(rest.split()) == 2


@dataclass
class Outcome:
    """What going on with a store came to."""

    stored: int
    computed: int
    warned: list


def go_on(name, store, expected):
    """Go on with a store in this process, and check the result against the uninterrupted scan.

    Whatever was stored must be right, what was not is computed, and nothing else is.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scan = prepare_pairs(*subject(name), store)
    stored = scan.origin == Origin.EXACT
    wrong = (scan.log_probabilities != expected.log_probabilities) & stored[..., None]
    assert not wrong.any(), "a stored result is wrong"
    seen = Counter()
    counting = threading.Lock()
    put = scan.put

    def counted(pairs, *values):
        with counting:
            seen.update(map(tuple, pairs.tolist()))
        put(pairs, *values)

    scan.put = counted
    scan.start()
    scan.wait(300)
    assert scan.progress.status is ScanStatus.FINISHED
    assert max(seen.values(), default=1) == 1, "a pair was computed twice"
    missing = {(i, j) for i, j in np.argwhere(~stored) if i < j}
    assert set(seen) == missing, "what was computed is not what was missing"
    equal(scan, expected)
    back = PairScan.load(store)
    equal(back, expected)
    warned = [str(warning.message) for warning in caught]
    return Outcome(scan.pairs_total - len(missing), len(seen), warned)


def equal(scan, expected):
    """Bit for bit, the single masks as well."""
    assert scan.log_probabilities.tobytes() == expected.log_probabilities.tobytes()
    singles = [one.single.log_probabilities for one in (scan, expected)]
    assert singles[0].tobytes() == singles[1].tobytes()


def files_of(store):
    """Every file of a store that a scan has written, by its path inside."""
    found = [path for path in sorted(Path(store).rglob("*")) if path.is_file()]
    return [path for path in found if not path.name.endswith(".partial")]


def damage(path, rng):
    """Truncate a file or flip a bit of it; returns what was done."""
    content = bytearray(path.read_bytes())
    if rng.random() < 0.5:
        end = rng.choice([0, rng.randrange(len(content)), len(content) - 1])
        path.write_bytes(content[:end])
        return "truncated"
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    return "a bit flipped"


def damage_and_mend(name, store, path, rng, expected):
    """Damage one file of a finished store: it is named, just that is computed, and it is whole.

    Returns what was done to it, or None if it says the same as before.
    """
    inside = path.relative_to(store).as_posix()
    before = path.read_bytes()
    done = f"{damage(path, rng)}: {inside}"
    outcome = go_on(name, store, expected)
    if path.name == "zarr.json" and not outcome.warned:
        # Such as a level of compression, of which nothing that is written depends.
        assert outcome.computed == 0, done
        path.write_bytes(before)
        return None
    assert len(outcome.warned) == 1, (done, outcome.warned)
    assert "damaged" in outcome.warned[0] and str(store) in outcome.warned[0], done
    if inside.startswith("pairs/c/"):
        row, column = inside.split("/")[2:4]
        assert f"chunk {row},{column} of pairs" in outcome.warned[0], done
        assert 0 < outcome.computed <= TILE**2, done
    else:
        assert outcome.computed == 0, done
    if path.exists():  # of a finished scan, the predicted effects are needed no more
        assert path.read_bytes() == before, done
    assert go_on(name, store, expected).warned == []
    return done


def seeded(seed):
    return random.Random(seed)


if __name__ == "__main__":
    main(*sys.argv[1:])
