"""The Explorer: its parts work together, and go when it goes."""

import gc
import time
import weakref

import pytest
from toy_models import ToyModel
from view_tools import SEQUENCE, wait_for

from plmwidgets.models.masked_lm import ModelError
from plmwidgets.protein import Protein
from plmwidgets.scan.start import prepare_pairs
from plmwidgets.widgets.distributions import Distributions
from plmwidgets.widgets.explorer import Explorer
from plmwidgets.widgets.live import LivePrediction
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.scan_panel import ScanPanel
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.sequence_strip import SequenceStrip
from plmwidgets.widgets.structure_view import StructureView


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="test")


# Selection


def test_the_explorer_links_everything(protein):
    explorer = Explorer(protein, ToyModel("explorer"))
    explorer.strip.selection.masked = {2}
    assert explorer.heatmap.selection is explorer.selection
    wait_for(lambda: explorer.distributions.prediction is not None)
    wait_for(lambda: explorer.distributions.prediction["masked"] == [2])
    assert explorer.scan.progress.status == "ready"
    explorer.scan.start()
    explorer.scan.wait(30)
    assert len(explorer.to_pandas()) == 462
    assert "finished" in repr(explorer)
    explorer.close()


def test_what_is_closed_is_forgotten(protein):
    model = ToyModel("closed")
    scan = prepare_pairs(protein, model)
    selection = Selection(protein)
    shared = {"selection": selection, "live": LivePrediction(protein, model, selection)}
    views = [
        SequenceStrip(protein, scan=scan, **shared),
        StructureView(protein, scan=scan, **shared),
        Distributions(protein, **shared),
        Distributions(protein, model, selection=selection),
        PairHeatmap(scan, selection=selection),
        ScanPanel(scan, selection=selection),
    ]
    wait_for(lambda: all(view.prediction for view in views[2:4]))
    watched = [weakref.ref(view) for view in views]
    for view in views:
        view.close()
        view.close()  # once more does no harm
    calls = len(model.calls)
    shared["live"].close()
    selection.masked = {5}
    time.sleep(0.05)
    assert len(model.calls) == calls, "nobody is left who wants a prediction"
    views.clear()
    del view
    gc.collect()
    assert [ref() for ref in watched] == [None] * 6


def test_a_closed_explorer_leaves_the_model_alone(protein):
    model = ToyModel("closed explorer")
    explorer = Explorer(protein, model)
    wait_for(lambda: explorer.distributions.prediction is not None)
    explorer.close()
    calls = len(model.calls)
    explorer.selection.masked = {5}
    time.sleep(0.05)
    assert len(model.calls) == calls


def test_a_view_that_cannot_be_made_says_so_once(protein, monkeypatch):
    ignored = []
    monkeypatch.setattr("sys.unraisablehook", lambda failure: ignored.append(failure.exc_value))
    scan = prepare_pairs(protein, ToyModel("unmade"))
    other = Selection(Protein("ACDE"))
    for make in (
        lambda: PairHeatmap(scan, selection=other),
        lambda: ScanPanel(scan, selection=other),
        lambda: StructureView(protein, scan=scan, selection=other),
        lambda: Explorer("", ToyModel("x")),
    ):
        with pytest.raises(ValueError, match=r"another protein|empty"):
            make()
    gc.collect()
    assert ignored == []


def test_the_explorer_explains_what_it_cannot_take():
    with pytest.raises(ValueError, match="empty"):
        Explorer("", ToyModel("x"))
    with pytest.raises(TypeError, match="modle"):
        Explorer(SEQUENCE, modle=ToyModel("x"))
    with pytest.raises(ValueError, match="another protein"):
        SequenceStrip(Protein("ACD"), selection=Selection(Protein("ACDE")))
    model = ToyModel("short")

    def check(sequence):
        raise ModelError("takes at most 10 residues")

    model.check_sequence = check
    with pytest.raises(ModelError, match="at most 10"):
        Explorer(SEQUENCE, model)


# Small parts


def test_presenter_mode_reaches_every_view(protein):
    explorer = Explorer(protein, ToyModel("presenter"), presenter=True)
    assert all(view.presenter for view in explorer.children)
    explorer.presenter = False
    assert not any(view.presenter for view in explorer.children)
    assert SequenceStrip(protein, presenter=True).presenter
    explorer.close()
