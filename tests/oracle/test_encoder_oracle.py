"""The fast encoder of ESM's and ESM C's kinds against Hugging Face's own forward."""

import functools
import shutil
from dataclasses import replace

import checkpoints
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from transformers import AutoModelForMaskedLM, AutoTokenizer, EsmcConfig, EsmcForMaskedLM

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.metrics import js_distance
from plmwidgets.models import Context, load_model, sizes
from plmwidgets.models import encoder as encoder_module
from plmwidgets.models import layers as layers_module
from plmwidgets.models.esm import wrap
from plmwidgets.models.esm_layout import is_esm_like
from plmwidgets.models.masked_lm import chosen_precision
from plmwidgets.protein import Protein

FIXTURES = ["tiny_esm2", "tiny_esm1b", "tiny_esmc"]
# "double" computes in float64, but from some numbers that are rounded to float32: the networks'
# own angles (and, by ESM-2's, rotated queries and keys), the scale of token dropout, and ESM C's
# residual scale where it is multiplied into float32 weights.
DOUBLE = 3e-6
REFERENCE = {"atol": 1e-5, "rtol": 1e-6}
LETTERS = np.array(list(AMINO_ACIDS))


def sequence_of(length, seed=0):
    return "".join(np.random.default_rng(seed).choice(LETTERS, length))


SEQUENCE = sequence_of(23)
CONTEXTS = [
    Context.of(SEQUENCE),
    Context.of(SEQUENCE, [0, 22]),
    Context.of(SEQUENCE, [4], {5: "W"}),
    Context.of(SEQUENCE, [2, 3, 11], {11: "P", 20: "C"}),
]


@pytest.fixture(params=FIXTURES)
def name(request):
    return request.param


@pytest.fixture
def folder(name, request):
    return request.getfixturevalue(name)


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


@functools.lru_cache(maxsize=2)
def network_and_tokenizer(folder, dtype):
    network = AutoModelForMaskedLM.from_pretrained(folder).to(dtype).eval()
    return network, AutoTokenizer.from_pretrained(folder)


def plain(folder, contexts, positions=None, dtype=torch.float64):
    """The forward of Hugging Face, one context a call."""
    network, tokenizer = network_and_tokenizer(folder, dtype)
    columns = tokenizer.convert_tokens_to_ids(list(AMINO_ACIDS))
    found = []
    for context in contexts:
        ids = tokenizer(context.residues, return_tensors="pt")["input_ids"]
        ids[0, [position + 1 for position in context.masked]] = tokenizer.mask_token_id
        with torch.no_grad():
            logits = network(ids).logits[0, 1:-1]
        found.append(logits[:, columns].double().log_softmax(-1).numpy())
    if positions is None:
        return np.stack(found)
    return np.stack([rows[some] for rows, some in zip(found, positions, strict=True)])


def assert_equals_plain(folder, contexts, positions=None, double=DOUBLE):
    model = load_model(folder, device="cpu")
    expected = plain(folder, contexts, positions)
    values = model.log_probabilities(contexts, positions, "double")
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, expected, atol=double, rtol=0)
    values = model.log_probabilities(contexts, positions, "reference")
    assert values.dtype == np.float32
    expected = plain(folder, contexts, positions, torch.float32)
    np.testing.assert_allclose(values, expected, **REFERENCE)


@pytest.mark.parametrize("short", [128, 0], ids=["written out", "fused"])
@pytest.mark.parametrize(
    "positions",
    [
        None,
        [[7], [22], [4], [11]],  # unmasked, then masked ones
        [[3, 4], [0, 22], [4, 5], [3, 20]],
        [[0, 0, 22], [0, 1, 22], [5, 4, 3], [2, 3, 11]],  # one of them twice
    ],
    ids=["all", "1", "2", "3"],
)
def test_equals_the_network(folder, positions, short, monkeypatch):
    monkeypatch.setattr(encoder_module, "SHORT", short)
    wanted = None if positions is None else np.array(positions)
    assert_equals_plain(folder, CONTEXTS, wanted)
    one = None if wanted is None else wanted[3:]
    assert_equals_plain(folder, CONTEXTS[3:], one)


@pytest.mark.parametrize("short", [128, 0], ids=["written out", "fused"])
def test_what_contexts_share_is_computed_once(folder, short, monkeypatch):
    """Tokens, positions and, with token dropout, the number of masks must be alike to be shared."""
    monkeypatch.setattr(encoder_module, "SHORT", short)
    rows = []
    project = layers_module.Layer.project
    monkeypatch.setattr(
        layers_module.Layer,
        "project",
        lambda *a, **o: rows.append(o.get("repeats")) or project(*a, **o),
    )
    contexts = [Context.of(SEQUENCE, [n, n + 1]) for n in range(9)]
    contexts += [Context.of(SEQUENCE, [n], {n + 1: "W"}) for n in range(5)]
    assert_equals_plain(folder, contexts)
    shared = [given for given in rows if given is not None]
    assert len(shared) == 2  # the first layer, in each precision
    assert len(shared[0].first) < shared[0].places.numel() / 3


def test_double_precision_is_exact_where_nothing_is_rounded(tiny_esm1b, tmp_path):
    """Without token dropout; and with ESM C's residual scale a power of two."""
    copy = shutil.copytree(tiny_esm1b, tmp_path / "copy")
    checkpoints.change_config(copy, token_dropout=False)
    for folder in (copy, checkpoints.build_esmc(tmp_path / "nine", layers=9)):
        values = load_model(folder, device="cpu").log_probabilities(CONTEXTS, precision="double")
        np.testing.assert_allclose(values, plain(folder, CONTEXTS), atol=1e-11)


@pytest.mark.parametrize("length", [1, 2, 126, 127])
def test_equals_the_network_at_any_length(folder, length, monkeypatch):
    """With the two special tokens, 126 residues are the last to have attention written out."""
    used = []
    written_out = layers_module._attend_written_out
    monkeypatch.setattr(
        layers_module, "_attend_written_out", lambda *a: used.append(1) or written_out(*a)
    )
    sequence = sequence_of(length)
    contexts = [Context.of(sequence, [length - 1]), Context.of(sequence, [length // 2])]
    assert_equals_plain(folder, contexts)
    assert bool(used) == (length <= 126)


def test_small_blocks_equal_the_network(folder, monkeypatch):
    """Contexts, feed-forward rows and attention scores in several blocks, the last ones smaller."""
    monkeypatch.setattr(encoder_module, "STREAM_AT_ONCE", 3 * 25 * 32)
    monkeypatch.setattr(sizes, "CPU", replace(sizes.CPU, rows=7))
    monkeypatch.setattr(layers_module, "SCORES_AT_ONCE", 3 * 25 * 25)
    assert_equals_plain(folder, CONTEXTS)
    assert_equals_plain(folder, CONTEXTS, np.array([[1, 2]] * 4))


def test_calls_of_changing_shape_do_not_disturb_each_other(folder, tmp_path):
    """Buffers and angles are kept between calls."""
    model = load_model(folder, device="cpu")
    short, long = [Context.of(SEQUENCE[:9], [3])], [Context.of(SEQUENCE * 2, [3])] * 3
    first = [model.log_probabilities(contexts) for contexts in (short, long, short, long)]
    # A folder gives one model as long as it is held: unused ones come from other folders.
    fresh = [
        load_model(shutil.copytree(folder, tmp_path / str(n)), device="cpu").log_probabilities(c)
        for n, c in enumerate((short, long))
    ]
    for values, expected in zip(first, fresh * 2, strict=True):
        np.testing.assert_array_equal(values, expected)


def large_scores(folder, factor):
    """Scale a checkpoint's queries, in ESM C behind their norm, and so all attention scores."""
    queries = ("self.query.weight", "self.query.bias", "q_norm.weight")
    checkpoints.change_weights(
        folder, lambda w: {k: v * factor if k.endswith(queries) else v for k, v in w.items()}
    )


def test_scores_of_several_hundred_equal_the_network(copy, monkeypatch):
    large_scores(copy, 60)
    inside = []
    written_out = layers_module._attend_written_out

    def record(*arguments):
        inside.append(written_out(*arguments))
        return inside[-1]

    monkeypatch.setattr(layers_module, "_attend_written_out", record)
    model = load_model(copy, device="cpu")
    for positions in (None, np.array([[0, 3, 22]] * 4)):
        values = model.log_probabilities(CONTEXTS, positions, "double")
        # What is rounded to float32, see DOUBLE, grows with the scores.
        np.testing.assert_allclose(values, plain(copy, CONTEXTS, positions), atol=3e-4)
        values = model.log_probabilities(CONTEXTS, positions)
        expected = plain(copy, CONTEXTS, positions, torch.float32)
        np.testing.assert_allclose(values, expected, atol=3e-3)
    assert inside and not any(inside)


def test_one_head_out_of_range_equals_the_network(tiny_esmc, tmp_path, monkeypatch):
    """The other heads' sums are in range, and must not hide that one's is not."""
    copy = shutil.copytree(tiny_esmc, tmp_path / "copy")

    def first_head(weights):
        width = next(v for k, v in weights.items() if k.endswith("q_norm.weight")).shape[0]
        factor = torch.ones(width)
        factor[: width // 4] = 60
        return {k: v * factor if k.endswith("q_norm.weight") else v for k, v in weights.items()}

    checkpoints.change_weights(copy, first_head)
    assert_equals_plain(copy, CONTEXTS[2:3], double=1e-5)


def whole(steps):
    """What a generator returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize(("precision", "largest"), [("final", 0.01), ("preview", 0.3)])
def test_half_precisions_are_near_the_reference(folder, precision, largest):
    model = load_model(folder, device="cpu")
    ids = torch.from_numpy(model.tokens.encode(CONTEXTS))
    reference = whole(model._encoder_in("reference").steps(ids)).numpy()
    for tokens in (None, torch.tensor([[1, 6, 23]] * len(CONTEXTS))):
        values = whole(model._encoder_in(precision).steps(ids, tokens)).numpy()
        expected = reference
        if tokens is not None:
            expected = np.take_along_axis(reference, tokens.numpy()[..., None], axis=1)
        assert values.dtype == np.float32
        np.testing.assert_allclose(np.exp(values.astype(np.float64)).sum(-1), 1, atol=1e-5)
        difference = np.abs(np.exp(values) - np.exp(expected))
        assert 1e-5 < difference.max() < largest
        assert difference.mean() < largest / 10


def test_final_precision_keeps_scores_that_leave_half_precision_when_raised_to_a_power(copy):
    """In float16 exponentials leave the range from 11.1 on: they are always shifted."""
    large_scores(copy, 6)
    model = load_model(copy, device="cpu")
    ids = torch.from_numpy(model.tokens.encode(CONTEXTS))
    values = whole(model._encoder_in("final").steps(ids)).numpy()
    reference = whole(model._encoder_in("reference").steps(ids)).numpy()
    assert np.isfinite(values).all()
    assert np.abs(np.exp(values) - np.exp(reference)).max() < 0.05


def query_weight(network):
    if isinstance(network, EsmcForMaskedLM):
        return network.esmc.layers[1].self_attn.q_proj.weight
    return network.esm.encoder.layer[1].attention.self.query.weight


def test_reading_the_encoder_leaves_the_network_as_it_was(copy, tmp_path):
    model = load_model(copy, device="cpu")
    assert not model._encoders
    ids = torch.from_numpy(model.tokens.encode(CONTEXTS))
    with torch.no_grad():
        before = model.network(ids).logits
        model.log_probabilities(CONTEXTS)
        after = model.network(ids).logits
    assert torch.equal(before, after)
    for parameter in model.network.parameters():
        assert parameter.is_leaf and parameter.requires_grad
    saved = tmp_path / "saved"
    model.network.save_pretrained(saved)
    AutoTokenizer.from_pretrained(copy).save_pretrained(saved)
    np.testing.assert_array_equal(
        load_model(saved, device="cpu").log_probabilities(CONTEXTS),
        model.log_probabilities(CONTEXTS),
    )


def test_encoder_and_network_share_memory(folder):
    model = load_model(folder, device="cpu")
    layer = model._encoder_in("reference").layers[1]
    own, fused = query_weight(model.network).detach(), layer.qkv.weight
    assert own.untyped_storage().data_ptr() == fused.untyped_storage().data_ptr()
    assert own.data_ptr() == fused.data_ptr()
    assert torch.equal(own, fused[: len(own)])
    # What needs no other type is the same object's memory in every encoder.
    half = model._encoder_in("final").layers[1]
    assert half.attention_norm.weight.data_ptr() == layer.attention_norm.weight.data_ptr()


def biased(weights):
    """Give ESM C's linear maps the biases that its configuration allows and no checkpoint has."""
    generator = torch.Generator().manual_seed(5)
    more = {
        key.replace("_proj.weight", "_proj.bias"): 0.3
        * torch.randn(len(weight), generator=generator)
        for key, weight in weights.items()
        if key.endswith("_proj.weight")
    }
    return weights | more


def input_norm(weights):
    generator = torch.Generator().manual_seed(6)
    at = "esm.embeddings.layer_norm"
    weight, bias = 1 + 0.3 * torch.randn(2, 32, generator=generator)
    return weights | {f"{at}.weight": weight, f"{at}.bias": bias - 1}


def slower(weights):
    """Other rotary frequencies, which ESM-2 reads from its weights."""
    return {k: v * 0.7 if k.endswith("inv_freq") else v for k, v in weights.items()}


def untied(weights):
    # Three quarters: not what the embeddings hold, and still of their size.
    tied = weights["esm.embeddings.word_embeddings.weight"]
    return weights | {"lm_head.decoder.weight": 0.75 * tied}


@pytest.mark.parametrize(
    ("fixture", "changes", "weights"),
    [
        ("tiny_esm2", {"token_dropout": False}, None),
        ("tiny_esm1b", {"emb_layer_norm_before": False}, None),
        ("tiny_esm2", {"emb_layer_norm_before": True}, input_norm),
        ("tiny_esm2", {"tie_word_embeddings": False}, untied),
        ("tiny_esm2", {}, slower),
        ("tiny_esmc", {"attention_bias": True, "mlp_bias": True}, biased),
        (
            "tiny_esmc",
            {"rope_parameters": {"rope_type": "default", "rope_theta": 50.0}},
            None,
        ),
    ],
    ids=lambda value: next(iter(value), "inv_freq") if isinstance(value, dict) else "",
)
def test_variants_equal_the_network(fixture, changes, weights, request, tmp_path):
    original = request.getfixturevalue(fixture)
    copy = shutil.copytree(original, tmp_path / "copy")
    checkpoints.change_config(copy, **changes)
    if weights is not None:
        checkpoints.change_weights(copy, weights)
    assert "pair_pass" in load_model(copy, device="cpu").capabilities
    assert np.abs(plain(copy, CONTEXTS) - plain(original, CONTEXTS)).max() > 1e-3
    assert_equals_plain(copy, CONTEXTS)
    assert_equals_plain(copy, CONTEXTS, np.array([[0, 4, 11]] * len(CONTEXTS)))


class Adapted(torch.nn.Linear):
    """A linear map that computes something more, as an adapter or a quantiser does."""

    def forward(self, x):
        return super().forward(x) + x


class Wrapped(torch.nn.Module):
    """The same without parameters of its own."""

    def __init__(self, base):
        super().__init__()
        self.base = base

    def forward(self, x):
        return self.base(x) + x


def adapted(linear):
    other = Adapted(linear.in_features, linear.out_features, linear.bias is not None)
    other.load_state_dict(linear.state_dict())
    return other


def replace_query(network, replacement):
    if isinstance(network, EsmcForMaskedLM):
        owner, part = network.esmc.layers[1].self_attn, "q_proj"
    else:
        owner, part = network.esm.encoder.layer[1].attention.self, "query"
    setattr(owner, part, replacement(getattr(owner, part)))


def rebuilt(model, network):
    """The model as made of another network."""
    return wrap(network, model.tokens._tokenizer, name="changed", checkpoint="changed", revision="")


def assert_left_to_the_network(model):
    assert not is_esm_like(model.network)
    assert model.capabilities == {"attentions", "embeddings"}
    ids = torch.from_numpy(model.tokens.encode(CONTEXTS))
    with torch.no_grad():
        logits = model.network(ids).logits[:, 1:-1][..., model.tokens.columns]
    expected = logits.log_softmax(-1).numpy()
    values = model.log_probabilities(CONTEXTS)
    np.testing.assert_allclose(values, expected, atol=1e-6)
    values = model.log_probabilities(CONTEXTS, np.array([[0, 4]] * len(CONTEXTS)))
    np.testing.assert_allclose(values, expected[:, [0, 4]], atol=1e-6)


def test_known_networks_are_esm_like(folder):
    model = load_model(folder, device="cpu")
    assert is_esm_like(model.network)
    assert model.capabilities == {"attentions", "embeddings", "precision", "pair_pass"}


@pytest.mark.parametrize("replacement", [adapted, Wrapped])
def test_network_with_a_changed_linear_map_is_left_to_itself(copy, replacement):
    model = load_model(copy, device="cpu")
    before = model.log_probabilities(CONTEXTS)
    replace_query(model.network, replacement)
    changed = rebuilt(model, model.network)
    assert_left_to_the_network(changed)
    assert np.abs(changed.log_probabilities(CONTEXTS) - before).max() > 1e-3


class Packed(torch.Tensor):
    """Weights in another layout, as some quantisers keep them in an ordinary module."""


def test_network_with_other_kinds_of_weights_is_left_to_itself(copy):
    network = load_model(copy, device="cpu").network
    replace_query(network, repacked)
    assert not is_esm_like(network)


def repacked(linear):
    linear.weight = torch.nn.Parameter(linear.weight.detach().as_subclass(Packed))
    return linear


def test_bert_is_left_to_itself(tiny_bert_spaced):
    assert_left_to_the_network(load_model(tiny_bert_spaced, device="cpu"))


@pytest.mark.parametrize(
    ("fixture", "changes"),
    [
        ("tiny_esm2", {"is_decoder": True}),
        ("tiny_esm1b", {"is_decoder": True}),
        ("tiny_esmc", {"hidden_act": "gelu"}),
        (
            "tiny_esmc",
            {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}},
        ),
    ],
    ids=["decoder", "decoder of ESM-1b", "activation", "scaled rotation"],
)
def test_other_configurations_are_left_to_the_network(fixture, changes, request, tmp_path):
    original = request.getfixturevalue(fixture)
    copy = shutil.copytree(original, tmp_path / "copy")
    checkpoints.change_config(copy, **changes)
    model = load_model(copy, device="cpu")
    assert_left_to_the_network(model)
    usual = load_model(original, device="cpu").log_probabilities(CONTEXTS)
    assert np.abs(model.log_probabilities(CONTEXTS) - usual).max() > 1e-3


def test_grouped_key_value_heads_are_not_esm_like():
    # transformers refuses to build one today, so the configuration is changed behind its back.
    config = EsmcConfig(
        hidden_size=32, num_attention_heads=4, intermediate_size=48, num_hidden_layers=1
    )
    network = EsmcForMaskedLM(config)
    assert is_esm_like(network)
    network.config.num_key_value_heads = 2
    assert not is_esm_like(network)


@pytest.mark.parametrize(
    ("dtype", "precisions"),
    [
        ("float32", ("reference", "preview")),
        ("bfloat16", ("preview",)),
        ("float16", ("final",)),
    ],
)
def test_precisions_on_a_cpu(folder, dtype, precisions):
    model = load_model(folder, device="cpu", dtype=dtype)
    assert model.precisions == precisions
    assert chosen_precision(model, None) == precisions[0]
    for precision in precisions:
        assert chosen_precision(model, precision) == precision
        values = model.log_probabilities(CONTEXTS, precision=precision)
        np.testing.assert_allclose(np.exp(values.astype(np.float64)).sum(-1), 1, atol=1e-5)
    np.testing.assert_array_equal(
        model.log_probabilities(CONTEXTS),
        model.log_probabilities(CONTEXTS, precision=precisions[0]),
    )


@pytest.mark.parametrize(
    ("dtype", "precision"),
    [("float32", "reference"), ("bfloat16", "preview"), ("float16", "preview")],
)
def test_precision_of_other_networks_is_that_of_their_weights(tiny_bert_spaced, dtype, precision):
    model = load_model(tiny_bert_spaced, device="cpu", dtype=dtype)
    assert model.precisions == (precision,)
    assert chosen_precision(model, None) == precision


def test_final_precision_on_a_cpu_is_the_reference(tiny_esm2, tiny_bert_spaced):
    for folder in (tiny_esm2, tiny_bert_spaced):
        model = load_model(folder, device="cpu")
        assert chosen_precision(model, "final") == "reference"
    with pytest.raises(ValueError, match=r"'final'.*only in 'preview'.*float32"):
        chosen_precision(load_model(tiny_esm2, device="cpu", dtype="bfloat16"), "final")


def test_precision_of_a_model_that_states_none_is_the_reference():
    class Stated:
        name = "stated"
        identity = load_model("demo").identity

    assert chosen_precision(Stated(), None) == "reference"
    with pytest.raises(ValueError, match=r"stated as loaded .* only in 'reference'"):
        chosen_precision(Stated(), "preview")


def test_unknown_and_unavailable_precisions_are_refused(tiny_esm2, tiny_bert_spaced):
    model = load_model(tiny_esm2, device="cpu")
    for unknown in ("fast", "double", ""):
        with pytest.raises(
            ValueError, match=r"unknown precision .*'reference', 'final', 'preview'"
        ):
            chosen_precision(model, unknown)
    half = load_model(tiny_esm2, device="cpu", dtype="float16")
    with pytest.raises(ValueError, match=r"float16, cpu.*'preview', only in 'final'.*float32"):
        chosen_precision(half, "preview")
    with pytest.raises(ValueError, match=r"'preview', only in 'reference'.*ESM"):
        chosen_precision(load_model(tiny_bert_spaced, device="cpu"), "preview")


@pytest.mark.parametrize(
    ("precision", "p99", "ranks"), [("reference", 2e-6, 0.9999), ("final", 5e-4, 0.999)]
)
def test_precision_of_a_trained_model(precision, p99, ranks, monkeypatch):
    """Distances of the demo's pairs, most of which are small, against those in float64."""
    model, random = load_model("demo", device="cpu"), np.random.default_rng(0)
    monkeypatch.setattr(model, "precisions", ("reference", "final"))
    sequence = Protein.demo().sequence
    pairs = random.permutation(np.stack(np.triu_indices(len(sequence), 1), axis=1))[:400]
    alone = [Context.of(sequence, [i]) for i in pairs.ravel().tolist()]
    both = [Context.of(sequence, pair) for pair in pairs.tolist()]

    def distances(precision):
        one = model.log_probabilities(alone, pairs.reshape(-1, 1), precision).reshape(-1, 2, 20)
        return js_distance(one, model.log_probabilities(both, pairs, precision)).mean(axis=1)

    found, true = distances(precision), distances("double")
    assert np.percentile(np.abs(found - true), 99) < p99
    assert spearmanr(found, true).statistic > ranks
