"""Loaded networks: sequences and folders that are refused, and with which words."""

from pathlib import Path

import checkpoints
import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from plmwidgets.models import Context, ModelError, load_model
from plmwidgets.models.esm import wrap
from plmwidgets.service import service_for

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQ"


@pytest.mark.parametrize(
    ("sequence", "words"),
    [
        ("", "the sequence is empty"),
        ("MKJT", "no token for 'J' at position 2 "),
        ("MK T", "no token for ' ' at position 2 "),
        ("MKT*", r"no token for '\*' at position 3 "),
        ("mKT", "no token for 'm' at position 0 "),
        ("MK7", "no token for '7' at position 2 "),
        ("M-K", "no token for '-' at position 1 "),
    ],
)
def test_unusable_sequences_are_refused(tiny_esm2, sequence, words):
    model = load_model(tiny_esm2, device="cpu")
    with pytest.raises(ModelError, match=words):
        model.check_sequence(sequence)
    with pytest.raises(ModelError, match=words):
        model.log_probabilities([Context(sequence)])


def test_unusable_substitution_is_refused(tiny_esm2):
    model = load_model(tiny_esm2, device="cpu")
    with pytest.raises(ModelError, match="no token for 'J' at position 3 "):
        model.log_probabilities([Context.of("MKTAY", [], {3: "J"})])


@pytest.mark.parametrize("fixture", ["tiny_esm1b", "tiny_bert_spaced"])
def test_learned_positions_limit_the_length(fixture, request):
    model = load_model(request.getfixturevalue(fixture), device="cpu")
    limit = checkpoints.LENGTH_LIMIT
    assert model.max_length == limit
    assert np.isfinite(model.log_probabilities([Context.of("A" * limit, [limit - 1])])).all()
    with pytest.raises(ModelError, match=f"takes at most {limit} residues and .* has {limit + 1}"):
        model.check_sequence("A" * (limit + 1))
    with pytest.raises(ModelError, match=r"20000: give a part of it.* For pairs of .*scan_windows"):
        model.log_probabilities([Context.of("A" * 20_000)])


def test_rotary_models_go_on_with_one_warning(esm2_copy, recwarn):
    checkpoints.change_config(esm2_copy, max_position_embeddings=24)
    model = load_model(esm2_copy, device="cpu")
    assert model.max_length is None
    model.check_sequence("A" * 20)
    assert not recwarn.list
    with pytest.warns(UserWarning, match="made for at most 20 residues and this sequence has 21"):
        model.check_sequence("A" * 21)
    recwarn.clear()
    assert model.log_probabilities([Context.of("A" * 30)]).shape == (1, 30, 20)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("positions", "error", "words"),
    [
        ([[-1]], IndexError, "counted from 0 to 21"),
        ([[22]], IndexError, "from 22 to 22"),
        ([0], ValueError, "one row for each of the 1 contexts"),
        ([[0], [1]], ValueError, "one row for each of the 1 contexts"),
    ],
)
def test_positions_are_checked(tiny_esm2, positions, error, words):
    model = load_model(tiny_esm2, device="cpu")
    with pytest.raises(error, match=words):
        model.log_probabilities([Context.of(SEQUENCE)], np.array(positions))


@pytest.mark.parametrize("sequences", [(), ("MKT", "MKTA")])
def test_batches_have_one_length(tiny_esm2, sequences):
    model = load_model(tiny_esm2, device="cpu")
    with pytest.raises(ValueError, match="one common length"):
        model.log_probabilities([Context.of(sequence) for sequence in sequences])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"device": "cuda:99"}, r"no device 'cuda:99' here: use one of .*cpu"),
        ({"device": "gpu"}, "no device 'gpu' here"),
        ({"dtype": "int8"}, "unknown dtype 'int8': use one of 'float32', 'bfloat16', 'float16'"),
        ({"dtype": torch.float64}, "unknown dtype 'float64'"),
    ],
)
def test_bad_device_or_dtype(tiny_esm2, arguments, words):
    with pytest.raises(ValueError, match=words):
        load_model(tiny_esm2, **arguments)


def test_nan_is_an_error_that_names_model_and_dtype(esm2_copy):
    checkpoints.change_weights(
        esm2_copy,
        lambda weights: {k: v * (torch.nan if "dense" in k else 1) for k, v in weights.items()},
    )
    model = load_model(esm2_copy, device="cpu")
    with pytest.raises(ModelError, match=r"copy \(float32\) returned NaN .* position 3 masked"):
        service_for(model).log_probabilities([Context.of(SEQUENCE, [3])])


def test_overflow_in_half_precision_says_to_use_float32(esm2_copy):
    checkpoints.change_weights(
        esm2_copy,
        lambda weights: {k: v * (1e6 if "lm_head.dense" in k else 1) for k, v in weights.items()},
    )
    assert np.isfinite(
        load_model(esm2_copy, device="cpu").log_probabilities([Context.of(SEQUENCE)])
    ).all()
    half = load_model(esm2_copy, device="cpu", dtype="float16")
    with pytest.raises(ModelError, match=r"copy \(float16, .* dtype='float32'"):
        service_for(half).log_probabilities([Context.of(SEQUENCE)])


def test_network_in_memory_is_taken_out_of_training_mode(tiny_esm2):
    network = AutoModelForMaskedLM.from_pretrained(tiny_esm2).train()
    tokenizer = AutoTokenizer.from_pretrained(tiny_esm2)
    model = wrap(network, tokenizer, name="m", checkpoint="m", revision="0")
    context = [Context.of(SEQUENCE, [2])]
    np.testing.assert_array_equal(
        model.log_probabilities(context),
        load_model(tiny_esm2, device="cpu").log_probabilities(context),
    )


def test_running_out_of_memory_passes_unchanged(esm2_copy, monkeypatch):
    model = load_model(esm2_copy, device="cpu")

    def embed(*_):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr("plmwidgets.models.encoder.Encoder.embed", embed)
    with pytest.raises(torch.OutOfMemoryError, match="full"):
        model.log_probabilities([Context.of(SEQUENCE)])


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (["config.json"], "lacks: config.json. Write"),
        (["model.safetensors"], r"lacks: the weights \(model.safetensors\). Write"),
        (["vocab.txt"], "lacks: the tokenizer"),
        (
            ["config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"],
            "lacks: config.json, the weights .*, the tokenizer",
        ),
    ],
)
def test_missing_files_are_named(esm2_copy, lost, words):
    for name in lost:
        (esm2_copy / name).unlink()
    with pytest.raises(ModelError, match=words):
        load_model(esm2_copy)


def test_missing_shards_are_named(esm2_copy):
    AutoModelForMaskedLM.from_pretrained(esm2_copy).save_pretrained(
        esm2_copy, max_shard_size="20kB"
    )
    (esm2_copy / "model.safetensors").unlink()
    lost = sorted(esm2_copy.glob("model-*.safetensors"))[1]
    lost.unlink()
    with pytest.raises(ModelError, match=f"lacks: {lost.name}"):
        load_model(esm2_copy)


def test_paths_that_are_no_folder(tmp_path):
    text = tmp_path / "sequence.fasta"
    text.write_text(">a\nMKT\n")
    with pytest.raises(ModelError, match="is a file, and a model is a folder"):
        load_model(text)
    with pytest.raises(ModelError, match="is a file, and a model is a folder"):
        load_model(str(text))
    with pytest.raises(ModelError, match=r"there is no folder .*nowhere"):
        load_model(str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match=r"there is no folder .*nowhere"):
        load_model(Path("nowhere"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("not json", "config.json cannot be read as JSON"),
        ("[1, 2]", "config.json does not describe a model"),
        ('{"answer": 42}', "cannot be loaded"),
        ('{"model_type": "gpt2"}', "cannot be loaded"),
        ('{"model_type": "no such type"}', "cannot be loaded"),
    ],
)
def test_configurations_of_something_else(esm2_copy, content, words):
    (esm2_copy / "config.json").write_text(content)
    with pytest.raises(ModelError, match=words):
        load_model(esm2_copy, device="cpu")


def test_damaged_weights(esm2_copy):
    whole = (esm2_copy / "model.safetensors").read_bytes()
    (esm2_copy / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="copy cannot be loaded as a masked language model"):
        load_model(esm2_copy, device="cpu")


def test_weights_of_another_shape(esm2_copy):
    checkpoints.change_config(esm2_copy, intermediate_size=64)
    with pytest.raises(ModelError, match=r"weights of copy do not fit its config.json: .*dense"):
        load_model(esm2_copy, device="cpu")


def test_checkpoint_without_masked_lm_head(esm2_copy):
    checkpoints.change_weights(
        esm2_copy, lambda weights: {k: v for k, v in weights.items() if "lm_head" not in k}
    )
    with pytest.raises(ModelError, match=r"not a whole masked language model: .* lm_head"):
        load_model(esm2_copy, device="cpu")


def test_checkpoint_without_contact_head_is_fine(esm2_copy, tiny_esm2):
    checkpoints.change_weights(
        esm2_copy, lambda weights: {k: v for k, v in weights.items() if "contact_head" not in k}
    )
    context = [Context.of(SEQUENCE, [2])]
    np.testing.assert_array_equal(
        load_model(esm2_copy, device="cpu").log_probabilities(context),
        load_model(tiny_esm2, device="cpu").log_probabilities(context),
    )


def test_tokenizer_of_another_model(esm2_copy):
    checkpoints.change_config(esm2_copy, mask_token_id=31)
    with pytest.raises(ModelError, match=r"hides residues with token 32, config\.json says 31"):
        load_model(esm2_copy, device="cpu")
    checkpoints.change_config(esm2_copy, mask_token_id=None)
    more = (*checkpoints.ESM_VOCABULARY[:-1], "<a>", "<b>", "<mask>")
    checkpoints.write_vocabulary(esm2_copy, more, {"tokenizer_class": "EsmTokenizer"})
    with pytest.raises(ModelError, match="it uses token 34 and the network knows 33"):
        load_model(esm2_copy, device="cpu")


def test_vocabulary_without_mask(esm2_copy):
    without = checkpoints.ESM_VOCABULARY[:-1]
    checkpoints.write_vocabulary(
        esm2_copy, without, {"tokenizer_class": "BertTokenizer", "mask_token": None}
    )
    with pytest.raises(ModelError, match="copy cannot hide residues"):
        load_model(esm2_copy, device="cpu")


def test_unreadable_tokenizer(esm2_copy):
    (esm2_copy / "vocab.txt").rename(esm2_copy / "vocab.old")
    (esm2_copy / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="the tokenizer of copy cannot be loaded"):
        load_model(esm2_copy, device="cpu")


def test_pickled_weights_are_refused_unread(esm2_copy, tmp_path):
    (esm2_copy / "model.safetensors").unlink()
    torch.save(checkpoints.Payload(tmp_path / "ran"), esm2_copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"as a pickle.*(?s:.)*save_pretrained\('converted'\)"):
        load_model(esm2_copy, device="cpu")
    assert not (tmp_path / "ran").exists()


def test_code_of_a_checkpoint_is_not_run(esm2_copy, tmp_path):
    checkpoints.change_config(
        esm2_copy,
        model_type="own",
        auto_map={"AutoConfig": "own.Config", "AutoModelForMaskedLM": "own.Model"},
    )
    (esm2_copy / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\n")
    with pytest.raises(ModelError, match="needs Python code of its own, which is never run"):
        load_model(esm2_copy, device="cpu")
    assert not (tmp_path / "ran").exists()
