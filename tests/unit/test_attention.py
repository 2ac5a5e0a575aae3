"""Attention maps and contact probabilities as results."""

import threading

import numpy as np
import pytest
from toy_models import ToyModel
from view_tools import SEQUENCE

from plmwidgets import attention, evaluate_contacts, load_model, metrics, predict_contacts
from plmwidgets.methods.contacts import attentive_models
from plmwidgets.models import Context, ModelError
from plmwidgets.protein import Protein
from plmwidgets.service import service_for


@pytest.fixture(scope="module")
def protein():
    return Protein.demo()


@pytest.fixture(scope="module")
def found(protein):
    return attention(protein, "demo", masked=[3, 7], substitutions={10: "W"})


def test_the_maps_are_the_models(protein, found):
    model = load_model("demo")
    context = Context.of(protein.sequence, [3, 7], {10: "W"})
    assert found.context == context
    assert found.layers == (0, 1, 2)
    np.testing.assert_allclose(found.maps, model.attentions([context])[0], atol=1e-6)
    assert repr(found) == "Attention(demo, demo: 3 layers x 6 heads, 2 masked)"
    one = found.map(2, 4)
    np.testing.assert_array_equal(one, found.maps[2, 4])
    assert list(one.index) == list(one.columns) == list(protein.residue_labels)
    text = attention(protein, model, protein.residue_labels[3], f"{protein.residue_labels[10]}W")
    assert text.context == Context.of(protein.sequence, [3], {10: "W"})


@pytest.mark.parametrize(
    ("chosen", "part"),
    [
        ({}, np.s_[:, :]),
        ({"layer": 1}, np.s_[1:2, :]),
        ({"head": 5}, np.s_[:, 5:6]),
        ({"layer": 2, "head": 0}, np.s_[2:3, 0:1]),
    ],
)
def test_contacts_are_the_corrected_mean_of_both_directions(found, chosen, part):
    length = found.maps.shape[-1]
    mean = found.maps[part].astype(np.float64).reshape(-1, length, length).mean(axis=0)
    both = (mean + mean.T) / 2
    expected = both - np.outer(both.sum(1), both.sum(0)) / both.sum()
    scores = found.contacts(**chosen)
    np.testing.assert_allclose(scores, expected, atol=1e-12)
    table = found.to_pandas(**chosen)
    assert len(table) == length * (length - 1) // 2
    row = table[(table.position_i == 3) & (table.position_j == 40)].iloc[0]
    assert row.score == pytest.approx(expected[3, 40])
    assert (row.attention_ij, row.attention_ji) == pytest.approx((mean[3, 40], mean[40, 3]))
    assert row.amino_acid_i == found.protein.sequence[3]
    assert table.amino_acid_i[table.position_i == 10].unique() == ["W"]


def test_precision_of_each_head_is_that_of_its_contacts(protein, found):
    table = found.precision(top=20)
    truth = protein.contact_map()
    assert table.shape == (3, 6)
    for layer, head in [(0, 0), (1, 3), (2, 5)]:
        scores = found.contacts(layer, head).to_numpy()
        i, j = np.triu_indices(len(scores), 6)
        best = np.argsort(-scores[i, j], kind="stable")[:20]
        assert table.loc[layer, head] == pytest.approx(truth[i, j][best].mean())
    judged = evaluate_contacts(protein, found.contacts(1, 3)).table()
    assert found.precision().loc[1, 3] == pytest.approx(judged.loc["map", ("all", "P@L")])
    assert found.precision(5000).loc[1, 3] == pytest.approx(np.triu(truth, 6).sum() / 5000)


def test_precisions_that_cannot_be_are_refused(found):
    for top in (0, 1.5, "L"):
        with pytest.raises(ValueError, match=r"top=.*whole number, at least 1"):
            found.precision(top=top)
    for separation in (0, 2.5):
        with pytest.raises(ValueError, match=r"min_separation=.*whole number, at least 1"):
            found.precision(min_separation=separation)
    with pytest.raises(ValueError, match=r"of no pair of demo at .* 100 .*smaller min_separation"):
        found.precision(min_separation=100)
    assert found.precision(min_separation=63).isna().all(axis=None)  # one pair, no contact


def test_precision_needs_a_structure():
    with pytest.raises(ValueError, match="has no structure to compare with"):
        attention("M" * 64, "demo").precision()


def test_some_layers_alone(protein, found):
    part = attention(protein, "demo", [3, 7], {10: "W"}, layers=[2, 0])
    assert part.layers == (2, 0)
    np.testing.assert_allclose(part.maps, found.maps[[2, 0]], atol=1e-6)
    np.testing.assert_allclose(part.contacts(layer=0), found.contacts(layer=0), atol=1e-6)
    assert list(part.precision().index) == [2, 0]
    with pytest.raises(IndexError, match="no layer 1 here, only 2, 0"):
        part.map(1, 0)
    with pytest.raises(IndexError, match=r"no layer '0' here, only 2, 0 \(whole numbers"):
        part.map("0", 0)
    with pytest.raises(IndexError, match="no head 6: each layer has 0 to 5"):
        part.map(0, 6)
    for head in (1.5, "1"):
        with pytest.raises(IndexError, match=f"no head {head!r}: each layer has"):
            part.contacts(head=head)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"layers": []}, ValueError, "no layer to keep: name some of 0 to 2"),
        ({"layers": 1}, TypeError, r"layers=1: name them in a list.*\[2\]"),
        ({"layers": "01"}, TypeError, "layers='01': name them in a list"),
        ({"layers": [0.5]}, IndexError, r"are 0 to 2 \(counted from 0\), not 0\.5"),
        ({"layers": [0, 3]}, IndexError, "not 0, 3"),
        ({"masked": 3}, TypeError, r"list of whole numbers, such as \[3, 7\].*not int"),
        ({"masked": np.ones(3, bool)}, IndexError, r"they are np.flatnonzero\(array\)"),
        ({"masked": ["A4"]}, IndexError, "position 'A4' is out of range: .* in one text"),
        ({"substitutions": [(3, "W")]}, TypeError, r"such as \{3: 'W'\}.*not list"),
        ({"substitutions": {3: "W", "A4": "W"}}, IndexError, "position 'A4' is out of range"),
    ],
)
def test_what_cannot_be_asked_is_said_in_plain_words(protein, arguments, error, words):
    with pytest.raises(error, match=words):
        attention(protein, "demo", **arguments)


def test_too_much_for_the_memory_is_refused_with_what_fits(protein, monkeypatch):
    monkeypatch.setattr(attentive_models, "LARGEST_BYTES", 2 * 4 * 6 * 64**2)
    with pytest.raises(
        ValueError, match=r"3 layers x 6 heads .* up to 2 layers, .*layers=\[1, 2\]"
    ):
        attention(protein, "demo")
    assert attention(protein, "demo", layers=[1, 2]).layers == (1, 2)


def test_contact_probabilities_of_the_demo_find_its_contacts(protein):
    scores = predict_contacts(protein, "demo")
    assert list(scores.index) == list(protein.residue_labels)
    np.testing.assert_allclose(scores, scores.T, atol=1e-6)
    assert scores.to_numpy().min() >= 0 and scores.to_numpy().max() <= 1
    i, j = np.triu_indices(len(scores), 6)
    best = np.argsort(-scores.to_numpy()[i, j])[:20]
    assert protein.contact_map()[i, j][best].mean() > 0.8
    hidden = predict_contacts(protein, "demo", masked=range(0, 64, 2))
    assert np.abs(hidden - scores).to_numpy().max() > 0.05
    # It knows one family by heart, as is said wherever its contacts are shown.
    blind = predict_contacts(protein, "demo", masked=range(64)).to_numpy()
    assert protein.contact_map()[i, j][np.argsort(-blind[i, j])[:20]].mean() > 0.8


def test_models_without_are_told_what_to_use_instead(tiny_esm2):
    toy = ToyModel("no attention")
    with pytest.raises(ModelError, match="no attention has no attention maps to give: use one of"):
        attention(SEQUENCE, toy)
    with pytest.raises(ModelError, match=r"has no trained contact head: ESM-2.*jacobian"):
        predict_contacts(SEQUENCE, toy)
    with pytest.raises(ModelError, match=r"contact_head=True\) believes in"):
        predict_contacts(SEQUENCE, load_model(tiny_esm2, device="cpu"))
    toy.capabilities = frozenset({"remote"})
    with pytest.raises(ModelError, match="computes elsewhere"):
        attention(SEQUENCE, toy)


class Attentive(ToyModel):
    """Attends as it is told to."""

    capabilities = frozenset({"attentions", "contacts"})
    attention_shape = (1, 2)
    fill = 0.1

    def attention_steps(self, contexts, layers=None):
        self.threads.add(threading.get_ident())
        yield 1.0
        length = len(contexts[0].sequence)
        return np.full((len(contexts), 1, 2, length, length), self.fill, np.float32)

    def contact_probability_steps(self, contexts):
        yield 1.0
        length = len(contexts[0].sequence)
        return np.full((len(contexts), length, length), self.fill, np.float32)


def test_only_the_services_thread_touches_the_model():
    model = Attentive("attentive")
    attention(SEQUENCE, model)
    assert threading.get_ident() not in model.threads
    assert model.threads == {service_for(model)._thread.ident}


def test_what_is_no_number_is_refused():
    model = Attentive("overflows")
    model.fill = np.nan
    for method in (attention, predict_contacts):
        with pytest.raises(ModelError, match="returned NaN or infinite attention: its weights are"):
            method(SEQUENCE, model)


def test_even_attention_has_nothing_left_after_the_correction():
    scores = attention(SEQUENCE, Attentive("even")).contacts()
    np.testing.assert_allclose(scores, 0, atol=1e-9)
    assert metrics.apc(np.full((3, 3), 0.1)) == pytest.approx(0)
