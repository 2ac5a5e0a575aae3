"""Which models offer attention and contacts: stated by the catalogue, never guessed from files."""

import checkpoints
import numpy as np
import pytest
from transformers import AutoModelForMaskedLM

from plmwidgets.models import Context, ModelError, load_model
from plmwidgets.models.catalog import ENTRIES, find
from plmwidgets.service import service_for

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQ"


def test_only_published_heads_are_trained():
    trained = {entry.name for entry in ENTRIES if "contacts" in entry.capabilities}
    assert trained == {
        *("demo", "esm1b", "esm2-8m", "esm2-35m", "esm2-150m", "esm2-650m", "esm2-3b", "esm2-15b")
    }
    assert not find("esm1v").capabilities


def test_a_folder_has_no_contacts_unless_somebody_says_so(tiny_esm2):
    plain = load_model(tiny_esm2, device="cpu")
    assert "attentions" in plain.capabilities
    assert "contacts" not in plain.capabilities
    with pytest.raises(ModelError, match="no trained contact head"):
        plain.contact_probabilities([Context.of(SEQUENCE)])
    assert load_model(tiny_esm2, device="cpu", contact_head=False) is plain
    told = load_model(tiny_esm2, device="cpu", contact_head=True)
    assert told.capabilities == plain.capabilities | {"contacts"}


@pytest.mark.parametrize("first", [True, False])
def test_one_with_and_one_without_are_not_confused(first, esm2_copy):
    """They share a service, as their predictions are the same, and each keeps what it offers."""
    models = {head: load_model(esm2_copy, device="cpu", contact_head=head)
              for head in (first, not first)}  # fmt: skip
    services = {head: service_for(models[head]) for head in (first, not first)}
    assert services[True] is services[False]
    context = Context.of(SEQUENCE, [3])
    steps = models[True].contact_probability_steps([context])
    found = services[True].submit_steps(steps).result(10)
    np.testing.assert_array_equal(found, models[True].contact_probabilities([context]))
    refused = services[False].submit_steps(models[False].contact_probability_steps([context]))
    with pytest.raises(ModelError, match="no trained contact head"):
        refused.result(10)


def test_the_demo_is_the_same_model_with_its_head_as_without():
    plain = load_model("demo", contact_head=False)
    assert "contacts" not in plain.capabilities
    told = load_model("demo")
    assert told.capabilities == plain.capabilities | {"contacts"}
    assert told.identity == plain.identity


@pytest.mark.parametrize("memory", [None, "20 kB"])
def test_a_checkpoint_without_a_head_cannot_be_given_one(esm2_copy, memory):
    checkpoints.change_weights(
        esm2_copy, lambda all: {k: v for k, v in all.items() if "contact_head" not in k}
    )
    load_model(esm2_copy, device="cpu", memory=memory)
    with pytest.raises(ModelError, match="has no contact head of ESM's kind"):
        load_model(esm2_copy, device="cpu", memory=memory, contact_head=True)


@pytest.mark.parametrize("fixture", ["tiny_esmc", "tiny_bert_spaced"])
def test_other_kinds_have_none(fixture, request):
    with pytest.raises(ModelError, match="has no contact head of ESM's kind"):
        load_model(request.getfixturevalue(fixture), device="cpu", contact_head=True)


def test_the_exact_model_has_neither():
    assert not load_model("potts-demo").capabilities & {"attentions", "contacts"}
    with pytest.raises(ModelError, match="potts-demo has no contact head"):
        load_model("potts-demo", contact_head=True)


def test_layers_that_there_are_not(tiny_esm2):
    with pytest.raises(IndexError, match=r"layers of tiny-esm2 are 0 to 2 .* not \[3\]"):
        load_model(tiny_esm2, device="cpu").attentions([Context.of(SEQUENCE)], [3])


def test_a_network_that_keeps_its_weights_is_told_apart(tiny_bert_spaced, monkeypatch):
    model = load_model(tiny_bert_spaced, device="cpu")
    network = type(model.network)
    forward = network.forward

    def silent(self, *args, output_attentions=False, **kwargs):
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(network, "forward", silent)
    with pytest.raises(ModelError, match="does not give attention weights for all pairs"):
        model.attentions([Context.of(SEQUENCE)])


def test_the_way_of_attention_stays_as_it_was(tiny_bert_spaced):
    expected = AutoModelForMaskedLM.from_pretrained(tiny_bert_spaced).config._attn_implementation
    model = load_model(tiny_bert_spaced, device="cpu")
    model.attentions([Context.of(SEQUENCE)])
    assert model.network.config._attn_implementation == expected != "eager"
