"""Loaded models against the plain Hugging Face forward of the same folder."""

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    EsmcConfig,
    EsmcForMaskedLM,
    EsmConfig,
    EsmForMaskedLM,
)

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.models import Context, load_model
from plmwidgets.models.catalog import find

FIXTURES = ["tiny_esm2", "tiny_esm1b", "tiny_esmc", "tiny_bert_spaced"]
LENGTH = 37
SEQUENCE = "".join(np.random.default_rng(7).choice(list(AMINO_ACIDS), LENGTH))
OTHER = SEQUENCE[::-1].replace("A", "X")
CONTEXTS = [
    Context.of(SEQUENCE),
    Context.of(SEQUENCE, [0]),
    Context.of(SEQUENCE, [LENGTH - 1]),
    Context.of(SEQUENCE, [4, 29]),
    Context.of(SEQUENCE, range(0, LENGTH, 2)),
    Context.of(SEQUENCE, range(LENGTH)),
    Context.of(SEQUENCE, [], {11: "W"}),
    Context.of(SEQUENCE, [3], {0: "K", 11: "P", LENGTH - 1: "C"}),
    Context.of(SEQUENCE, [3, 11], {11: "P"}),
    Context.of(OTHER, [5], {6: "U"}),
]


@pytest.fixture(params=FIXTURES)
def folder(request):
    return request.getfixturevalue(request.param)


class PlainForward:
    """What a careful person types without this package: one context a call, nothing shared."""

    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForMaskedLM.from_pretrained(folder).eval()

    def log_probabilities(self, context):
        symbols = list(context.sequence)
        for position, letter in context.substitutions:
            symbols[position] = letter
        for position in context.masked:
            symbols[position] = self.tokenizer.mask_token
        blank = " " if self.tokenizer.mask_token == "[MASK]" else ""
        encoded = self.tokenizer(blank.join(symbols), return_tensors="pt")
        with torch.no_grad():
            logits = self.model(**encoded).logits[0, 1:-1]
        columns = self.tokenizer.convert_tokens_to_ids(list(AMINO_ACIDS))
        return torch.log_softmax(logits[:, columns].double(), dim=-1).numpy()


def test_one_batch_equals_single_plain_calls(folder):
    plain = PlainForward(folder)
    expected = np.stack([plain.log_probabilities(context) for context in CONTEXTS])
    # The comparison means something only if contexts matter.
    assert np.abs(expected[1] - expected[3])[4].max() > 0.05

    values = load_model(folder, device="cpu").log_probabilities(CONTEXTS)

    assert values.dtype == np.float32
    assert values.shape == (len(CONTEXTS), LENGTH, 20)
    np.testing.assert_allclose(values, expected, atol=1e-5, rtol=1e-6)
    np.testing.assert_allclose(np.exp(values.astype(np.float64)).sum(-1), 1, atol=1e-6)


def test_chosen_positions_equal_those_of_the_whole(folder):
    model = load_model(folder, device="cpu")
    whole = model.log_probabilities(CONTEXTS)
    positions = np.random.default_rng(0).integers(0, LENGTH, (len(CONTEXTS), 5))
    positions[0] = [0, 0, LENGTH - 1, 1, LENGTH - 2]
    chosen = model.log_probabilities(CONTEXTS, positions)
    np.testing.assert_allclose(
        chosen, np.take_along_axis(whole, positions[..., None], axis=1), atol=1e-6, rtol=0
    )


def test_masked_residue_is_read_at_its_own_place(folder):
    """The well-known slip: hide one residue and read its neighbour.

    What stands at a hidden place cannot matter to its own prediction, and does to all others'.
    """
    model = load_model(folder, device="cpu")
    hidden = 12
    contexts = [Context.of(SEQUENCE, [hidden], {hidden: letter}) for letter in "AW"]
    same = model.log_probabilities(contexts)
    np.testing.assert_array_equal(same[0], same[1])
    contexts = [Context.of(SEQUENCE, [hidden], {hidden + 1: letter}) for letter in "AW"]
    neighbour = model.log_probabilities(contexts)
    change = np.abs(neighbour[0] - neighbour[1]).max(axis=-1)
    assert change.argmax() == hidden + 1


def test_half_precision_is_near_and_still_normalised(folder):
    single = load_model(folder, device="cpu").log_probabilities(CONTEXTS)
    half = load_model(folder, device="cpu", dtype=torch.bfloat16)
    assert half.identity.dtype == "bfloat16"
    values = half.log_probabilities(CONTEXTS)
    assert values.dtype == np.float32
    np.testing.assert_allclose(np.exp(values.astype(np.float64)).sum(-1), 1, atol=1e-5)
    difference = np.abs(np.exp(values) - np.exp(single))
    assert 0 < difference.max() < 0.2
    assert difference.mean() < 0.01


@pytest.mark.parametrize("fixture", ["tiny_esm2", "tiny_esmc"])
def test_half_precision_keeps_the_rotary_frequencies(fixture, request):
    folder = request.getfixturevalue(fixture)
    tables = []
    for dtype in ("float32", "float16"):
        network = load_model(folder, device="cpu", dtype=dtype).network
        tables.append({k: v for k, v in network.named_buffers() if k.endswith("inv_freq")})
    assert tables[0]
    for name, frequencies in tables[0].items():
        assert torch.equal(frequencies, tables[1][name])


def test_sharded_weights_give_the_same(tiny_esm2, tmp_path):
    network = AutoModelForMaskedLM.from_pretrained(tiny_esm2)
    network.save_pretrained(tmp_path, max_shard_size="20kB")
    AutoTokenizer.from_pretrained(tiny_esm2).save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    np.testing.assert_array_equal(
        load_model(tmp_path, device="cpu").log_probabilities(CONTEXTS),
        load_model(tiny_esm2, device="cpu").log_probabilities(CONTEXTS),
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-3), ("float16", 0.1)])
def test_cuda_gives_what_the_cpu_gives(folder, dtype, tolerance):
    model = load_model(folder, device="cuda", dtype=dtype)
    assert model.identity.device == "cuda:0"
    positions = np.tile([[0, LENGTH - 1]], (len(CONTEXTS), 1))
    expected = load_model(folder, device="cpu").log_probabilities(CONTEXTS, positions)
    values = model.log_probabilities(CONTEXTS, positions)
    np.testing.assert_allclose(np.exp(values), np.exp(expected), atol=tolerance, rtol=0)


ESM2 = {"esm2-8m": (6, 320), "esm2-35m": (12, 480), "esm2-150m": (30, 640), "esm2-650m": (33, 1280)}
ESM2 |= {"esm2-3b": (36, 2560), "esm2-15b": (48, 5120)}
ESMC = {"esmc-300m": (30, 960, 2560), "esmc-600m": (36, 1152, 3072), "esmc-6b": (80, 2560, 6912)}


def _count(network_class, config):
    with torch.device("meta"):
        network = network_class(config)
    weights = dict(network.named_parameters())
    return sum(weights[name].numel() for name in weights if "contact_head" not in name)


@pytest.mark.parametrize("name", [*ESM2, "esm1b", "esm1v-1", *ESMC])
def test_catalogue_counts_the_weights_of_the_published_shapes(name):
    if name in ESMC:
        layers, width, inner = ESMC[name]
        config = EsmcConfig(
            num_hidden_layers=layers,
            hidden_size=width,
            intermediate_size=inner,
            num_attention_heads=width // 64,
        )
        assert find(name).parameters == _count(EsmcForMaskedLM, config)
        return
    layers, width = ESM2.get(name, (33, 1280))
    config = EsmConfig(
        vocab_size=33,
        mask_token_id=32,
        pad_token_id=1,
        num_hidden_layers=layers,
        hidden_size=width,
        intermediate_size=4 * width,
        num_attention_heads=20,
        position_embedding_type="rotary" if name in ESM2 else "absolute",
        emb_layer_norm_before=name == "esm1b",
    )
    assert find(name).parameters == _count(EsmForMaskedLM, config)
