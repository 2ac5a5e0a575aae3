"""From a name to files, without a network, and one object a model."""

import gc
import shutil
import threading
import weakref
from types import SimpleNamespace

import checkpoints
import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from transformers import AutoModelForMaskedLM

from plmwidgets.models import Context, MaskedLM, ModelError, as_model, load_model, pretrained

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQ"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_unknown_names_are_met_with_a_suggestion():
    with pytest.raises(ModelError, match="no model 'esm2-650'; did you mean 'esm2-650m'"):
        load_model("esm2-650")
    with pytest.raises(ModelError, match=r"no model 'qqqq'\. available_models\(\) lists"):
        load_model("qqqq")
    with pytest.raises(TypeError, match="cannot load a model from a int"):
        load_model(3)


@pytest.mark.parametrize("name", ["esm2-8m", "esm1b", "somebody/some-model"])
def test_hub_without_network(name, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        ModelError, match=r"hub cannot be reached .* neither in the local cache nor"
    ) as e:
        load_model(name, device="cpu")
    assert e.value.__cause__ is not None


def hub_answers(monkeypatch, error_or_commit):
    def model_info(self, repo_id, *, revision=None, timeout=None):
        if isinstance(error_or_commit, Exception):
            raise error_or_commit
        return SimpleNamespace(sha=error_or_commit)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            RepositoryNotFoundError,
            "neither a folder 'facebook/esm2_t6_8M' here nor .*; did you mean 'esm2-8m'",
        ),
        (GatedRepoError, "only to those who accept its terms: do so at https://hugg.*esm2_t6_8M"),
    ],
)
def test_hub_refusals(kind, words, monkeypatch):
    response = SimpleNamespace(headers={}, request=None, status_code=404)
    hub_answers(monkeypatch, kind("no", response=response))
    with pytest.raises(ModelError, match=words):
        load_model("facebook/esm2_t6_8M", device="cpu")


def test_hub_model_is_fetched_as_a_commit_without_pickles(tiny_esm2, tmp_path, monkeypatch):
    hub_answers(monkeypatch, COMMIT)
    asked = {}

    def snapshot_download(repo_id, *, revision, allow_patterns, local_files_only=False):
        asked.update(repo_id=repo_id, revision=revision, patterns=allow_patterns)
        return str(shutil.copytree(tiny_esm2, tmp_path / revision))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    model = load_model("somebody/some-model", device="cpu")
    assert asked["repo_id"] == "somebody/some-model"
    assert asked["revision"] == COMMIT
    assert not any(".bin" in pattern for pattern in asked["patterns"])
    assert model.name == "somebody/some-model"
    assert model.identity.checkpoint == "somebody/some-model"
    assert model.identity.revision == COMMIT


def test_interrupted_download_says_to_go_on(monkeypatch):
    hub_answers(monkeypatch, COMMIT)

    def snapshot_download(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(ModelError, match=r"some-model broke off \(.*No space left.*goes on"):
        load_model("somebody/some-model", device="cpu")


def fill_cache(cache, repository, commit, files):
    snapshot = cache / f"models--{repository.replace('/', '--')}" / "snapshots" / commit
    shutil.copytree(files, snapshot)
    references = snapshot.parents[1] / "refs"
    references.mkdir()
    (references / "main").write_text(commit)
    return snapshot


def test_cached_hub_model_needs_no_network(tiny_esm2, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    fill_cache(tmp_path, "somebody/some-model", COMMIT, tiny_esm2)
    model = load_model("somebody/some-model", device="cpu")
    assert model.identity.revision == COMMIT


def test_incomplete_cache_is_named(tiny_esm2, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    snapshot = fill_cache(tmp_path, "somebody/some-model", COMMIT, tiny_esm2)
    (snapshot / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"some-model cannot be loaded, it lacks: the weights"):
        load_model("somebody/some-model", device="cpu")


def test_catalogued_pickle_is_read_as_tensors_only(tiny_esm1b, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "bcb20c5e9b48bda8045b45405b236a2d0fb55368"
    snapshot = fill_cache(tmp_path, "facebook/esm1b_t33_650M_UR50S", commit, tiny_esm1b)
    (snapshot / "model.safetensors").unlink()
    weights = AutoModelForMaskedLM.from_pretrained(tiny_esm1b).state_dict()
    torch.save(weights, snapshot / "pytorch_model.bin")

    model = load_model("ESM1b", device="cpu")

    assert (model.name, model.identity.revision) == ("esm1b", commit)
    context = [Context.of(SEQUENCE, [2])]
    np.testing.assert_array_equal(
        model.log_probabilities(context),
        load_model(tiny_esm1b, device="cpu").log_probabilities(context),
    )
    assert load_model("facebook/esm1b_t33_650M_UR50S", device="cpu") is model
    del model
    gc.collect()

    torch.save({"weight": checkpoints.Payload(tmp_path / "ran")}, snapshot / "pytorch_model.bin")
    with pytest.raises(ModelError, match="esm1b cannot be loaded"):
        load_model("esm1b", device="cpu")
    assert not (tmp_path / "ran").exists()


def test_an_empty_name_is_not_the_working_directory(esm2_copy, monkeypatch):
    monkeypatch.chdir(esm2_copy)
    for name in ("", " "):
        with pytest.raises(ModelError, match=r"name of the model is empty: available_models"):
            load_model(name)


def test_same_arguments_give_the_same_object(esm2_copy):
    model = load_model(esm2_copy, device="cpu")
    assert load_model(str(esm2_copy), device=torch.device("cpu"), dtype="float32") is model
    assert load_model(esm2_copy, device="cpu", dtype="bfloat16") is not model
    assert as_model(str(esm2_copy)).identity.checkpoint == model.identity.checkpoint
    assert as_model(model) is model
    assert isinstance(model, MaskedLM)
    with pytest.raises(TypeError, match="list is not a model"):
        as_model([])


def test_model_is_freed_with_its_last_user(esm2_copy):
    model = load_model(esm2_copy, device="cpu")
    network = weakref.ref(model.network)
    del model
    gc.collect()
    assert network() is None


def test_threads_that_ask_at_once_share_one_load(esm2_copy, monkeypatch):
    loads = []
    original = pretrained.load

    def load(*arguments):
        loads.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(pretrained, "load", load)
    models = []
    threads = [
        threading.Thread(target=lambda: models.append(load_model(esm2_copy, device="cpu")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(models) == 4
    assert len({id(model) for model in models}) == 1
    assert len(loads) == 1


def test_rewritten_folder_is_loaded_anew(esm2_copy):
    before = load_model(esm2_copy, device="cpu")
    checkpoints.change_weights(esm2_copy, lambda weights: {k: v * 1.01 for k, v in weights.items()})
    after = load_model(esm2_copy, device="cpu")
    assert after is not before
    assert after.identity.revision != before.identity.revision


def test_revision_of_a_folder_is_what_decides_predictions(esm2_copy, tiny_esm2, tmp_path):
    original = load_model(tiny_esm2, device="cpu").identity
    same = shutil.copytree(esm2_copy, tmp_path / "elsewhere" / tiny_esm2.name)
    checkpoints.change_config(same, transformers_version="5.0.0", _name_or_path="x")
    assert load_model(same, device="cpu").identity == original
    assert (original.checkpoint, original.dtype, original.device) == ("tiny-esm2", "float32", "cpu")
    assert len(original.revision) == 16
    checkpoints.change_config(same, token_dropout=False)
    assert load_model(same, device="cpu").identity.revision != original.revision


def test_potts_demo_takes_no_device():
    with pytest.raises(ValueError, match="potts-demo runs on the CPU in float64 only"):
        load_model("potts-demo", dtype="float32")
