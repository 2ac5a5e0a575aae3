"""Models larger than the memory for them: the same numbers, two layers at a time."""

import gc
import shutil
import traceback

import checkpoints
import numpy as np
import pytest
import torch
from streaming_tools import (
    CONTEXTS,
    KINDS,
    POSITIONS,
    SEQUENCE,
    pair,
    stream_threads,
    superposed,
    watched,
)
from transformers import AutoModelForMaskedLM

from plmwidgets._numbers import byte_size
from plmwidgets.models import Context, ModelError, load_model, pretrained
from plmwidgets.models.encoder import Encoder


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_streamed_model_is_the_model(kind, dtype, request):
    resident, streamed = pair(request.getfixturevalue(kind), dtype=dtype)
    assert "streamed" not in resident.capabilities
    assert streamed.capabilities == resident.capabilities | {"streamed"}
    assert streamed.identity == resident.identity
    assert streamed.precisions == resident.precisions
    assert streamed.max_length == resident.max_length
    assert repr(streamed) == repr(resident).replace(")", ", streamed)")
    assert not [name for name, _ in streamed.network.named_parameters() if "layers." in name]
    assert not [name for name, _ in streamed.network.named_parameters() if "layer." in name]
    with pytest.raises(ModelError, match="no token for 'J'"):
        streamed.check_sequence("MKJT")
    for precision in (None, *resident.precisions, "double"):
        for positions in (None, POSITIONS):
            np.testing.assert_array_equal(
                streamed.log_probabilities(CONTEXTS, positions, precision),
                resident.log_probabilities(CONTEXTS, positions, precision),
            )
        if precision != "double":
            np.testing.assert_array_equal(
                superposed(streamed, precision), superposed(resident, precision)
            )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_streamed_model_is_the_model_on_a_gpu(kind, request):
    folder = request.getfixturevalue(kind)
    resident = load_model(folder, device="cuda")
    streamed = load_model(folder, device="cuda", memory="20 kB")
    assert "streamed" in streamed.capabilities - resident.capabilities
    for precision in (*resident.precisions, "double"):
        for _ in range(3):
            np.testing.assert_allclose(
                streamed.log_probabilities(CONTEXTS, POSITIONS, precision),
                resident.log_probabilities(CONTEXTS, POSITIONS, precision),
                atol=1e-6,
            )
    np.testing.assert_allclose(superposed(streamed), superposed(resident), atol=1e-6)


def test_many_contexts_go_through_a_layer_in_parts(tiny_esm2, monkeypatch):
    layers = watched(monkeypatch)
    resident, streamed = pair(tiny_esm2)
    contexts = [Context.of(SEQUENCE, [i]) for i in range(len(SEQUENCE))]
    places = np.arange(len(SEQUENCE))[:, None]
    expected = resident.log_probabilities(contexts), resident.log_probabilities(contexts, places)
    sizes, advance = [], Encoder.advance

    def counted(self, layer, x, *rest):
        sizes.append(len(x))
        return advance(self, layer, x, *rest)

    monkeypatch.setattr(Encoder, "advance", counted)
    # Three contexts of 24 tokens and width 32 at a time.
    monkeypatch.setattr("plmwidgets.models.encoder.STREAM_AT_ONCE", 3 * 24 * 32 + 1)
    np.testing.assert_allclose(streamed.log_probabilities(contexts), expected[0], atol=1e-6)
    np.testing.assert_allclose(streamed.log_probabilities(contexts, places), expected[1], atol=1e-6)
    layers.settle()
    assert layers.indices == [0, 1, 2, 0, 1, 2, 0]
    assert sizes == [*([3] * 7 + [1]) * 3, *([3] * 7 + [1]) * 2]


def test_two_layers_at_most_in_passes_of_a_model(tiny_esm2, monkeypatch):
    layers = watched(monkeypatch)
    model = load_model(tiny_esm2, device="cpu", memory=1000)
    for _ in range(5):
        model.log_probabilities(CONTEXTS)
    superposed(model)
    real = Encoder.advance

    def fail(*_):
        raise FloatingPointError("in the middle")

    for _ in range(5):
        monkeypatch.setattr(Encoder, "advance", fail)
        with pytest.raises(FloatingPointError) as caught:
            model.log_probabilities(CONTEXTS)
        # Who keeps the exception keeps what it was raised with.
        traceback.clear_frames(caught.tb)
        monkeypatch.setattr(Encoder, "advance", real)
        model.log_probabilities(CONTEXTS, POSITIONS)
    layers.settle()
    assert len(layers.indices) > 40
    assert layers.most == 2
    assert layers.living == 1
    del model, caught
    gc.collect()
    assert layers.living == 0


def test_contact_head_is_not_needed(esm2_copy, tiny_esm2):
    checkpoints.change_weights(
        esm2_copy, lambda weights: {k: v for k, v in weights.items() if "contact_head" not in k}
    )
    np.testing.assert_array_equal(
        load_model(esm2_copy, device="cpu", memory=1000).log_probabilities(CONTEXTS),
        load_model(tiny_esm2, device="cpu").log_probabilities(CONTEXTS),
    )


def test_other_kinds_are_not_streamed(tiny_bert_spaced, esm2_copy):
    words = r"needs 8.*e-05 GB for its weights, and 1e-06 GB are allowed on cpu: choose a smaller"
    with pytest.raises(ModelError, match=words):
        load_model(tiny_bert_spaced, device="cpu", memory="1 kB")
    assert load_model(tiny_bert_spaced, device="cpu", memory="1 MB").capabilities == {
        "attentions",
        "embeddings",
    }
    checkpoints.change_config(esm2_copy, quantization_config={"quant_method": "bitsandbytes"})
    with pytest.raises(ModelError, match="copy needs"):
        load_model(esm2_copy, device="cpu", memory="1 kB")


def test_free_memory_decides_by_default(esm2_copy, tiny_bert_spaced, tmp_path, monkeypatch):
    # Copies: what another test has loaded would be given again.
    monkeypatch.setattr(pretrained, "free_memory", lambda device: 10_000)
    model = load_model(esm2_copy, device="cpu")
    assert "streamed" in model.capabilities
    assert load_model(esm2_copy, device="cpu") is model
    with pytest.raises(ModelError, match="1e-05 GB are free on cpu"):
        load_model(shutil.copytree(tiny_bert_spaced, tmp_path / "bert"), device="cpu")


def test_same_object_for_what_comes_to_the_same(esm2_copy):
    streamed = load_model(esm2_copy, device="cpu", memory=1000)
    assert load_model(esm2_copy, device="cpu", memory="20 kB") is streamed
    resident = load_model(esm2_copy, device="cpu")
    assert "streamed" not in resident.capabilities
    assert load_model(esm2_copy, device="cpu", memory="1 GB") is resident
    assert load_model(esm2_copy, device="cpu") is resident
    assert load_model(esm2_copy, device="cpu", memory=1000) is streamed
    assert load_model(esm2_copy, device="cpu", memory=1000, dtype="bfloat16") is not streamed


def test_half_precision_needs_half_the_memory(tiny_esm2):
    count = sum(p.numel() for p in AutoModelForMaskedLM.from_pretrained(tiny_esm2).parameters())
    assert "streamed" not in load_model(tiny_esm2, device="cpu", memory=4 * count).capabilities
    assert "streamed" in load_model(tiny_esm2, device="cpu", memory=4 * count - 1).capabilities
    half = load_model(tiny_esm2, device="cpu", dtype="bfloat16", memory=2 * count)
    assert "streamed" not in half.capabilities


def test_on_a_gpu_the_default_precision_is_counted_too(tiny_esm2, tiny_bert_spaced):
    for folder, size in ((tiny_esm2, 6), (tiny_bert_spaced, 4)):
        network = AutoModelForMaskedLM.from_pretrained(folder)
        count = sum(p.numel() for p in network.parameters())
        gpu = torch.device("cuda:0")
        assert pretrained._weight_bytes(network, gpu, torch.float32) == size * count
        assert pretrained._weight_bytes(network, gpu, torch.bfloat16) == 2 * count


def test_streamed_model_is_freed_with_its_last_user(esm2_copy):
    gc.collect()
    before = len(stream_threads())
    model = load_model(esm2_copy, device="cpu", memory=1000)
    model.log_probabilities(CONTEXTS)
    assert len(stream_threads()) == before + 1
    del model
    gc.collect()
    assert len(stream_threads()) == before


@pytest.mark.parametrize(
    ("memory", "size"),
    [
        (1, 1),
        (8e9, 8 * 10**9),
        (np.int64(5), 5),
        ("8 GB", 8 * 10**9),
        ("500MB", 500 * 10**6),
        (" 1.5 kb ", 1500),
        ("2 GiB", 2 * 2**30),
        ("12 B", 12),
        (".5 TB", 5 * 10**11),
    ],
)
def test_sizes(memory, size):
    assert byte_size(memory) == size


@pytest.mark.parametrize(
    "memory",
    ["", "lots", "8", "8 GBit", "-1 GB", "1,5 GB", "0 GB", 0, -5, True, np.nan, np.inf, []],
)
def test_what_is_no_size(memory):
    with pytest.raises(ValueError, match=r"memory=.* is not a size: give .* such as '8 GB'"):
        load_model("demo", memory=memory)


def test_batches_of_a_streamed_model(tiny_esm2):
    resident, streamed = pair(tiny_esm2)
    assert resident.preferred_batch(100) == 64
    context = 4 * 32 * (20_000 + 2)
    assert streamed.preferred_batch(20_000) == 2**28 // context == 104
    assert streamed.preferred_batch(1) == 1024
    assert streamed.preferred_batch(10**8) == 1
    half = load_model(tiny_esm2, device="cpu", memory=1000, dtype="bfloat16")
    assert half.preferred_batch(20_000) == 209
