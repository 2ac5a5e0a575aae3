"""Attention weights and contacts against transformers' own, and the correction against fair-esm."""

import numpy as np
import pytest
import torch
from esm.modules import apc as esm_apc
from esm.modules import symmetrize
from transformers import AutoModelForMaskedLM

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.models import Context, load_model
from plmwidgets.models import attention as attention_module
from plmwidgets.models.attention import corrected

LENGTH = 29
SEQUENCE = "".join(np.random.default_rng(3).choice(list(AMINO_ACIDS), LENGTH))
CONTEXTS = [
    Context.of(SEQUENCE),
    Context.of(SEQUENCE, [0]),
    Context.of(SEQUENCE, [4, LENGTH - 1]),
    Context.of(SEQUENCE, range(0, LENGTH, 2)),
    Context.of(SEQUENCE, [3], {0: "K", 11: "P"}),
    Context.of(SEQUENCE[::-1]),
]
WITH_HEAD = ["tiny_esm2", "tiny_esm1b"]
ALL = [*WITH_HEAD, "tiny_esmc", "tiny_bert_spaced"]


@pytest.fixture
def folder(request):
    return request.getfixturevalue(request.param)


class Plain:
    """One context a call through the network itself, which gives weights when it is eager."""

    def __init__(self, folder, model):
        self.network = AutoModelForMaskedLM.from_pretrained(folder, attn_implementation="eager")
        self.network.eval()
        self.tokens = model.tokens

    def ids(self, context):
        return torch.from_numpy(self.tokens.encode([context]))

    @torch.no_grad()
    def attentions(self, context):
        given = self.network(self.ids(context), output_attentions=True).attentions
        return torch.stack(given)[:, 0, :, 1:-1, 1:-1].numpy()

    @torch.no_grad()
    def contacts(self, context):
        ids = self.ids(context)
        return self.network.predict_contacts(ids, torch.ones_like(ids))[0].numpy()


@pytest.mark.parametrize("folder", ALL, indirect=True)
def test_attentions_are_those_of_the_network(folder):
    model = load_model(folder, device="cpu")
    plain = Plain(folder, model)
    expected = np.stack([plain.attentions(context) for context in CONTEXTS])
    assert np.abs(expected[0] - expected[1]).max() > 0.05  # contexts matter

    values = model.attentions(CONTEXTS)

    layers, heads = model.attention_shape
    assert values.dtype == np.float32
    assert values.shape == (len(CONTEXTS), layers, heads, LENGTH, LENGTH)
    np.testing.assert_allclose(values, expected, atol=1e-5, rtol=0)
    last = model.attentions(CONTEXTS, [layers - 1, 0])
    np.testing.assert_allclose(last, values[:, [layers - 1, 0]], atol=1e-6, rtol=0)
    # Predictions are what they were, whatever the weights needed of the network.
    fresh = load_model(folder, device="cpu").log_probabilities(CONTEXTS)
    np.testing.assert_array_equal(model.log_probabilities(CONTEXTS), fresh)


@pytest.mark.parametrize("folder", WITH_HEAD, indirect=True)
def test_contact_probabilities_are_those_of_the_network(folder):
    model = load_model(folder, device="cpu", contact_head=True)
    plain = Plain(folder, model)
    expected = np.stack([plain.contacts(context) for context in CONTEXTS])
    assert np.abs(expected[0] - expected[3]).max() > 0.01

    values = model.contact_probabilities(CONTEXTS)

    assert values.dtype == np.float32
    np.testing.assert_allclose(values, expected, atol=1e-5, rtol=0)
    np.testing.assert_allclose(values, values.transpose(0, 2, 1), atol=1e-6)


@pytest.mark.parametrize("folder", ["tiny_esm2", "tiny_bert_spaced"], indirect=True)
def test_parts_of_a_batch_give_the_same(folder, monkeypatch):
    model = load_model(folder, device="cpu")
    whole = model.attentions(CONTEXTS)
    heads, tokens = model.attention_shape[1], LENGTH + 2
    monkeypatch.setattr(attention_module, "WEIGHTS_AT_ONCE", 2 * heads * tokens**2)
    monkeypatch.setattr(type(model), "preferred_batch", lambda self, length: 4)
    steps = model.attention_steps(CONTEXTS)
    shares = []
    while True:
        try:
            shares.append(next(steps))
        except StopIteration as end:
            parts = end.value
            break
    np.testing.assert_allclose(parts, whole, atol=1e-6, rtol=0)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert len(shares) > model.attention_shape[0]


@pytest.mark.parametrize("folder", WITH_HEAD, indirect=True)
def test_a_streamed_model_gives_the_same(folder):
    resident = load_model(folder, device="cpu", contact_head=True)
    streamed = load_model(folder, device="cpu", contact_head=True, memory="20 kB")
    assert "streamed" in streamed.capabilities
    assert streamed.attention_shape == resident.attention_shape
    np.testing.assert_allclose(
        streamed.attentions(CONTEXTS), resident.attentions(CONTEXTS), atol=1e-6, rtol=0
    )
    np.testing.assert_allclose(
        streamed.contact_probabilities(CONTEXTS),
        resident.contact_probabilities(CONTEXTS),
        atol=1e-6,
        rtol=0,
    )


@pytest.mark.parametrize("folder", WITH_HEAD, indirect=True)
def test_half_precision_is_near(folder):
    single = load_model(folder, device="cpu", contact_head=True)
    half = load_model(folder, device="cpu", dtype="bfloat16", contact_head=True)
    values = half.contact_probabilities(CONTEXTS)
    assert values.dtype == np.float32
    assert np.abs(values - single.contact_probabilities(CONTEXTS)).mean() < 0.02


def test_correction_is_that_of_fair_esm():
    maps = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    expected = esm_apc(symmetrize(maps).flatten(0, 1)).view_as(maps)
    torch.testing.assert_close(corrected(maps + maps.mT), expected)


def test_heads_that_give_residues_nothing_stay_finite():
    assert torch.equal(corrected(torch.zeros(1, 4, 4)), torch.zeros(1, 4, 4))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("folder", ALL, indirect=True)
def test_cuda_gives_what_the_cpu_gives(folder):
    head = None if "esm2" not in folder.name else True
    here, there = (load_model(folder, device=each, contact_head=head) for each in ("cpu", "cuda"))
    expected = here.attentions(CONTEXTS)
    np.testing.assert_allclose(there.attentions(CONTEXTS), expected, atol=1e-4, rtol=0)
    if head:
        expected = here.contact_probabilities(CONTEXTS)
        values = there.contact_probabilities(CONTEXTS)
        np.testing.assert_allclose(values, expected, atol=1e-3, rtol=0)
