"""Attention of a model, of a reference, and the difference, head by head."""

import gc
import threading
import weakref
import zlib

import numpy as np
import pytest
from structure_inputs import peptide, write_atoms
from toy_models import ToyModel
from traitlets import TraitError
from view_tools import SEQUENCE, decoded, wait_for

from plmwidgets import AttentionExplorer, AttentionGrid, attention, predict_contacts
from plmwidgets.models import ModelError
from plmwidgets.protein import Protein
from plmwidgets.widgets.thumbnails import MIDDLE, signed_thumbnails

LENGTH = len(SEQUENCE)
OFF = ~np.eye(LENGTH, dtype=bool)


class Attends(ToyModel):
    """Looks about as the name and the context say; waits at its gate."""

    def __init__(self, name, shape=(2, 3), contacts=True):
        super().__init__(name)
        self.attention_shape = shape
        self.capabilities = {"attentions", "contacts"} if contacts else {"attentions"}
        self.gate = threading.Event()
        self.gate.set()
        self.fails = False

    def attention_steps(self, contexts, layers=None):
        yield 0.5
        self.gate.wait(20)
        if self.fails:
            raise MemoryError("no room")
        layers = range(self.attention_shape[0]) if layers is None else layers
        maps = np.stack([self.weights(contexts[0])[layer] for layer in layers])
        return maps[None]

    def weights(self, context):
        shape = (*self.attention_shape, LENGTH, LENGTH)
        weights = self.random(context).gamma(0.3, size=shape)
        return (0.9 * weights / weights.sum(-1, keepdims=True)).astype(np.float32)

    def contact_probability_steps(self, contexts):
        yield 0.5
        found = self.random(contexts[0]).random((1, LENGTH, LENGTH), np.float32)
        return (found + found.swapaxes(1, 2)) / 2

    def random(self, context):
        seed = zlib.crc32(repr((self.name, context.residues, context.masked)).encode())
        return np.random.default_rng(seed)


@pytest.fixture
def models(request):
    # Equal identities share a service, and so a model.
    return [Attends(f"{request.node.name} {which}") for which in ("model", "base")]


@pytest.fixture
def page(models, tmp_path):
    write_atoms(tmp_path / "chain.cif", peptide(SEQUENCE))
    protein = Protein.from_file(tmp_path / "chain.cif")
    page = AttentionExplorer(protein, models[0], reference=models[1])
    answered(page.grid)
    yield page
    for one in models:
        one.gate.set()
    page.close()


def answered(grid):
    wait_for(lambda: all(settled(live) for live in (grid.live, grid.reference_live)))


def settled(live):
    return not live.pending and not live.stale


def name_of(page, which):
    return page.grid.models[{"reference": 0, "model": 1, "difference": 2}[which]]


def expected(which, of):
    """What is shown of two models, from a function of one."""
    model, reference = of
    return {"model": model, "reference": reference, "difference": model - reference}[which]


KINDS = ("model", "reference", "difference")


@pytest.mark.parametrize("which", KINDS)
def test_maps_are_those_of_the_models_by_themselves_and_their_difference(page, models, which):
    protein, grid = page.protein, page.grid
    page.selection.masked = {3, 7}
    answered(grid)
    one, other = (attention(protein, each, [3, 7]) for each in models)
    assert np.abs(one.maps - other.maps).max() > 0.1
    page.two_models.shown = name_of(page, which)
    grid.layer, grid.head = 1, 2
    weights = expected(which, [each.map(1, 2).to_numpy() for each in (one, other)])
    contacts = expected(which, [each.contacts(1, 2).to_numpy() for each in (one, other)])
    wait_for(lambda: grid.chosen is not None and np.allclose(grid.chosen, weights, atol=1e-6))
    table = grid.to_pandas()
    i, j = table.position_i, table.position_j
    for column, values in (
        ("attention_ij", weights[i, j]),
        ("attention_ji", weights[j, i]),
        ("score", contacts[i, j]),
    ):
        np.testing.assert_allclose(table[column], values, atol=1e-6)
    grid.show = "contacts"
    np.testing.assert_allclose(grid.chosen, contacts, atol=1e-6)

    heads = [predict_contacts(protein, each, [3, 7]).to_numpy() for each in models]
    means = [each.contacts().to_numpy() for each in (one, other)]
    wanted = {
        "head": ([each.map(1, 2).to_numpy() for each in (one, other)], 0),
        "head_contacts": ([each.contacts(1, 2).to_numpy() for each in (one, other)], 1),
        "all_heads": (means, 1),
        "contact_head": (heads, 0),
    }
    for name, (parts, signed) in wanted.items():
        page.heatmap.upper = name
        values = expected(which, parts)
        np.testing.assert_allclose(upper(page)[OFF], values[OFF], atol=1e-6)
        shown = page.heatmap.upper_map
        assert shown["label"].endswith(f", {name_of(page, which)}")
        diverging = signed or which == "difference"
        assert shown["kind"] == ("diverging" if diverging else "sequential")
        low, high = shown["limits"]
        assert low == (-high if diverging else 0)
        scores = np.abs(values) if which == "difference" else values
        scores = (scores + scores.T) / 2
        near = np.triu_indices(LENGTH, 6)
        best = page.structure.strongest_pairs(1)[0][:2]
        assert scores[tuple(best)] == pytest.approx(scores[near].max(), rel=1e-5)


def upper(page):
    return decoded(page.heatmap.upper_map["values"])


def test_both_models_have_one_scale_and_the_difference_its_own(page):
    page.heatmap.upper = "head"
    limits = {}
    for which in KINDS:
        page.two_models.shown = name_of(page, which)
        wait_for(lambda w=which: page.heatmap.upper_map["label"].endswith(name_of(page, w)))
        limits[which] = page.heatmap.upper_map["limits"]
    assert limits["model"] == limits["reference"]
    one, other = (page.grid.live.answer, page.grid.reference_live.answer)
    tops = [np.quantile(each.attention.map(1, 0).to_numpy()[OFF], 0.995) for each in (one, other)]
    assert limits["model"][1] == pytest.approx(max(tops))
    assert limits["difference"] != limits["model"]


@pytest.mark.parametrize("show", ["weights", "contacts"])
def test_pictures_of_a_difference_are_on_one_scale_about_zero(page, show):
    grid = page.grid
    one, other = (each.answer.attention for each in (grid.live, grid.reference_live))
    grid.show = show
    assert grid.limit is None and grid.pictures is not None
    page.two_models.shown = name_of(page, "difference")
    if show == "weights":
        change = one.maps - other.maps
    else:
        change = np.stack(
            [
                [(one.contacts(k, h) - other.contacts(k, h)).to_numpy() for h in range(3)]
                for k in range(2)
            ]
        )
        change[..., ~OFF] = 0
    limit = np.quantile(np.abs(change), 0.995)
    assert grid.limit == pytest.approx(limit, rel=1e-5)
    signed = (decoded(grid.pictures).astype(float) - MIDDLE) / 127
    np.testing.assert_allclose(signed, np.clip(change / limit, -1, 1), atol=0.51 / 127)
    page.two_models.shown = name_of(page, "model")
    assert grid.limit is None and decoded(grid.pictures).shape == (2, 3, LENGTH, LENGTH)


def test_signed_pictures_keep_what_changed_most():
    maps = np.zeros((2, 1, 100, 100))
    maps[0, 0, 10, 76], maps[0, 0, 11, 77] = 0.3, -0.4
    maps[1, 0, 40, 40] = 0.1
    pictures, limit = signed_thumbnails(maps)
    assert pictures.shape == (2, 1, 50, 50)
    assert np.argwhere(pictures != MIDDLE).tolist() == [[0, 0, 5, 38], [1, 0, 20, 20]]
    assert pictures[0, 0, 5, 38] < MIDDLE < pictures[1, 0, 20, 20]
    assert 0 < limit <= 0.4
    same, limit = signed_thumbnails(np.zeros((2, 1, 70, 70)))
    assert (same == MIDDLE).all() and limit > 0


def test_the_choice_is_one_on_the_page(page):
    for which in ("reference", "difference", "model"):
        page.grid.set_state({"shown": name_of(page, which)})  # as the page does
        assert page.two_models.shown == name_of(page, which)
    page.grid.set_state({"shown": "another"})
    assert "choose from" in page.grid.error
    assert page.two_models.shown == page.grid.shown == name_of(page, "model")
    with pytest.raises(TraitError, match="no model called 'another'"):
        page.two_models.shown = "another"


def test_the_difference_waits_for_both(page, models):
    """Two answers for different masks are never subtracted."""
    page.two_models.shown = name_of(page, "difference")
    page.heatmap.upper = "all_heads"
    before, shown, table = page.grid.pictures, upper(page), page.grid.to_pandas()
    models[1].gate.clear()
    page.selection.masked = {5}
    wait_for(lambda: settled(page.grid.live))
    assert page.grid.live.answer.attention.context.masked == (5,)
    assert page.grid.reference_live.answer.attention.context.masked == ()
    assert page.grid.pending
    assert page.grid.pictures == before
    np.testing.assert_array_equal(upper(page), shown)
    assert page.grid.to_pandas().equals(table)
    # Of the model alone there is an answer, of the difference none to begin with.
    page.two_models.shown = name_of(page, "model")
    assert page.grid.attention.context.masked == (5,) and not page.grid.pending
    page.two_models.shown = name_of(page, "difference")
    assert page.grid.pictures is None and page.grid.chosen is None and page.grid.pending
    assert np.isnan(upper(page)).all()
    with pytest.raises(RuntimeError, match="wait for them"):
        page.grid.to_pandas()
    models[1].gate.set()
    answered(page.grid)
    one, other = (attention(SEQUENCE, each, [5]).contacts() for each in models)
    wait_for(lambda: np.allclose(upper(page)[OFF], (one - other).to_numpy()[OFF], atol=1e-6))
    assert page.grid.pictures is not None and not page.grid.pending


def test_a_reference_that_fails_leaves_the_model(models):
    models[1].fails = True
    grid = AttentionGrid(SEQUENCE, models[0], reference=models[1])
    wait_for(lambda: grid.error != "" and not grid.reference_live.pending)
    assert grid.error.startswith(f"{models[1].name}: The attention could not be computed")
    wait_for(lambda: grid.pictures is not None)
    grid.shown = grid.models[2]
    assert grid.pictures is None and grid.stale
    with pytest.raises(RuntimeError, match="ran out of memory"):
        grid.to_pandas()
    models[1].fails = False
    grid._receive(grid, {"type": "compute"}, [])
    wait_for(lambda: grid.pictures is not None and grid.error == "")
    grid.close()


@pytest.mark.parametrize("shape", [(3, 3), (2, 4)])
def test_models_of_other_heads_have_no_difference_head_by_head(request, shape):
    model = Attends(f"{request.node.name} model")
    other = Attends(f"{request.node.name} other", shape)
    page = AttentionExplorer(SEQUENCE, model, reference=other)
    grid = page.grid
    answered(grid)
    page.two_models.shown = grid.models[0]
    wait_for(lambda: grid.pictures is not None)
    assert (len(grid.layers), grid.heads) == shape
    grid.layer, grid.head = shape[0] - 1, shape[1] - 1
    np.testing.assert_allclose(
        grid.chosen, attention(SEQUENCE, other).map(grid.layer, grid.head), atol=1e-6
    )
    page.two_models.shown = grid.models[2]
    assert grid.notice == (
        f"There is no difference head by head: {model.name} has 2 layers of 3 heads, {other.name} "
        f"{shape[0]} layers of {shape[1]} heads. Choose one of both models."
    )
    assert grid.pictures is None and grid.chosen is None and grid.error == ""
    with pytest.raises(RuntimeError, match="no difference head by head"):
        grid.to_pandas()
    # The means and the contact head are of pairs of residues alone.
    page.heatmap.upper = "head_contacts"
    assert np.isnan(upper(page)).all()
    assert "none, " in page.heatmap.upper_map["label"]
    page.heatmap.upper = "all_heads"
    both = [attention(SEQUENCE, each).contacts().to_numpy() for each in (model, other)]
    np.testing.assert_allclose(upper(page)[OFF], (both[0] - both[1])[OFF], atol=1e-6)
    page.two_models.shown = grid.models[1]
    assert (grid.layers, grid.heads, grid.notice) == ([0, 1], 3, "")
    assert (grid.layer, grid.head) == (1, 2)
    assert not page.heatmap.error
    page.close()


def test_a_contact_head_that_only_one_has_is_shown_of_that_one(request):
    model = Attends(f"{request.node.name} model", contacts=False)
    other = Attends(f"{request.node.name} other")
    page = AttentionExplorer(SEQUENCE, model, reference=other)
    answered(page.grid)
    page.heatmap.upper = "contact_head"
    for k, there in ((0, True), (1, False), (2, False)):
        page.two_models.shown = page.grid.models[k]
        assert np.isfinite(upper(page)[OFF]).all() == there
        assert ("none, " in page.heatmap.upper_map["label"]) != there
    page.close()


def test_what_is_slow_stops_following_in_both(page, models, monkeypatch):
    monkeypatch.setattr("plmwidgets.widgets.live_attention.SLOW_SECONDS", 0.0)
    page.selection.masked = {1}
    wait_for(lambda: not page.grid.automatic)
    lives = (page.grid.live, page.grid.reference_live)
    wait_for(lambda: not any(live.automatic or live.pending for live in lives))
    monkeypatch.undo()
    page.selection.masked = {2}
    assert page.grid.stale and not page.grid.pending
    page.grid.set_state({"automatic": True})
    answered(page.grid)
    assert page.grid.automatic and all(live.automatic for live in lives)


def test_wrong_references_are_refused_in_words(models):
    model = models[0]
    for view in (AttentionGrid, AttentionExplorer):
        with pytest.raises(ValueError, match="the reference is the model itself"):
            view(SEQUENCE, model, reference=model)
        with pytest.raises(ModelError, match="has no attention maps"):
            view(SEQUENCE, model, reference=ToyModel("blind reference"))
        with pytest.raises(IndexError, match=r"the layers of one layer are 0 to 0"):
            view(SEQUENCE, model, reference=Attends("one layer", (1, 3)), layers=[1])


def test_without_a_reference_there_is_no_choice(models):
    page = AttentionExplorer(SEQUENCE, models[0])
    assert page.two_models is page.grid.reference_live is page.reference is None
    assert (page.grid.models, page.grid.shown, page.grid.limit) == ([], "", None)
    page.grid.set_state({"shown": models[1].name})
    assert "of one model" in page.grid.error
    page.close()


def test_what_is_closed_is_forgotten(models):
    page = AttentionExplorer(SEQUENCE, models[0], reference=models[1])
    answered(page.grid)
    watched = [weakref.ref(view) for view in page.children]
    selection = page.selection
    shown = page.grid.reference_live.answer
    live = page.grid.reference_live
    page.close()
    selection.masked = {1}
    assert live.answer is shown and not live.pending
    del page
    # The threads that brought the answers may hold them a moment longer.
    wait_for(lambda: gc.collect() >= 0 and not any(ref() for ref in watched))
