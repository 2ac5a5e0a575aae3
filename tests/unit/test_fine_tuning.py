"""Fine-tuning: transformers' Trainer is the oracle of the steps, and the base stays as it is."""

import shutil
import sys

import checkpoints
import numpy as np
import pytest
import torch
from transformers import AutoModelForTokenClassification
from tuning_tools import HELD_OUT, QUICK, SEQUENCES, adapter_of, assert_same, finished

from plmwidgets import ModelError, fine_tune, load_classifier, load_model, scan_singles
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.tuning.examples import Examples, batches_for
from plmwidgets.methods.tuning.networks import make_network
from plmwidgets.models import Context
from plmwidgets.models.potts import PottsModel
from plmwidgets.protein import Protein


@pytest.fixture
def base(tiny_esm2):
    return load_model(tiny_esm2, device="cpu")


# The claim


def shifted_family():
    """The demo's family, in which six pairs of similar amino acids have changed places."""
    family = load_model("potts-demo")
    order = np.arange(len(AMINO_ACIDS))
    for a, b in ("KR", "DE", "IV", "ST", "NQ", "FY"):
        i, j = AMINO_ACIDS.index(a), AMINO_ACIDS.index(b)
        order[[i, j]] = j, i
    couplings = family.couplings[:, order][:, :, order]
    return PottsModel(family.fields[:, order], family.edges, couplings, name="shifted")


def test_an_adapter_lowers_the_pseudo_perplexity_of_a_shifted_family_and_can_be_switched_off():
    columns = shifted_family().sample(528, seed=1, sweeps=20)
    sequences = ["".join(AMINO_ACIDS[i] for i in row) for row in columns]
    base = load_model("demo", device="cpu")
    ids = torch.from_numpy(base.tokens.encode([Context(s) for s in sequences[:4]]))
    with torch.inference_mode():
        before = base.network(input_ids=ids).logits
    tuning = finished(
        base,
        sequences[16:],
        steps=60,
        batch=32,
        learning_rate=6e-3,
        targets=["query", "key", "value", "dense"],
        evaluate_every=60,
    )
    model = tuning.model
    proteins = [Protein(sequence) for sequence in sequences[:8]]
    plain, tuned = (
        np.log([scan_singles(protein, each).pseudo_perplexity for protein in proteins])
        for each in (base, model)
    )
    assert tuned.mean() < plain.mean() - 0.05
    assert (tuned < plain).sum() > 5
    with torch.inference_mode():
        with model.peft_model.disable_adapter():
            assert torch.equal(model.peft_model(input_ids=ids).logits, before)
        assert torch.equal(base.network(input_ids=ids).logits, before)


# The steps


class InOrder(torch.utils.data.IterableDataset):
    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def trainer_losses(network, batches, steps, learning_rate, folder):
    """Losses of transformers' Trainer as it comes, on the same batches in the same order."""
    from transformers import Trainer, TrainingArguments

    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        learning_rate=learning_rate,
        per_device_train_batch_size=1,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        remove_unused_columns=False,
    )
    trainer = Trainer(network, arguments, train_dataset=batches, data_collator=lambda some: some[0])
    trainer._get_train_sampler = lambda *_: torch.utils.data.SequentialSampler(batches)
    trainer.train()
    return [row["loss"] for row in trainer.state.log_history if "loss" in row]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_steps_are_those_of_the_trainer(esm2_copy, method, tmp_path):
    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    checkpoints.change_config(esm2_copy, **no_dropout)
    base = load_model(esm2_copy, device="cpu")
    rate = 1e-2 if method == "lora" else 1e-3
    tuning = finished(base, SEQUENCES, method=method, learning_rate=rate, **QUICK)
    maker = batches_for(base, "masked-lm", 4, 3)
    examples = Examples([Protein(sequence) for sequence in SEQUENCES])
    batches = [maker.of_step(examples, step) for step in range(6)]
    network = make_network(base, "masked-lm", method, seed=3)
    expected = trainer_losses(network, batches, 6, rate, tmp_path)
    table = tuning.to_pandas()
    np.testing.assert_allclose(table["loss"].dropna(), expected, atol=1e-4)
    assert abs(table["loss"].iloc[-1] - table["loss"].iloc[0]) > 0.01
    np.testing.assert_allclose(table["learning_rate"].dropna(), rate * (1 - np.arange(6) / 6))
    if method == "lora":
        expected = {n: p for n, p in network.named_parameters() if p.requires_grad}
        for name, weight in adapter_of(tuning).items():
            trained = expected[name.replace(".weight", ".default.weight")].detach().numpy()
            np.testing.assert_allclose(weight, trained, atol=1e-5)


def test_masks_are_drawn_anew_at_each_step_and_are_the_same_at_each_evaluation(base):
    maker = batches_for(base, "masked-lm", 4, 0)
    examples = Examples([Protein(sequence) for sequence in SEQUENCES])
    steps = [maker.of_step(examples, step) for step in range(40)]
    chosen = torch.cat([batch["labels"].flatten() != -100 for batch in steps])
    residues = torch.cat([batch["attention_mask"].flatten() > 0 for batch in steps]).sum() - 2 * 160
    assert abs(chosen.sum() / residues - 0.15) < 0.03
    one, again = (list(maker.for_evaluation(examples)) for _ in range(2))
    assert all(torch.equal(a["input_ids"], b["input_ids"]) for a, b in zip(one, again, strict=True))
    seen = [tuple(batch["input_ids"].flatten().tolist()) for batch in steps]
    assert len(set(seen)) == len(seen)


def test_padding_changes_nothing(base):
    maker = batches_for(base, "masked-lm", 4, 0)
    network = base.network
    together = maker.inputs([Protein(s) for s in SEQUENCES[:4]])
    with torch.inference_mode():
        logits = network(**together).logits
        for row, sequence in zip(logits, SEQUENCES[:4], strict=True):
            alone = network(**maker.inputs([Protein(sequence)])).logits[0]
            torch.testing.assert_close(row[: len(alone)], alone, atol=1e-4, rtol=1e-4)


def test_the_random_numbers_of_the_session_are_left_alone(base):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 - what a notebook may have done
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    finished(base, SEQUENCES, **QUICK)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_sequences_that_are_not_held_out_are_told_of(base):
    with pytest.warns(UserWarning, match="1 of 2 sequences for evaluation are among those"):
        finished(base, SEQUENCES, evaluation=[SEQUENCES[1], HELD_OUT[0]], **QUICK)


@pytest.fixture
def whole_classifier(base, tmp_path):
    labels = ["a", "b"] * 4
    tuning = finished(base, SEQUENCES, "sequence-classification", "full", labels=labels, **QUICK)
    tuning.save(tmp_path / "whole")
    return tmp_path / "whole"


def test_a_whole_classifier_is_read_from_safetensors_alone(base, whole_classifier):
    weights = whole_classifier / "model.safetensors"
    pickled = checkpoints.Payload(whole_classifier.parent / "ran")
    torch.save({"weight": pickled}, whole_classifier / "pytorch_model.bin")
    assert load_classifier(base, whole_classifier).classes == ("a", "b")
    weights.rename(whole_classifier / "elsewhere")
    with pytest.raises(ModelError, match="only safetensors are read"):
        load_classifier(base, whole_classifier)
    assert not (whole_classifier.parent / "ran").exists()
    (whole_classifier / "elsewhere").rename(weights)
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(ModelError, match="whole cannot be loaded as a classifier"):
        load_classifier(base, whole_classifier)


def test_a_whole_classifier_is_not_opened_with_what_does_not_belong_to_it(
    base, whole_classifier, tiny_bert_spaced, tiny_esm2
):
    with pytest.raises(ModelError, match="made from another model: its model_type is 'esm'"):
        load_classifier(load_model(tiny_bert_spaced, device="cpu"), whole_classifier)
    classes = whole_classifier / "classes.json"
    classes.write_text(classes.read_text().replace('"b"', '"b", "c"'))
    with pytest.raises(ModelError, match="names 3 classes and its weights have 2"):
        load_classifier(base, whole_classifier)
    shutil.copy(tiny_esm2 / "model.safetensors", whole_classifier)
    classes.write_text(classes.read_text().replace(', "c"', ""))
    with pytest.raises(ModelError, match=r"not a whole classifier: its weights lack classifier"):
        load_classifier(base, whole_classifier)


def test_it_stops_early_and_keeps_the_best_weights(base, tmp_path):
    options = {"batch": 8, "evaluate_every": 1, "learning_rate": 0.3, "steps": 60}
    options |= {"evaluation": HELD_OUT, "seed": 1}
    folder = tmp_path / "early"
    tuning = finished(base, SEQUENCES, patience=3, output=folder, **options)
    losses = tuning.to_pandas()["evaluation_loss"]
    assert tuning.progress.done < 60
    assert tuning.progress.status == "finished"
    assert "stopped early" in tuning.progress.message
    assert losses.idxmin() == tuning.best_step == losses.index[-1] - 3
    again = fine_tune(base, SEQUENCES, patience=3, output=folder, **options)
    assert again.progress.status == "finished"
    assert_same(adapter_of(again), adapter_of(tuning))


def test_a_loss_that_is_not_finite_ends_the_run_in_words(base):
    tuning = fine_tune(base, SEQUENCES, steps=50, learning_rate=1e30)
    with pytest.raises(ModelError, match="give a smaller learning_rate"):
        tuning.wait(timeout=60, quiet=True)
    assert tuning.progress.status == "failed"


# Other tasks and methods


def test_full_fine_tuning_trains_a_copy_that_loads_as_a_model(base, tmp_path):
    contexts = [Context.of(SEQUENCES[0], [3])]
    before = base.log_probabilities(contexts)
    tuning = finished(
        base, SEQUENCES, method="full", learning_rate=1e-2, output=tmp_path / "whole", **QUICK
    )
    model = load_model(tmp_path / "whole", device="cpu")
    found = model.log_probabilities(contexts)
    assert np.abs(found - before).max() > 0.01
    np.testing.assert_allclose(tuning.model.log_probabilities(contexts), found, atol=1e-6)
    assert np.array_equal(base.log_probabilities(contexts), before)
    assert tuning.model.identity != base.identity
    # What was computed with one of the two is known to be of the other.
    assert tuning.model.identity == model.identity


@pytest.mark.parametrize("fixture", ["tiny_esm2", "tiny_esmc", "tiny_bert_spaced"])
@pytest.mark.parametrize("method", ["lora", "full"])
def test_classifiers_learn_and_are_kept(fixture, method, request, tmp_path):
    base = load_model(request.getfixturevalue(fixture), device="cpu")
    random = np.random.default_rng(0)
    sequences = ["".join(random.choice(list("ACDEFGHIKL"), 14)) for _ in range(48)]
    sequences = [("W" * 4 if i % 2 else "Y" * 4) + s for i, s in enumerate(sequences)]
    options = {"steps": 40, "batch": 16, "learning_rate": 1e-2 if method == "lora" else 5e-3}
    contexts = [Context.of(sequences[0], [3])]
    before = base.log_probabilities(contexts)

    whole = finished(
        base, sequences, "sequence-classification", method, labels=["y", "w"] * 24, **options
    )
    table = whole.classifier.predict(sequences[:6])
    assert table["predicted"].tolist() == ["y", "w"] * 3
    np.testing.assert_allclose(table[["p_w", "p_y"]].sum(axis=1), 1, atol=1e-5)

    labels = ["".join("H" if a in "WY" else "C" for a in s) for s in sequences]
    tuning = finished(
        base,
        sequences,
        "token-classification",
        method,
        labels=labels,
        evaluation=sequences[:8],
        evaluation_labels=labels[:8],
        output=tmp_path / "residues",
        **options,
    )
    assert tuning.to_pandas()["accuracy"].iloc[-1] > 0.95
    table = tuning.classifier.predict(sequences[:2])
    assert "".join(table["predicted"]) == "".join(labels[:2])
    assert np.array_equal(base.log_probabilities(contexts), before)
    with pytest.raises(RuntimeError, match=r"use \.classifier"):
        tuning.model
    loaded = load_classifier(base, tmp_path / "residues")
    assert repr(loaded) == repr(tuning.classifier)
    columns = ["p_C", "p_H"]
    np.testing.assert_allclose(loaded.predict(sequences[:2])[columns], table[columns], atol=1e-6)
    if method == "lora":
        with pytest.raises(ModelError, match=r"plm\.load_classifier"):
            base.with_adapter(tmp_path / "residues")
    else:
        network = AutoModelForTokenClassification.from_pretrained(tmp_path / "residues").eval()
        assert network.config.id2label == {0: "C", 1: "H"}
        ids = torch.from_numpy(base.tokens.encode([Context(sequences[0])]))
        with torch.inference_mode():
            p = network(input_ids=ids).logits.softmax(-1)[0, 1:-1].numpy()
        np.testing.assert_allclose(table[["p_C", "p_H"]][:18], p, atol=1e-5)


# What is refused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task": "poetry"}, "unknown task 'poetry'"),
        ({"method": "prayer"}, "unknown method 'prayer'"),
        ({"steps": 3, "epochs": 2}, "not both"),
        ({"steps": 0}, "steps=0"),
        ({"batch": 1.5}, "batch=1.5"),
        ({"rank": -1}, "rank=-1"),
        ({"learning_rate": 0}, "learning_rate=0"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"patience": 2}, "give sequences for them"),
        ({"labels": ["a"] * 8}, "takes no labels: leave them out, or give task="),
        ({"sequences": []}, "sequences is empty"),
        ({"sequences": ["MKT", "MJT"]}, r"sequences\[1\] cannot be used"),
        ({"task": "sequence-classification"}, "needs labels="),
        ({"task": "sequence-classification", "labels": ["a"] * 8}, "name 1 class"),
        (
            {"task": "sequence-classification", "labels": ["a", "b"]},
            "labels are 2, and there are 8",
        ),
        ({"task": "sequence-classification", "labels": [0.5, 0.1] * 4}, "0.5 is no label"),
        ({"task": "token-classification", "labels": ["HC"] * 8}, r"labels\[0\] has 2 labels"),
        (
            {"task": "sequence-classification", "labels": ["a", "b"] * 4, "evaluation": HELD_OUT},
            "go together",
        ),
        ({"sequences": None}, "sequences is a list, not NoneType"),
        ({"sequences": {"MKT": "AYI"}}, "sequences is a list, not dict"),
        ({"evaluation": 5}, "evaluation is a list, not int"),
        ({"task": "sequence-classification", "labels": 5}, "labels is a list, not int"),
        ({"task": "token-classification", "labels": [0, 1] * 4}, r"labels\[0\] is 0: give each"),
        ({"task": "token-classification", "labels": [None] * 8}, r"labels\[0\] is None: give"),
        ({"targets": "query"}, "targets='query': give a list of names"),
        ({"targets": []}, r"targets=\[\]: give a list"),
        ({"targets": [5]}, r"targets=\[5\]: give a list"),
        ({"targets": ["query", "qery"]}, "no modules called qery"),
        ({"rank": 1000}, "rank=1000: .*give a smaller rank"),
        ({"seed": 2**70}, r"seed=.*2\*\*32 - 1"),
        ({"output": "/proc/none/of/it"}, "cannot be written to .*choose another folder"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(base, options, words):
    sequences = options.pop("sequences", SEQUENCES)
    with pytest.raises((ValueError, TypeError, ModelError), match=words):
        fine_tune(base, sequences, **options)


def test_models_that_cannot_be_trained_are_refused(base, tiny_esm2, monkeypatch):
    with pytest.raises(TypeError, match="a list of sequences, not one"):
        fine_tune(base, "MKTAYIAK")
    with pytest.raises(ModelError, match="takes no adapter"):
        fine_tune("potts-demo", SEQUENCES)
    with pytest.raises(ModelError, match="would train badly"):
        fine_tune(load_model(tiny_esm2, device="cpu", dtype="float16"), SEQUENCES)
    with pytest.raises(ModelError, match="no modules called q_proj"):
        fine_tune(base, SEQUENCES, targets=["q_proj"])
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'plmwidgets\[adapters\]'"):
        fine_tune(base, SEQUENCES)


def test_results_wait_for_the_end(base):
    tuning = fine_tune(base, SEQUENCES, steps=400, batch=8)
    with pytest.raises(RuntimeError, match="the training runs"):
        tuning.model
    assert "LoRA of rank 8" in repr(tuning)
    tuning.cancel()
    tuning._run._thread.join()
    assert tuning.model.adapter.tensors
