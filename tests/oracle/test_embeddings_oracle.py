"""Embeddings against transformers' own hidden states, one sequence at a time."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM

from plmwidgets import Protein, embed
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.models import Context, load_model
from plmwidgets.models import hidden_states as hidden_states_module

RANDOM = np.random.default_rng(5)
LENGTHS = (29, 17, 29, 8, 1, 17, 29, 41)
SEQUENCES = ["".join(RANDOM.choice(list(AMINO_ACIDS + "X"), length)) for length in LENGTHS]
CONTEXTS = [
    Context.of(SEQUENCES[0]),
    Context.of(SEQUENCES[0], [0]),
    Context.of(SEQUENCES[0], range(0, 29, 2)),
    Context.of(SEQUENCES[2], [3], {0: "K", 11: "P"}),
]
ALL = ["tiny_esm2", "tiny_esm1b", "tiny_esmc", "tiny_bert_spaced"]


@pytest.fixture
def folder(request):
    return request.getfixturevalue(request.param)


class Plain:
    """One context a call through the network itself."""

    def __init__(self, folder, model):
        self.network = AutoModelForMaskedLM.from_pretrained(folder).eval()
        self.tokens = model.tokens

    @torch.no_grad()
    def states(self, context):
        ids = torch.from_numpy(self.tokens.encode([context]))
        given = self.network(ids, output_hidden_states=True).hidden_states
        return torch.stack(given)[:, 0, 1:-1].numpy()


@pytest.mark.parametrize("folder", ALL, indirect=True)
def test_hidden_states_are_those_of_the_network(folder):
    model = load_model(folder, device="cpu")
    plain = Plain(folder, model)
    expected = np.stack([plain.states(context) for context in CONTEXTS])
    assert np.abs(expected[0] - expected[1]).max() > 0.05  # contexts matter

    layers, width = model.embedding_shape
    values = model.embeddings(CONTEXTS, range(layers + 1))

    assert values.dtype == np.float32
    assert values.shape == (len(CONTEXTS), layers + 1, 29, width)
    np.testing.assert_allclose(values, expected, atol=1e-5, rtol=1e-5)
    some = model.embeddings(CONTEXTS, [layers, 0])
    np.testing.assert_allclose(some, values[:, [layers, 0]], atol=1e-6, rtol=1e-6)
    np.testing.assert_array_equal(model.embeddings(CONTEXTS), some[:, :1])


@pytest.mark.parametrize("folder", ALL, indirect=True)
def test_many_sequences_are_embedded_as_each_alone(folder):
    model = load_model(folder, device="cpu")
    plain = Plain(folder, model)
    found = embed(SEQUENCES, model, layers="all")
    found.wait(60, quiet=True)
    for index, sequence in enumerate(SEQUENCES):
        expected = plain.states(Context.of(sequence))
        for layer in found.layers:
            alone = found.residues(index, layer)
            assert alone.shape == (len(sequence), found.width)
            np.testing.assert_allclose(alone, expected[layer], atol=1e-5, rtol=1e-5)
            np.testing.assert_allclose(
                found.pooled(layer)[index], expected[layer].mean(axis=0), atol=1e-5, rtol=1e-5
            )


@pytest.mark.parametrize("folder", ["tiny_esm2", "tiny_esm1b"], indirect=True)
def test_token_dropout_sees_what_is_masked(folder):
    model = load_model(folder, device="cpu")
    masked = [1, 5, 6, 20]
    found = embed(SEQUENCES[0], model, masked=masked, layers="all")
    found.wait(60, quiet=True)
    expected = Plain(folder, model).states(Context.of(SEQUENCES[0], masked))
    for layer in found.layers:
        np.testing.assert_allclose(found.residues(0, layer), expected[layer], atol=1e-5, rtol=1e-5)


def test_the_demo_is_embedded_as_its_network_does():
    model = load_model("demo", device="cpu")
    protein = Protein.demo()
    ids = torch.from_numpy(model.tokens.encode([Context.of(protein.sequence)]))
    with torch.no_grad():
        given = model.network(ids, output_hidden_states=True).hidden_states
    found = embed(protein, "demo", layers="all")
    found.wait(30, quiet=True)
    for layer, expected in enumerate(given):
        np.testing.assert_allclose(
            found.residues(0, layer), expected[0, 1:-1].numpy(), atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize("folder", ["tiny_esm2", "tiny_esmc"], indirect=True)
def test_a_streamed_model_gives_the_same(folder):
    resident = load_model(folder, device="cpu")
    streamed = load_model(folder, device="cpu", memory="20 kB")
    assert "streamed" in streamed.capabilities
    assert streamed.embedding_shape == resident.embedding_shape
    layers = range(resident.embedding_shape[0] + 1)
    np.testing.assert_allclose(
        streamed.embeddings(CONTEXTS, layers),
        resident.embeddings(CONTEXTS, layers),
        atol=1e-5,
        rtol=1e-5,
    )


@pytest.mark.parametrize("folder", ["tiny_esm2", "tiny_bert_spaced"], indirect=True)
def test_parts_of_a_batch_give_the_same(folder, monkeypatch):
    model = load_model(folder, device="cpu")
    layers = range(model.embedding_shape[0] + 1)
    whole = model.embeddings(CONTEXTS, layers)
    monkeypatch.setattr(hidden_states_module, "STREAM_AT_ONCE", 2 * 31 * 32)
    monkeypatch.setattr(type(model), "preferred_batch", lambda self, length: 3)
    steps, shares = model.embedding_steps(CONTEXTS, layers), []
    while True:
        try:
            shares.append(next(steps))
        except StopIteration as end:
            parts = end.value
            break
    np.testing.assert_allclose(parts, whole, atol=1e-5, rtol=1e-5)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_half_precision_is_near(tiny_esm2):
    single = load_model(tiny_esm2, device="cpu").embeddings(CONTEXTS)
    half = load_model(tiny_esm2, device="cpu", dtype="bfloat16").embeddings(CONTEXTS)
    assert half.dtype == np.float32
    assert 0 < np.abs(half - single).mean() < 0.05


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("folder", ALL, indirect=True)
def test_cuda_gives_what_the_cpu_gives(folder):
    here, there = (load_model(folder, device=each) for each in ("cpu", "cuda"))
    layers = range(here.embedding_shape[0] + 1)
    np.testing.assert_allclose(
        there.embeddings(CONTEXTS, layers, "reference"),
        here.embeddings(CONTEXTS, layers, "reference"),
        atol=1e-3,
        rtol=1e-3,
    )
