"""Categorical Jacobians: what they compute, refuse, and tell while they run."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from toy_models import GatedModel, ToyModel
from view_tools import SEQUENCE, wait_for

from plmwidgets import Jacobian, Protein, jacobian
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.jacobian.math import contact_scores, pair_block, row_norms
from plmwidgets.methods.jacobian.run import positions_together
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.service import service_for

LENGTH = len(SEQUENCE)


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="test")


def finished(protein, model, **options):
    found = jacobian(protein, model, **options)
    found.wait(30, quiet=True)
    return found


def expected_rows(model, sequence, method="full"):
    """The slow and obvious tensor."""
    rows = []
    for n in range(len(sequence)):
        if method == "fast":
            contexts = [Context.of(sequence, (n,))]
        else:
            contexts = [Context.of(sequence, (), {n: letter}) for letter in AMINO_ACIDS]
        rows.append([model.expected(context) for context in contexts])
    return np.array(rows)


@pytest.mark.parametrize(("method", "passes"), [("full", 19 * LENGTH + 1), ("fast", LENGTH)])
def test_every_row_is_what_the_model_says(protein, method, passes):
    model = ToyModel(f"jacobian rows {method}")
    found = finished(protein, model, method=method)
    np.testing.assert_array_equal(
        found.rows.read(slice(0, LENGTH)), expected_rows(model, SEQUENCE, method)
    )
    assert sum(map(len, model.calls)) == passes
    assert found.progress.status is ScanStatus.FINISHED
    assert (found.progress.done, found.progress.unit) == (LENGTH, "positions")
    assert f"{LENGTH} of {LENGTH} positions" in repr(found)
    assert method in repr(found)


def test_a_placeholder_is_substituted_by_all_twenty(protein):
    model = ToyModel("jacobian placeholder")
    found = finished("MKXAYI", model)
    np.testing.assert_array_equal(found.rows.read(slice(0, 6)), expected_rows(model, "MKXAYI"))


def test_maps_are_labelled_and_tables_agree_with_them(protein):
    found = finished(protein, ToyModel("jacobian tables"))
    scores, norms = found.contacts(), found.norms()
    for frame in (scores, norms):
        assert list(frame.index) == list(frame.columns) == list(protein.residue_labels)
        np.testing.assert_array_equal(frame, frame.T)
        np.testing.assert_array_equal(np.diag(frame), 0)
    table = found.to_pandas()
    assert list(table.columns) == [
        *("position_i", "position_j", "label_i", "label_j", "score", "norm")
    ]
    assert len(table) == LENGTH * (LENGTH - 1) // 2
    row = table[(table.position_i == 4) & (table.position_j == 9)].iloc[0]
    assert (row.label_i, row.label_j) == (protein.residue_labels[4], protein.residue_labels[9])
    assert (row.score, row.norm) == (scores.iloc[9, 4], norms.iloc[4, 9])
    block = found.block(9, 4)
    assert (block.index.name, block.columns.name) == (row.label_j, row.label_i)
    assert list(block.index) == list(block.columns) == list(AMINO_ACIDS)
    scores.iloc[:] = 7  # what is given away is not what is kept
    assert found.contacts().iloc[1, 2] != 7


@pytest.mark.parametrize("letters", [20, 1])
def test_norms_do_not_depend_on_how_many_rows_are_held(monkeypatch, letters):
    tensor = np.random.default_rng(1).normal(size=(13, letters, 13, 20))
    whole = row_norms(lambda rows: tensor[rows], 13, tensor[0].nbytes)
    monkeypatch.setattr("plmwidgets.methods.jacobian.math.WIDEST_BAND", 4)
    np.testing.assert_allclose(
        row_norms(lambda rows: tensor[rows], 13, tensor[0].nbytes), whole, rtol=1e-13
    )
    monkeypatch.setattr("plmwidgets.methods.jacobian.math.BAND_BYTES", 1)
    np.testing.assert_allclose(
        row_norms(lambda rows: tensor[rows], 13, tensor[0].nbytes), whole, rtol=1e-13
    )


def test_what_is_opposite_the_other_way_round_cancels():
    """The tensor is symmetrised before the norm: norms of the two directions would not cancel."""
    tensor = np.random.default_rng(2).normal(size=(6, 20, 6, 20))
    opposite = tensor - tensor.transpose(2, 3, 0, 1)
    norms = row_norms(lambda rows: opposite[rows], 6, opposite[0].nbytes)
    np.testing.assert_allclose(norms, 0, atol=1e-12)
    np.testing.assert_allclose(pair_block(opposite[1, :, 4], opposite[4, :, 1]), 0, atol=1e-12)
    assert contact_scores(np.zeros((3, 3))).tolist() == np.zeros((3, 3)).tolist()


def test_unfinished_it_gives_blocks_but_no_scores(protein):
    model = GatedModel("jacobian gated", after=19 * 6)
    found = jacobian(protein, model)
    wait_for(lambda: found.progress.done >= 3)
    assert 3 / LENGTH <= found.progress.share < 1
    assert found.block(0, 2).shape == (20, 20)
    with pytest.raises(RuntimeError, match=r"not computed yet .*: wait\(\) for it"):
        found.block(0, LENGTH - 1)
    for ask in (found.contacts, found.norms, found.to_pandas):
        with pytest.raises(RuntimeError, match=r"not finished .*centred over all positions: wait"):
            ask()
    model.gate.set()
    found.wait(30, quiet=True)
    assert found.contacts().shape == (LENGTH, LENGTH)


def test_it_is_paused_and_goes_on(protein):
    model = ToyModel("jacobian paused", seconds=0.0005)
    found = jacobian(protein, model)
    wait_for(lambda: found.progress.done >= 2)
    found.pause()
    found.wait(10, quiet=True)
    done = found.progress.done
    assert 2 <= done < LENGTH
    found.cancel()
    assert found.progress.status is ScanStatus.CANCELLED
    heard = []
    found.subscribe(lambda: heard.append(found.progress.status))
    found.resume()
    found.wait(30, quiet=True)
    np.testing.assert_array_equal(found.rows.read(slice(0, 99)), expected_rows(model, SEQUENCE))
    assert heard[-1] is ScanStatus.FINISHED


def test_clicks_come_before_it(protein):
    model = ToyModel("jacobian click", seconds=0.002)
    found = jacobian(protein, model)
    wait_for(lambda: found.progress.done >= 1)
    service_for(model).log_probabilities([Context(SEQUENCE, (1, 2))])
    assert found.progress.status is ScanStatus.RUNNING
    assert Context(SEQUENCE, (1, 2)) in service_for(model)._cache
    found.cancel()
    # Its own passes are many, and would drive out what somebody looks at.
    assert len(service_for(model)._cache) == 1


def test_a_failing_model_is_told_and_what_is_there_stays(protein):
    model = ToyModel("jacobian fails")
    model.fails_with = ValueError("no luck")
    failed = jacobian(protein, model)
    with pytest.raises(ValueError, match="no luck"):
        failed.wait(30, quiet=True)
    assert failed.progress.status is ScanStatus.FAILED
    model.fails_with = None
    failed.resume()
    failed.wait(30, quiet=True)
    assert failed.complete


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: jacobian("MKT", ToyModel(), method="exact"), ValueError, "'full' or 'fast'"),
        (lambda: jacobian("M", ToyModel()), ValueError, "at least two residues"),
        (lambda: jacobian(7, ToyModel()), TypeError, "expected a Protein"),
        (lambda: jacobian("MKT", ToyModel(), precision="half"), ValueError, "unknown precision"),
        (lambda: jacobian("MKT", "potts-demo"), ModelError, "exactly 64 residues"),
        (lambda: Jacobian.load("/nowhere/at/all"), FileNotFoundError, "no categorical Jacobian"),
    ],
)
def test_what_cannot_be_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_blocks_that_cannot_be_are_refused(protein):
    full = finished(protein, ToyModel("jacobian refuses"))
    with pytest.raises(ValueError, match="two different positions"):
        full.block(3, 3)
    with pytest.raises(IndexError, match="out of range"):
        full.block(3, LENGTH)
    with pytest.raises(IndexError, match="position None is out of range"):
        full.block(3, None)
    labels = protein.residue_labels
    assert full.block(labels[4], 3).equals(full.block(4, 3))
    for several in (f"{labels[1]}-{labels[4]}", ""):
        with pytest.raises(ValueError, match=r"names [40] residues: name one"):
            full.block(several, 3)
    fast = finished(protein, ToyModel("jacobian refuses"), method="fast")
    assert not fast.has_block(1, 2)
    with pytest.raises(ValueError, match="method='full'"):
        fast.block(1, 2)
    assert fast.contacts().shape == (LENGTH, LENGTH)


BOUNDED = """
import resource, time
import numpy as np
from plmwidgets import jacobian
from plmwidgets.methods.jacobian import math as jacobian_math, rows as jacobian_rows
from plmwidgets.models.masked_lm import ModelIdentity

jacobian_rows.IN_MEMORY = 2**20
jacobian_math.BAND_BYTES = 2**22

class Cheap:
    name, capabilities, max_length = "cheap", frozenset(), None
    identity = ModelIdentity("cheap", "1", "float32")
    def check_sequence(self, sequence): pass
    def preferred_batch(self, length): return 20
    def log_probabilities(self, contexts, positions=None):
        random = np.random.default_rng(len(self.calls)); self.calls.append(1)
        return random.standard_normal((len(contexts), positions.shape[1], 20), dtype=np.float32)
    calls = []

def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

jacobian("ACDEFGHIKLMNPQRSTVWY" * 2, Cheap()).wait(quiet=True)  # threads and code are there
before = peak()
found = jacobian("ACDEFGHIKLMNPQRSTVWY" * 16, Cheap())
found.wait(quiet=True)
size = found.rows.known.size ** 2 * 400 * 4
folder = found.rows.store.path.parent
print((peak() - before) / size, folder.exists(), found.store_path)
del found
deadline = time.monotonic() + 5
while folder.exists() and time.monotonic() < deadline:
    time.sleep(0.05)
print(folder.exists())
"""


def test_large_ones_are_not_held_in_memory():
    """164 MB of rows: with bands of 4 MB, a part of that is held, and the folder goes."""
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED], capture_output=True, text=True, check=True, timeout=120
    )
    first, second = done.stdout.splitlines()
    share, there, path = first.split()
    assert float(share) < 0.5
    assert (there, path, second) == ("True", "None", "False")


def test_public_names_are_where_they_are_said_to_be():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert jacobian.__module__ == "plmwidgets.methods.jacobian.jacobian"
    # A method never knows of the views.
    for module in Path(sys.modules[jacobian.__module__].__file__).parent.glob("*.py"):
        assert "plmwidgets.widgets" not in module.read_text()


@pytest.mark.parametrize(
    ("contexts", "batch", "positions"),
    [(19, 1, 1), (19, 4, 1), (19, 8, 2), (19, 16, 4), (19, 20, 1), (19, 64, 10), (1, 4, 4)],
)
def test_positions_fill_their_batches(contexts, batch, positions):
    assert positions_together(contexts, batch) == positions
