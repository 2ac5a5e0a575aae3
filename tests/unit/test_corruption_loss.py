"""The loss on corrupted sequences, against its definition and Hugging Face's own forward."""

import numpy as np
import pytest
import torch
from toy_models import GatedModel, ToyModel
from transformers import AutoModelForMaskedLM, AutoTokenizer
from view_tools import wait_for

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.corruption.corruption import FATES, corrupt
from plmwidgets.methods.corruption.loss import corruption_loss, prepare_loss
from plmwidgets.models import load_model
from plmwidgets.models.masked_lm import ModelError
from plmwidgets.protein import Protein
from plmwidgets.scan.progress import ScanStatus

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQ"
TOY = Protein(SEQUENCE, name="toy")


def draws_of(count, protein=TOY, **options):
    return [corrupt(protein, **{"rate": 0.4, **options}, seed=seed) for seed in range(count)]


def test_it_is_the_cross_entropy_of_the_chosen_residues():
    model = ToyModel("loss of a toy")
    draws = draws_of(70)
    loss = corruption_loss(draws, model)
    expected = {fate: [] for fate in FATES[1:]}
    right = {fate: [] for fate in FATES[1:]}
    for one in draws:
        log_p = model.expected(one.context).astype(np.float64)
        for i in range(len(SEQUENCE)):
            fate = FATES[one.fates[i]]
            if fate != "untouched":
                expected[fate].append(-log_p[i, AMINO_ACIDS.index(SEQUENCE[i])])
                right[fate].append(AMINO_ACIDS[log_p[i].argmax()] == SEQUENCE[i])
    table = loss.by_fate()
    for fate, values in expected.items():
        assert table.loc[fate, "n"] == len(values)
        assert table.loc[fate, "loss"] == pytest.approx(np.mean(values), rel=1e-12)
        assert table.loc[fate, "accuracy"] == pytest.approx(np.mean(right[fate]), rel=1e-12)
    every = [value for values in expected.values() for value in values]
    assert table.loc["all", "loss"] == pytest.approx(np.mean(every), rel=1e-12)
    assert table.loc["all", "n"] == len(every)
    rows = loss.to_pandas()
    assert len(rows) == len(every)
    assert (rows["fate"] != "untouched").all()
    means = rows.groupby("fate", observed=True)["loss"].mean()
    assert means["masked"] == pytest.approx(table.loc["masked", "loss"])
    last = rows[rows["draw"] == 69]
    np.testing.assert_array_equal(last["position"], draws[69].chosen)
    assert last["label"].tolist() == [TOY.residue_labels[i] for i in draws[69].chosen]
    assert len(model.calls) > 1, "in groups, not all at once"


def test_it_is_torchs_cross_entropy_of_the_plain_forward(tiny_esm2):
    tokenizer = AutoTokenizer.from_pretrained(tiny_esm2)
    plain = AutoModelForMaskedLM.from_pretrained(tiny_esm2).eval()
    columns = tokenizer.convert_tokens_to_ids(list(AMINO_ACIDS))
    protein = Protein(SEQUENCE[:40], name="plain")
    draws = draws_of(6, protein, rate=0.5)
    table = corruption_loss(draws, load_model(tiny_esm2, device="cpu")).by_fate()
    logits, labels = [], []
    for one in draws:
        shown = "".join(tokenizer.mask_token if x == "_" else x for x in one.shown)
        with torch.no_grad():
            found = plain(**tokenizer(shown, return_tensors="pt")).logits[0, 1:-1, columns]
        logits.append(found.double())
        labels.append(
            torch.tensor(
                [
                    AMINO_ACIDS.index(x) if fate else -100
                    for x, fate in zip(protein.sequence, one.fates, strict=True)
                ]
            )
        )
    whole = torch.nn.functional.cross_entropy(torch.cat(logits), torch.cat(labels))
    assert table.loc["all", "loss"] == pytest.approx(float(whole), abs=1e-5)
    for code, fate in enumerate(FATES[1:], start=1):
        only = [
            torch.where(torch.tensor(one.fates == code), label, -100)
            for one, label in zip(draws, labels, strict=True)
        ]
        value = torch.nn.functional.cross_entropy(torch.cat(logits), torch.cat(only))
        assert table.loc[fate, "loss"] == pytest.approx(float(value), abs=1e-5), fate


def test_the_exact_family_needs_no_copy_of_what_it_sees():
    """p(i | all else) of the Potts model in closed form, for residues that are kept."""
    protein, potts = Protein.demo(), load_model("potts-demo")
    draws = draws_of(5, protein, rate=0.2, mask=0, random=0)
    wild_type = protein.wild_type
    expected = []
    for one in draws:
        for i in one.chosen:
            energy = potts.fields[i].copy()
            for (a, b), coupling in zip(potts.edges, potts.couplings, strict=True):
                if a == i:
                    energy += coupling[:, wild_type[b]]
                elif b == i:
                    energy += coupling[wild_type[a]]
            expected.append(np.log(np.exp(energy).sum()) - energy[wild_type[i]])
    table = corruption_loss(draws, potts).by_fate()
    assert table.loc["kept", "loss"] == pytest.approx(np.mean(expected), rel=1e-9)
    assert table.loc["kept", "n"] == len(expected)
    assert table.loc[["masked", "random"], "n"].tolist() == [0, 0]
    assert table.loc["masked", ["loss", "accuracy"]].isna().all()


def test_several_proteins_and_single_draws():
    other = Protein(SEQUENCE[:20], name="other")
    draws = [corrupt(p, 0.5, seed=k) for k, p in enumerate([TOY, other, other, TOY])]
    loss = corruption_loss(iter(draws), ToyModel("loss of several"))
    assert loss.to_pandas().groupby("draw")["protein"].first().tolist() == [
        *("toy", "other", "other", "toy")
    ]
    one = corruption_loss(draws[1], ToyModel("loss of several"))
    assert len(one) == 1
    assert one.by_fate().loc["all", "n"] == len(draws[1].chosen)


def test_draws_without_a_chosen_residue_have_no_loss():
    loss = corruption_loss(corrupt(TOY, 0, seed=1), ToyModel("loss of nothing"))
    assert loss.by_fate().loc["all", "n"] == 0
    assert loss.by_fate()["loss"].isna().all()
    assert len(loss.to_pandas()) == 0
    assert "nats: none" in repr(loss)


def test_what_is_computed_is_there_when_it_is_stopped():
    model = GatedModel("gated loss", after=40)
    loss = prepare_loss(draws_of(200), model)
    assert len(loss.to_pandas()) == 0
    loss.start()
    wait_for(lambda: loss.done >= 32)
    assert loss.progress.status is ScanStatus.RUNNING
    loss.pause()
    model.gate.set()
    loss.wait(quiet=True)
    part = loss.done
    assert 32 <= part < 200
    assert f"{part} of 200" in repr(loss)
    assert loss.to_pandas()["draw"].max() == part - 1
    loss.resume()
    loss.wait(quiet=True)
    assert loss.progress.done == loss.done == 200


def test_wrong_arguments_are_told_in_words():
    model = ToyModel("loss of wrong")
    with pytest.raises(TypeError, match=r"corrupt\(\) returns, not str"):
        corruption_loss(SEQUENCE, model)
    with pytest.raises(TypeError, match=r"corrupt\(\) returns, not int"):
        corruption_loss(3, model)
    with pytest.raises(ValueError, match="at least one"):
        corruption_loss([], model)
    with pytest.raises(ModelError):
        corruption_loss(corrupt("MKTAYIAK", seed=0), "potts-demo")
    model.fails_with = ModelError("it broke")
    with pytest.raises(ModelError, match="it broke"):
        corruption_loss(draws_of(2), model)
