"""The grid of attention heads, what keeps it up to date, and the page around it."""

import threading
from concurrent.futures import Future

import numpy as np
import pytest
import traitlets as t
from structure_inputs import peptide, write_atoms
from test_attention import Attentive
from toy_models import ToyModel
from view_tools import SEQUENCE, decoded, wait_for

from plmwidgets import AttentionExplorer, AttentionGrid, attention, predict_contacts
from plmwidgets.models import Context, ModelError
from plmwidgets.protein import Protein
from plmwidgets.widgets import live_attention
from plmwidgets.widgets.thumbnails import thumbnails


@pytest.fixture
def protein():
    return Protein.demo()


def settled(grid):
    wait_for(lambda: grid.attention is not None and not grid.pending and not grid.stale)


def test_thumbnails_keep_the_strongest_cell_of_each_pixel():
    maps = np.zeros((2, 3, 100, 100), np.float32)
    maps[0, 1, 10, 77] = 0.5
    maps[1, 2, 99, 0] = 3.0
    maps[1, 2, 0, 0] = -1.0
    pictures = thumbnails(maps)
    assert pictures.shape == (2, 3, 50, 50) and pictures.dtype == np.uint8
    lit = [[0, 1, 10 // 2, 77 // 2], [1, 2, 49, 0]]
    assert np.argwhere(pictures).tolist() == lit
    assert pictures.max(axis=(-1, -2))[[0, 1], [1, 2]].tolist() == [255, 255]


@pytest.mark.parametrize("length", [64, 65, 127, 300, 363])
def test_thumbnails_are_the_largest_values_of_their_blocks(length):
    maps = np.random.default_rng(length).random((1, 2, length, length))
    block = int(np.ceil(length / 64))
    pictures = thumbnails(maps)
    side = pictures.shape[-1]
    assert side <= 64
    expected = np.array(
        [
            [
                maps[0, 1, y * block : (y + 1) * block, x * block : (x + 1) * block].max()
                for x in range(side)
            ]
            for y in range(side)
        ]
    )
    expected = np.minimum(expected / np.quantile(expected, 0.995), 1)
    np.testing.assert_allclose(pictures[0, 1], 255 * np.sqrt(expected), atol=0.51)


def test_thumbnails_of_short_proteins_are_their_maps():
    maps = np.random.default_rng(0).random((1, 1, 20, 20))
    pictures = thumbnails(maps)[0, 0]
    assert pictures.shape == (20, 20)
    order = maps.ravel().argsort()
    assert (np.diff(pictures.ravel()[order].astype(int)) >= 0).all()
    assert pictures.max() == 255


def test_the_grid_follows_the_masks(protein):
    grid = AttentionGrid(protein, "demo")
    settled(grid)
    wait_for(lambda: grid.pictures is not None)
    before = decoded(grid.pictures)
    assert before.shape == (3, 6, 64, 64)
    grid.selection.masked = {3, 40}
    settled(grid)
    want = attention(protein, "demo", [3, 40])
    np.testing.assert_allclose(grid.attention.maps, want.maps, atol=1e-6)
    wait_for(lambda: not np.array_equal(decoded(grid.pictures), before))
    wait_for(lambda: np.array_equal(decoded(grid.pictures), thumbnails(grid.attention.maps)))
    np.testing.assert_allclose(decoded(grid.precision), want.precision(), atol=0.02)
    grid.layer, grid.head = 1, 4
    np.testing.assert_allclose(grid.chosen, want.map(1, 4), atol=1e-6)
    grid.show = "contacts"
    np.testing.assert_allclose(grid.chosen, want.contacts(1, 4), atol=1e-6)
    np.testing.assert_allclose(grid.to_pandas().score, want.to_pandas(1, 4).score, atol=1e-6)
    grid.close()


def test_the_contacts_are_pictures_of_the_corrected_maps(protein):
    grid = AttentionGrid(protein, "demo")
    grid.show = "contacts"
    settled(grid)
    scores = grid.attention.contacts(2, 3).to_numpy(copy=True)
    np.fill_diagonal(scores, 0)
    wait_for(lambda: np.array_equal(decoded(grid.pictures)[2, 3], thumbnails(scores)))


def test_a_protein_without_structure_has_no_precision():
    grid = AttentionGrid(SEQUENCE * 2, "demo")
    settled(grid)
    assert grid.precision is None


def test_nor_has_one_whose_pairs_are_all_near(tmp_path):
    write_atoms(tmp_path / "short.cif", peptide("MKTAY"))
    grid = AttentionGrid(Protein.from_file(tmp_path / "short.cif"), Attentive("short"))
    settled(grid)
    assert grid.protein.has_structure
    assert grid.precision is None and grid.pictures is not None and not grid.error


class Held(Attentive):
    """Waits before every answer."""

    def __init__(self, name):
        super().__init__(name)
        self.gate = threading.Semaphore(0)
        self.asked = []

    def attention_steps(self, contexts, layers=None):
        yield 0.1
        self.gate.acquire()
        self.asked.append(contexts[0].masked)
        return (yield from super().attention_steps(contexts, layers))


def test_the_newest_masks_win():
    model = Held("newest attention")
    grid = AttentionGrid(SEQUENCE, model)
    for masked in ({1}, {2}, {3}, {2}):
        grid.selection.masked = masked
    for _ in range(5):
        model.gate.release()
    settled(grid)
    assert grid.attention.context.masked == (2,)
    assert model.asked[-1] == (2,)
    assert len(model.asked) <= 2  # those between were never begun


def test_going_back_to_what_is_known_asks_nothing():
    model = Held("known attention")
    model.gate.release()
    grid = AttentionGrid(SEQUENCE, model)
    settled(grid)
    grid.selection.masked = {1}
    assert grid.pending and grid.stale
    grid.selection.masked = ()
    assert not grid.pending and not grid.stale
    model.gate.release()
    grid.close()
    assert grid.attention.context.masked == ()


def test_it_asks_only_when_it_may():
    model = Held("asks attention")
    model.gate.release()
    grid = AttentionGrid(SEQUENCE, model, automatic=False)
    settled(grid)
    grid.selection.masked = {1}
    assert grid.stale and not grid.pending
    model.gate.release()
    grid._receive(grid, {"type": "compute"}, [])
    settled(grid)
    assert grid.attention.context.masked == (1,)
    grid.selection.masked = {2}
    model.gate.release()
    grid.set_state({"automatic": True})
    settled(grid)
    assert grid.attention.context.masked == (2,)


def test_what_is_slow_waits_to_be_asked(monkeypatch):
    monkeypatch.setattr(live_attention, "SLOW_SECONDS", 0.0)
    grid = AttentionGrid(SEQUENCE, Attentive("slow attention"))
    settled(grid)
    wait_for(lambda: not grid.automatic)
    grid.selection.masked = {1}
    assert grid.stale and not grid.pending


def test_a_failing_model_is_told_and_may_be_asked_again():
    model = Attentive("fails attention")
    model.fill = np.nan
    grid = AttentionGrid(SEQUENCE, model)
    wait_for(lambda: grid.error != "")
    assert grid.error.startswith("The attention could not be computed")
    with pytest.raises(RuntimeError, match="could not be computed"):
        grid.to_pandas()
    model.fill = 0.2
    grid.compute()
    settled(grid)
    wait_for(lambda: grid.error == "")


def test_models_without_attention_are_refused():
    with pytest.raises(ModelError, match="has no attention maps"):
        AttentionGrid(SEQUENCE, ToyModel("none"))
    with pytest.raises(ModelError, match="has no attention maps"):
        AttentionExplorer(SEQUENCE, ToyModel("none"))


@pytest.mark.parametrize(
    "state",
    [{"layer": 3}, {"head": -1}, {"layer": "x"}, {"show": "all"}, {"head": 10**9}],
)
def test_a_page_chooses_what_there_is(protein, state):
    grid = AttentionGrid(protein, "demo")
    before = (grid.layer, grid.head, grid.show)
    grid.set_state(state)
    assert (grid.layer, grid.head, grid.show) == before
    assert grid.error
    grid.set_state({"pictures": None, "layers": [7], "precision": None, "heads": 1})
    assert grid.layers == [0, 1, 2] and grid.heads == 6


def test_python_is_told_what_there_is(protein):
    grid = AttentionGrid(protein, "demo", layers=[2, 0])
    assert grid.layer == 0
    with pytest.raises(t.TraitError, match=r"no layer 1 here: choose from \[2, 0\]"):
        grid.layer = 1
    with pytest.raises(t.TraitError, match="a head is 0 to 5, not 6"):
        grid.head = 6


def test_a_closed_grid_asks_no_more(protein):
    model = Attentive("closed attention")
    grid = AttentionGrid(SEQUENCE, model)
    settled(grid)
    shown = grid.attention
    grid.close()
    grid.selection.masked = {1}
    assert grid.attention is shown


def upper(explorer):
    return decoded(explorer.heatmap.upper_map["values"])


def test_the_page_shows_the_chosen_head(protein):
    explorer = AttentionExplorer(protein, "demo")
    settled(explorer.grid)
    explorer.grid.layer, explorer.grid.head = 1, 2
    want = attention(protein, "demo")
    off = ~np.eye(len(protein), dtype=bool)
    wait_for(lambda: explorer.heatmap.upper_map["label"] == "Layer 1, head 2: symmetric, APC")
    np.testing.assert_allclose(upper(explorer)[off], want.contacts(1, 2).to_numpy()[off], atol=1e-6)
    explorer.heatmap.upper = "head"
    np.testing.assert_allclose(upper(explorer)[off], want.map(1, 2).to_numpy()[off], atol=1e-6)
    pairs = {tuple(pair[:2]) for pair in explorer.structure.pairs}
    explorer.heatmap.upper = "contact_head"
    contacts = predict_contacts(protein, "demo").to_numpy()
    np.testing.assert_allclose(upper(explorer)[off], contacts[off], atol=1e-6)
    predicted = {tuple(pair[:2]) for pair in explorer.structure.pairs}
    assert predicted != pairs
    i, j = np.triu_indices(len(protein), 6)
    best = np.argsort(-contacts[i, j])[:10]
    assert set(zip(i[best].tolist(), j[best].tolist(), strict=True)) <= predicted


def test_the_contact_head_follows_the_masks(protein):
    explorer = AttentionExplorer(protein, "demo")
    settled(explorer.grid)
    explorer.heatmap.upper = "contact_head"
    explorer.selection.masked = range(0, 64, 2)
    settled(explorer.grid)
    contacts = predict_contacts(protein, "demo", range(0, 64, 2)).to_numpy()
    off = ~np.eye(len(protein), dtype=bool)
    wait_for(lambda: np.allclose(upper(explorer)[off], contacts[off], atol=1e-6))


def test_a_model_without_a_contact_head_has_no_map_of_it(esm2_copy):
    explorer = AttentionExplorer(SEQUENCE, str(esm2_copy))
    names = [name for name, _ in explorer.heatmap.options]
    assert names == ["head_contacts", "head", "all_heads"]
    settled(explorer.grid)
    explorer.presenter = True
    assert explorer.grid.presenter
    explorer.set_state({"presenter": False})
    assert explorer.presenter
    explorer.close()


def test_an_answer_that_was_overtaken_on_its_way_is_dropped():
    grid = AttentionGrid(SEQUENCE, Attentive("overtaken attention"))
    settled(grid)
    shown, late = grid.attention, Future()
    late.set_result(np.ones((1, 1, 2, len(SEQUENCE), len(SEQUENCE)), np.float32))
    grid.live._arrived(Context.of(SEQUENCE, [1]), late, [], 0.0)
    assert grid.attention is shown
