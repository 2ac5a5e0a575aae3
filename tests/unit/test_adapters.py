"""LoRA adapters: peft's own forward is the oracle, and the model without one stays as it is."""

import json
import shutil
import sys
import time

import checkpoints
import numpy as np
import peft
import pytest
import torch
from safetensors.torch import load_file, save_file

from plmwidgets import (
    AttentionGrid,
    Distributions,
    Protein,
    attention,
    compare,
    load_model,
    mutation_scores,
    scan_pairs,
    scan_singles,
)
from plmwidgets.models import Context, ModelError
from plmwidgets.models.adapters import AdaptedEsmMaskedLM, share, wrapped_network
from plmwidgets.scan.store import StoreError
from plmwidgets.service import service_for

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQ"
CONTEXTS = [Context.of(SEQUENCE, [3, 7]), Context.of(SEQUENCE, [0], {4: "W"})]
ATTENTION = {
    "tiny_esm2": ["query", "key", "value"],
    "tiny_esm1b": ["query", "value"],
    "tiny_esmc": ["q_proj", "k_proj", "v_proj"],
    "tiny_bert_spaced": ["query", "key", "value"],
}


def write_adapter(folder, base, targets, rank=4, **options):
    """An adapter of large random weights, written by peft itself."""
    config = peft.LoraConfig(
        r=rank, lora_alpha=8, target_modules=targets, init_lora_weights=False, **options
    )
    wrapped = wrapped_network(share(base), config, seed=5)
    wrapped.save_pretrained(folder, save_embedding_layers=False)
    return folder


def peft_forward(base, folder):
    """Log-probabilities by peft, on a network of its own."""
    network = type(base.network).from_pretrained(base.network.config.name_or_path)
    wrapped = peft.PeftModel.from_pretrained(network, folder).eval()
    ids = torch.from_numpy(base.tokens.encode(CONTEXTS))
    with torch.inference_mode():
        logits = wrapped(input_ids=ids).logits
    residues = logits[:, base.tokens.prefix : logits.shape[1] - base.tokens.suffix]
    columns = torch.from_numpy(base.tokens.columns)
    return residues[..., columns].log_softmax(-1).numpy()


@pytest.mark.parametrize(
    ("fixture", "targets", "options", "fast"),
    [(name, targets, {}, name != "tiny_bert_spaced") for name, targets in ATTENTION.items()]
    + [
        ("tiny_esm2", ["query", "dense"], {}, True),  # lm_head.dense as well
        ("tiny_esmc", ["gate_proj", "down_proj", "o_proj"], {"use_rslora": True}, True),
        ("tiny_esm2", ["query", "value"], {"rank_pattern": {"value": 2}}, True),
        ("tiny_esm2", ["query"], {"use_dora": True}, False),
        ("tiny_esm2", ["query", "word_embeddings"], {}, False),
        ("tiny_esm2", ["query"], {"modules_to_save": ["lm_head"]}, False),
    ],
)
def test_an_adapter_gives_what_peft_gives(fixture, targets, options, fast, request, tmp_path):
    base = load_model(request.getfixturevalue(fixture), device="cpu")
    before = base.log_probabilities(CONTEXTS)
    folder = write_adapter(tmp_path / "mine", base, targets, **options)
    model = base.with_adapter(folder)
    expected = peft_forward(base, folder)
    assert np.abs(expected - before).max() > 0.01
    np.testing.assert_allclose(model.log_probabilities(CONTEXTS), expected, atol=1e-5)
    assert isinstance(model, AdaptedEsmMaskedLM) == fast
    assert np.array_equal(base.log_probabilities(CONTEXTS), before)


def test_switching_it_off_restores_the_logits_bit_for_bit_on_shared_weights(tiny_esm2, tmp_path):
    base = load_model(tiny_esm2, device="cpu")
    ids = torch.from_numpy(base.tokens.encode(CONTEXTS))
    with torch.inference_mode():
        before = base.network(input_ids=ids).logits
    model = base.with_adapter(write_adapter(tmp_path / "mine", base, ["query", "value"]))
    with torch.inference_mode():
        assert not torch.equal(model.peft_model(input_ids=ids).logits, before)
        with model.peft_model.disable_adapter():
            assert torch.equal(model.peft_model(input_ids=ids).logits, before)
        assert torch.equal(base.network(input_ids=ids).logits, before)
    assert model.base is base
    own = {id(p) for p in base.network.parameters()}
    assert own <= {id(p) for p in model.network.parameters()}


def test_both_answer_at_the_same_time_each_with_its_own(tiny_esm2, tmp_path):
    base = load_model(tiny_esm2, device="cpu")
    model = base.with_adapter(write_adapter(tmp_path / "mine", base, ["query", "value"]))
    expected = [each.log_probabilities(CONTEXTS[:1]) for each in (base, model)]
    services = [service_for(base), service_for(model)]
    assert services[0] is not services[1]
    many = [Context.of(SEQUENCE, [i, j]) for i in range(22) for j in range(i)]
    asked = [
        services[turn % 2].submit([CONTEXTS[0], *many[turn : turn + 30]]) for turn in range(20)
    ]
    for turn, future in enumerate(asked):
        np.testing.assert_allclose(future.result()[:1], expected[turn % 2], atol=1e-5)


def test_loading_it_again_gives_the_same_model_and_changed_weights_another(tiny_esm2, tmp_path):
    base = load_model(tiny_esm2, device="cpu")
    folder = write_adapter(tmp_path / "mine", base, ["query", "value"])
    model = load_model(tiny_esm2, device="cpu", adapter=folder)
    assert model is base.with_adapter(folder)
    assert model.name == f"{base.name}+mine"
    weights = load_file(folder / "adapter_model.safetensors")
    save_file({k: 2 * w for k, w in weights.items()}, folder / "adapter_model.safetensors")
    other = base.with_adapter(folder)
    assert other.identity != model.identity
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"lora_alpha": 80}))
    assert base.with_adapter(folder).identity not in (other.identity, model.identity)


def test_results_with_and_without_are_never_mixed_up(tiny_esm2, tmp_path):
    protein = Protein(SEQUENCE)
    base = load_model(tiny_esm2, device="cpu")
    model = base.with_adapter(write_adapter(tmp_path / "mine", base, ["query", "value"]))
    for one, other in ((base, model), (model, base)):
        with pytest.raises(ValueError, match="give a scan by this model"):
            mutation_scores(protein, other, scan=scan_singles(protein, one))
        store = tmp_path / f"{one.name}.zarr"
        scan_pairs(protein, one, store).wait()
        with pytest.raises(StoreError, match="its adapter is"):
            scan_pairs(protein, other, store)
    assert "adapter" not in base.identity.result_key


def test_pair_passes_and_attention_go_through_the_adapter(tiny_esm2, tmp_path):
    protein = Protein(SEQUENCE)
    base = load_model(tiny_esm2, device="cpu")
    model = base.with_adapter(write_adapter(tmp_path / "mine", base, ["query", "value"]))
    exact = scan_pairs(protein, model)
    exact.wait()
    quick = scan_pairs(protein, model, method="superposed")
    quick.wait()
    distance = [scan.matrix("js_dist_avg").to_numpy() for scan in (exact, quick)]
    upper = np.triu_indices(len(protein), 1)
    assert np.corrcoef(distance[0][upper], distance[1][upper])[0, 1] > 0.9
    assert np.abs(model.attentions(CONTEXTS) - base.attentions(CONTEXTS)).max() > 0.01


def spoil(folder, **changes):
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (shutil.rmtree, "there is no folder"),
        (lambda f: (f / "adapter_config.json").unlink(), "lacks: adapter_config.json"),
        (lambda f: (f / "adapter_model.safetensors").unlink(), "lacks: adapter_model.safetensors"),
        (
            lambda f: (f / "adapter_model.safetensors").rename(f / "adapter_model.bin"),
            "a pickle .adapter_model.bin.",
        ),
        (lambda f: (f / "adapter_model.safetensors").write_bytes(b"no"), "cannot be read"),
        (lambda f: (f / "adapter_config.json").write_text("["), "cannot be read as the config"),
        (lambda f: (f / "adapter_config.json").write_text("[]"), "it is no object"),
        (lambda f: spoil(f, peft_type="IA3"), "of kind 'IA3'"),
        (lambda f: spoil(f, r=6), "have rank 4 and its adapter_config.json says r=6"),
        (lambda f: spoil(f, r=10**12), "have rank 4"),
        (lambda f: spoil(f, r="many"), "r='many'"),
        (lambda f: spoil(f, lora_alpha="x"), "lora_alpha='x': it is a number"),
        (lambda f: spoil(f, lora_alpha=float("nan")), "lora_alpha=nan: it is a number"),
        (lambda f: spoil(f, target_modules=5), "configuration of the adapter mine is damaged"),
        (lambda f: spoil(f, target_modules="("), "configuration of the adapter mine is damaged"),
        (lambda f: spoil(f, rank_pattern=[1]), r"rank_pattern=\[1\], which peft would not have"),
        (lambda f: spoil(f, base_model_name_or_path=5), "base_model_name_or_path=5"),
        (lambda f: spoil(f, target_modules=["query"]), "only in the adapter"),
        (lambda f: spoil(f, target_modules=["query", "value", "key"]), "only in the model"),
        (lambda f: spoil(f, target_modules=["q_proj"]), "made for another kind of model"),
        (lambda f: spoil(f, init_lora_weights="pissa"), "changes the weights of the model itself"),
        (lambda f: spoil(f, bias="all"), "bias='all'.*not supported"),
        (lambda f: spoil(f, megatron_config={"a": 1}), "megatron_config=.*not supported"),
        (lambda f: spoil(f, task_type="SEQ_CLS"), "plm.load_classifier"),
        (lambda f: spoil(f, revision="0123456789abcdef"), "was trained on other weights"),
    ],
)
def test_unusable_adapters_are_refused(change, words, tiny_esm2, tmp_path):
    base = load_model(tiny_esm2, device="cpu")
    before = base.log_probabilities(CONTEXTS)
    folder = write_adapter(tmp_path / "mine", base, ["query", "value"])
    change(folder)
    with pytest.raises(ModelError, match=words):
        base.with_adapter(folder)
    assert np.array_equal(base.log_probabilities(CONTEXTS), before)


def test_an_adapter_of_another_model_is_refused_or_told_of(tiny_esm2, tiny_esmc, tmp_path):
    base = load_model(tiny_esm2, device="cpu")
    longer = load_model(checkpoints.build_esm2(tmp_path / "longer", layers=4), device="cpu")
    folder = write_adapter(tmp_path / "mine", base, ["query", "value"])
    with pytest.raises(ModelError, match=r"made for another model: .*layer\.3.* only in the model"):
        longer.with_adapter(folder)
    with pytest.raises(ModelError, match=r"made for another model: .* has shape"):
        load_model("demo", device="cpu").with_adapter(folder)
    with pytest.raises(ModelError, match="another kind of model"):
        load_model(tiny_esmc, device="cpu").with_adapter(folder)
    spoil(folder, base_model_name_or_path="someone/else")
    with pytest.warns(UserWarning, match="made for 'someone/else'"):
        model = base.with_adapter(folder)
    with pytest.raises(ModelError, match="takes no adapter"):
        load_model("potts-demo", adapter=folder)
    with pytest.raises(ModelError, match="has an adapter"):
        model.with_adapter(folder)
    with pytest.raises(ValueError, match="adapter are chosen where the model is"):
        load_model("demo", backend="ray", adapter=folder)


def test_streamed_models_take_none(tiny_esm2, tmp_path):
    base = load_model(tiny_esm2, device="cpu")
    folder = write_adapter(tmp_path / "mine", base, ["query", "value"])
    with pytest.raises(ModelError, match="is streamed from its files"):
        load_model(tiny_esm2, device="cpu", memory=1000, adapter=folder)


def test_without_peft_the_error_names_what_to_install(tiny_esm2, tmp_path, monkeypatch):
    base = load_model(tiny_esm2, device="cpu")
    folder = write_adapter(tmp_path / "mine", base, ["query", "value"])
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'plmwidgets\[adapters\]'"):
        base.with_adapter(folder)


# In the views


def test_the_pair_map_shows_base_adapter_and_difference(tiny_esm2, tmp_path):
    protein = Protein(SEQUENCE)
    base = load_model(tiny_esm2, device="cpu")
    model = base.with_adapter(write_adapter(tmp_path / "mine", base, ["query", "value"]))
    comparison = compare(protein, [base, model])
    comparison.wait()
    heatmap = comparison.heatmap(difference=True)
    assert heatmap.models == [base.name, model.name, f"{model.name} − {base.name}"]
    heatmap.upper_model = heatmap.models[2]
    shown = np.frombuffer(heatmap.upper_map["values"]["data"], np.float32).reshape(22, 22)
    expected = comparison.scans[model.name].values("js_dist_avg")
    expected = expected - comparison.scans[base.name].values("js_dist_avg")
    np.testing.assert_allclose(shown, expected, atol=1e-6)
    assert heatmap.upper_map["kind"] == "diverging"
    assert heatmap.upper_map["limits"][0] == -heatmap.upper_map["limits"][1] < 0
    assert heatmap.upper_map["label"].endswith(f"{model.name} − {base.name}")
    with pytest.raises(ValueError, match="a difference is of two scans, and there are 1"):
        compare(protein, [base]).heatmap(difference=True)


def test_the_bars_of_an_adapter_stand_before_those_of_the_base(tiny_esm2, tmp_path):
    protein = Protein(SEQUENCE)
    base = load_model(tiny_esm2, device="cpu")
    model = base.with_adapter(write_adapter(tmp_path / "mine", base, ["query", "value"]))
    view = Distributions(protein, model, reference=base)
    assert view.reference_name == base.name
    view.selection.masked = {3, 7}
    wait_until(lambda: view.prediction and view.prediction["masked"] == [3, 7])
    context = [Context.of(SEQUENCE, [3, 7])]
    for name, asked in (("probabilities", model), ("reference", base)):
        shown = np.frombuffer(view.prediction[name]["data"], np.float32).reshape(22, 20)
        np.testing.assert_allclose(shown, np.exp(asked.log_probabilities(context)[0]), atol=1e-6)
    view.close()


def test_heads_of_an_adapter_are_compared_with_those_of_the_base(tmp_path):
    protein, base = Protein.demo(), load_model("demo")
    model = base.with_adapter(write_adapter(tmp_path / "mine", base, ["query", "value"]))
    grid = AttentionGrid(protein, model, reference=base)
    grid.selection.masked = {3, 7}
    lives = (grid.live, grid.reference_live)
    wait_until(lambda: not any(live.pending or live.stale for live in lives))
    assert grid.precision is not None
    grid.shown, grid.layer, grid.head = grid.models[2], 1, 4
    one, other = (attention(protein, each, [3, 7]).map(1, 4) for each in (model, base))
    np.testing.assert_allclose(grid.chosen, one - other, atol=1e-6)
    assert np.abs(grid.chosen).to_numpy().max() > 1e-3
    assert grid.precision is None  # of a difference there is none
    pointers = {tensor.data_ptr() for tensor in base.network.parameters()}
    adapted = {n: p for n, p in model.network.named_parameters() if "lora_" not in n}
    assert {tensor.data_ptr() for tensor in adapted.values()} == pointers  # loaded once
    grid.close()


def wait_until(holds, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
