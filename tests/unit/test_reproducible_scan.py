"""A scan that was interrupted equals one that was not, bit for bit."""

import numpy as np
import pytest
import torch
from toy_models import ShapeModel
from view_tools import wait_for

from plmwidgets import Protein, load_model, scan_pairs
from plmwidgets.scan.start import prepare_pairs

LENGTH = 30


@pytest.fixture
def protein():
    return Protein("ACDEFGHIKLMNPQRSTVWYACDEFGHIKL", name="thirty")


@pytest.fixture
def whole(protein):
    scan = scan_pairs(protein, ShapeModel())
    scan.wait(30)
    return scan


def same(scan, other):
    np.testing.assert_array_equal(scan.log_probabilities, other.log_probabilities)
    np.testing.assert_array_equal(scan.single.log_probabilities, other.single.log_probabilities)


def test_the_model_of_these_tests_can_tell(protein, whole):
    other = scan_pairs(protein, ShapeModel(batch=8, revision="other"))
    other.wait(30)
    assert (whole.log_probabilities != other.log_probabilities).any()


@pytest.mark.parametrize("done", [1, 70, 300])
def test_a_scan_that_was_paused(protein, whole, done):
    scan = scan_pairs(protein, ShapeModel(seconds=0.001, revision=f"paused {done}"))
    wait_for(lambda: scan.progress.done >= done)
    scan.pause()
    assert scan.progress.done != scan.progress.total
    scan.resume()
    scan.wait(30)
    same(scan, whole)


def test_a_scan_that_goes_on_from_its_store_with_another_region_first(protein, whole, tmp_path):
    first = scan_pairs(protein, ShapeModel(seconds=0.001, revision="kept"), store=tmp_path / "s")
    wait_for(lambda: first.progress.done >= 100)
    first.cancel()
    # On another machine the model would prefer another batch: that of the store holds.
    second = prepare_pairs(protein, ShapeModel(batch=4, revision="kept"), store=tmp_path / "s")
    assert second.provenance["batch"] == 16
    second.prioritise((20, 29), (20, 29))
    second.start()
    second.wait(30)
    same(second, whole)


def test_a_batch_fits_the_time_between_two_clicks(tiny_bert_spaced):
    threads = torch.get_num_threads()
    demo = load_model("demo")
    assert demo.preferred_batch(64) == 64
    # A layer: 24 T d^2 + 4 T^2 d operations, d = 96, T = L + 2; 3 10^9 a thread.
    tokens = 1000 + 2
    room = 3e9 * threads / (24 * tokens * 96**2 + 4 * tokens**2 * 96)
    assert demo.preferred_batch(1000) == max(1, 2 ** int(np.log2(max(room, 1))))
    assert demo.preferred_batch(10**6) == 1
    plain = load_model(tiny_bert_spaced, device="cpu")
    assert plain.preferred_batch(10) == 64


@pytest.mark.parametrize(
    ("layers", "width", "length", "batch"),
    [  # ESM-2 650M and 3B: 2^13 tokens; 8M: 2 10^12 operations, 1,024 contexts at most
        (33, 1280, 76, 64),
        (33, 1280, 363, 16),
        (36, 2560, 1000, 8),
        (36, 2560, 10_000, 1),
        (6, 320, 1000, 64),
        (6, 320, 76, 1024),
        (6, 320, 20, 1024),
    ],
)
def test_batches_on_a_gpu(layers, width, length, batch, tiny_esm2, monkeypatch):
    model = load_model(tiny_esm2, device="cpu")
    monkeypatch.setattr(model, "device", torch.device("cuda"))
    monkeypatch.setattr(model, "embedding_shape", (layers, width))
    monkeypatch.setattr(model.network.config, "hidden_size", width)
    assert model.preferred_batch(length) == batch
