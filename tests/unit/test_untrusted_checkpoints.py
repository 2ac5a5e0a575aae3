"""Checkpoints made to do harm: nothing in them is run, nothing outside their folder is read."""

import json
import shutil

import checkpoints
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from plmwidgets.models import Context, ModelError, load_model

CONTEXT = [Context.of("MKTAYIAKQRQISFVKSHFSRQ", [2])]
SHARD = "model-00001-of-00001.safetensors"


@pytest.fixture
def folder(tiny_esm2, tmp_path):
    return shutil.copytree(tiny_esm2, tmp_path / "untrusted")


def in_parts(folder):
    """Put the weights into a file that an index names, as large models have them."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").rename(folder / SHARD)
    index = {"metadata": {}, "weight_map": dict.fromkeys(weights, SHARD)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    "name",
    [
        "../model-00001-of-00001.safetensors",
        "/etc/passwd",
        "model-../../x-of-1.safetensors",
        "evil.bin",
        "model-00001-of-00001.safetensors\x00",
        7,
        None,
        ["a"],
    ],
)
def test_an_index_names_no_file_elsewhere_and_no_pickle(folder, name):
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": dict.fromkeys(weights, name)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    # All would be there, if they were looked for.
    save_file(weights, folder.parent / SHARD, metadata={"format": "pt"})
    torch.save({"weight": checkpoints.Payload(folder.parent / "ran")}, folder / "evil.bin")
    with pytest.raises(ModelError, match=r"index\.json names .* lie beside it"):
        load_model(folder, device="cpu")
    assert not (folder.parent / "ran").exists()


@pytest.mark.parametrize("weight_map", [None, [], "x", 3])
def test_an_index_that_lists_nothing_is_told(folder, weight_map):
    (folder / "model.safetensors").unlink()
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(ModelError, match="lie beside it"):
        load_model(folder, device="cpu")


def test_parts_that_are_links_into_a_cache_are_read(folder, tmp_path, tiny_esm2):
    in_parts(folder)
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    for path in list(folder.iterdir()):
        (blobs / path.name).write_bytes(path.read_bytes())
        path.unlink()
        path.symlink_to(blobs / path.name)
    np.testing.assert_array_equal(
        load_model(folder, device="cpu").log_probabilities(CONTEXT),
        load_model(tiny_esm2, device="cpu").log_probabilities(CONTEXT),
    )


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_a_pickle_is_not_opened_whatever_it_is_called(folder, name):
    (folder / "model.safetensors").unlink()
    torch.save({"weight": checkpoints.Payload(folder.parent / "ran")}, folder / name)
    with pytest.raises(ModelError, match=r"only safetensors are read|cannot be loaded"):
        load_model(folder, device="cpu")
    assert not (folder.parent / "ran").exists()


@pytest.mark.parametrize(
    "key", ["attn_implementation", "_attn_implementation", "_attn_implementation_internal"]
)
@pytest.mark.parametrize("value", ["evil/kernel", {"": "evil/kernel@v1:attention"}])
def test_a_configuration_cannot_have_code_fetched(folder, key, value):
    checkpoints.change_config(folder, **{key: value})
    with pytest.raises(ModelError, match="code of another repository"):
        load_model(folder, device="cpu")


def test_a_configuration_cannot_bring_code(folder):
    (folder / "evil.py").write_text(f"open({str(folder.parent / 'ran')!r}, 'w')")
    classes = {"AutoConfig": "evil.Config", "AutoModelForMaskedLM": "evil.Model"}
    checkpoints.change_config(folder, auto_map=classes, model_type="evil")
    with pytest.raises(ModelError, match="Python code of its own, which is never run"):
        load_model(folder, device="cpu")
    assert not (folder.parent / "ran").exists()


def test_an_adapter_cannot_put_another_model_in_its_place(folder, tiny_esm1b):
    (folder / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": str(tiny_esm1b), "peft_type": "LORA"})
    )
    with pytest.raises(ModelError, match="an adapter to another model: load that model with it"):
        load_model(folder, device="cpu")


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000, "\x00", '{"model_type": "../x"}'])
def test_a_configuration_that_makes_no_sense_is_told(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(ModelError, match=r"config\.json|cannot be loaded"):
        load_model(folder, device="cpu")
