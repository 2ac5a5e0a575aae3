"""The files of streamed models: read in parts, checked, and never run."""

import json
import shutil

import checkpoints
import huggingface_hub
import numpy as np
import pytest
import torch
from streaming_tools import (
    CONTEXTS,
)
from transformers import AutoModelForMaskedLM

from plmwidgets.models import ModelError, load_model


def test_parts_of_a_model(esm2_copy):
    expected = load_model(esm2_copy, device="cpu").log_probabilities(CONTEXTS)
    network = AutoModelForMaskedLM.from_pretrained(esm2_copy)
    (esm2_copy / "model.safetensors").unlink()
    network.save_pretrained(esm2_copy, max_shard_size="20kB")
    assert len(list(esm2_copy.glob("model-*.safetensors"))) > 3
    model = load_model(esm2_copy, device="cpu", memory="20 kB")
    assert "streamed" in model.capabilities
    np.testing.assert_array_equal(model.log_probabilities(CONTEXTS), expected)


def catalogued_pickle(tiny_esm1b, cache, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    commit = "bcb20c5e9b48bda8045b45405b236a2d0fb55368"
    snapshot = cache / "models--facebook--esm1b_t33_650M_UR50S" / "snapshots" / commit
    shutil.copytree(tiny_esm1b, snapshot)
    (snapshot / "model.safetensors").unlink()
    return snapshot


@pytest.mark.parametrize("parts", [False, True])
def test_catalogued_pickle(tiny_esm1b, tmp_path, monkeypatch, parts):
    snapshot = catalogued_pickle(tiny_esm1b, tmp_path, monkeypatch)
    weights = AutoModelForMaskedLM.from_pretrained(tiny_esm1b).state_dict()
    if parts:
        names = sorted(weights)
        files = {name: f"pytorch_model-{i % 2}-of-2.bin" for i, name in enumerate(names)}
        for file in set(files.values()):
            torch.save({n: weights[n] for n in names if files[n] == file}, snapshot / file)
        index = {"metadata": {}, "weight_map": files}
        (snapshot / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    else:
        torch.save(weights, snapshot / "pytorch_model.bin")
    model = load_model("esm1b", device="cpu", memory=1000)
    assert "streamed" in model.capabilities
    np.testing.assert_array_equal(
        model.log_probabilities(CONTEXTS),
        load_model(tiny_esm1b, device="cpu").log_probabilities(CONTEXTS),
    )


def test_pickle_runs_nothing(tiny_esm1b, tmp_path, monkeypatch):
    snapshot = catalogued_pickle(tiny_esm1b, tmp_path, monkeypatch)
    torch.save({"weight": checkpoints.Payload(tmp_path / "ran")}, snapshot / "pytorch_model.bin")
    with pytest.raises(ModelError, match="esm1b cannot be loaded"):
        load_model("esm1b", device="cpu", memory=1000)
    assert not (tmp_path / "ran").exists()


def test_unlisted_pickle_is_refused(esm2_copy):
    (esm2_copy / "model.safetensors").rename(esm2_copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match="as a pickle"):
        load_model(esm2_copy, device="cpu", memory=1000)


def test_weights_that_no_longer_belong_together(esm2_copy):
    model = load_model(esm2_copy, device="cpu", memory=1000)
    expected = model.log_probabilities(CONTEXTS)
    weights = esm2_copy / "model.safetensors"
    kept = weights.rename(esm2_copy / "elsewhere")
    for _ in range(2):
        with pytest.raises(ModelError, match=r"copy/model\.safetensors cannot be read \(.*No such"):
            model.log_probabilities(CONTEXTS)
    kept.rename(weights)
    np.testing.assert_array_equal(model.log_probabilities(CONTEXTS), expected)

    checkpoints.change_weights(esm2_copy, lambda weights: {k: 2 * v for k, v in weights.items()})
    with pytest.raises(ModelError, match=r"model\.safetensors was written anew"):
        model.log_probabilities(CONTEXTS)
    assert load_model(esm2_copy, device="cpu", memory=1000) is not model


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda w: {k: v for k, v in w.items() if "layer.1.output" not in k},
            "weights lack .*1.out",
        ),
        (lambda w: {k: v for k, v in w.items() if "lm_head" not in k}, "weights lack lm_head"),
        (
            lambda w: {k: v[:9].clone() if "2.output.dense.w" in k else v for k, v in w.items()},
            "do not fit its config.json: esm.encoder.layer.2.output.dense.weight have",
        ),
        (
            lambda w: {k: v[:9].clone() if "lm_head.dense.w" in k else v for k, v in w.items()},
            "do not fit its config.json: lm_head.dense.weight have",
        ),
    ],
)
def test_incomplete_weights_are_refused_at_once(esm2_copy, change, words):
    checkpoints.change_weights(esm2_copy, change)
    with pytest.raises(ModelError, match=words):
        load_model(esm2_copy, device="cpu", memory=1000)
    with pytest.raises(ModelError, match=words):
        load_model(esm2_copy, device="cpu")
