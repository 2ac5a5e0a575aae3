"""The views of mutation scores: what they send to a page and take from one."""

import json

import numpy as np
import pandas as pd
import pytest
import traitlets as t
from structure_inputs import peptide, write_atoms
from toy_models import ToyModel
from view_tools import SEQUENCE, decoded, wait_for

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.mutations.deep_mutational_scan import load_dms
from plmwidgets.methods.mutations.scores import mutation_scores, prepare_scores
from plmwidgets.protein import Protein
from plmwidgets.widgets import scatter_plot
from plmwidgets.widgets.mutation_explorer import MutationExplorer
from plmwidgets.widgets.mutation_heatmap import MutationHeatmap
from plmwidgets.widgets.scatter_plot import ScatterPlot
from plmwidgets.widgets.selection import Selection

PROTEIN = Protein(SEQUENCE, name="toy")


@pytest.fixture
def dms():
    names = [f"{SEQUENCE[i]}{i + 1}{a}" for i in range(5) for a in "DEW"] + ["T3S:A4G"]
    return load_dms(
        pd.DataFrame({"mutant": names, "score": range(-4, 12)}), PROTEIN, name="toy DMS"
    )


def test_the_map_holds_the_scores_and_the_experiment(dms):
    scores = mutation_scores(PROTEIN, ToyModel("map"))
    view = MutationHeatmap(scores, dms)
    first, second = view.maps
    np.testing.assert_allclose(decoded(first["values"]), scores.log_ratios, atol=1e-6)
    np.testing.assert_allclose(decoded(second["values"]), dms.matrix(), atol=1e-6)
    assert (first["name"], second["name"]) == ("masked", "dms")
    assert first["limits"][0] == -first["limits"][1] < 0
    assert view.options == [["masked", "LLR, masked (nats)"], ["dms", "measured, toy DMS"]]
    view.below = ""
    assert [one["name"] for one in view.maps] == ["masked"]
    assert view.to_pandas().equals(scores.to_pandas())
    view.show = "dms"
    assert list(view.to_pandas()["variant"]) == list(dms.variants)
    view.close()


def test_choices_that_make_no_sense_are_refused(dms):
    view = MutationHeatmap(mutation_scores(PROTEIN, ToyModel("choices")), dms)
    for name, value in (("show", ""), ("show", "mutant"), ("below", "x"), ("limit", 0.0)):
        with pytest.raises(t.TraitError):
            setattr(view, name, value)
    with pytest.raises(t.TraitError):
        view.limit = float("nan")
    assert (view.show, view.below, view.limit) == ("masked", "dms", None)
    view.set_state({"show": "wild-type"})
    assert "no map called 'wild-type'" in view.error
    view.set_state({"show": "dms", "maps": [], "letters": "X"})
    assert (view.show, view.error, len(view.maps)) == ("dms", "", 2)
    view.close()


def test_what_cannot_be_shown_together_is_said(dms):
    scores = mutation_scores(PROTEIN, ToyModel("together"))
    with pytest.raises(ValueError, match="no scores"):
        MutationHeatmap([])
    with pytest.raises(ValueError, match="same context"):
        MutationHeatmap([scores, scores])
    with pytest.raises(ValueError, match="different proteins"):
        MutationHeatmap(mutation_scores(Protein("MKT"), ToyModel("short")), dms)


def test_a_button_computes_what_is_shown_and_the_map_fills():
    scores = prepare_scores(PROTEIN, ToyModel("button"), "mutant")
    view = MutationHeatmap([mutation_scores(PROTEIN, ToyModel("other")), scores])
    view.show = "mutant"
    assert np.isnan(decoded(view.maps[0]["values"])).all()
    assert view.maps[0]["progress"]["status"] == "ready"
    view._receive(view, {"type": "start", "name": "no such map"}, [])
    assert "scores that are not there" in view.error
    view._receive(view, {"type": "start", "name": "mutant"}, [])
    wait_for(lambda: view.maps[0]["progress"]["status"] == "finished")
    wait_for(lambda: np.isfinite(decoded(view.maps[0]["values"])).all())
    np.testing.assert_allclose(decoded(view.maps[0]["values"]), scores.log_ratios, atol=1e-6)
    view.close()


def test_the_scatter_plot_reads_a_table_in_the_numbering_that_is_said(tmp_path):
    write_atoms(tmp_path / "same.cif", peptide("AAAAAAKA", numbers=range(3, 11)))
    protein = Protein.from_file(tmp_path / "same.cif")
    table = pd.DataFrame({"mutant": [f"A{k}W" for k in range(3, 7)], "score": [3.0, 1, 2, 4]})
    dms = load_dms(table, protein)
    other = pd.DataFrame({"mutant": [f"A{k}W" for k in range(1, 5)], "score": [3.0, 1, 2, 4]})
    view = ScatterPlot(dms, other, numbering="sequence")
    assert view.comparison.n == 4
    assert view.to_pandas()["predicted"].tolist() == view.to_pandas()["measured"].tolist()
    view.show_scores(other[2:], numbering="chain")
    assert view.to_pandas()["predicted"].tolist() == [2, 4]
    view.show_scores(other, numbering="sequence")
    assert view.comparison.n == 4
    with pytest.raises(ValueError, match="unknown numbering"):
        ScatterPlot(dms, other, numbering="")
    view.close()


def test_the_scatter_plot_holds_what_was_compared(dms):
    scores = mutation_scores(PROTEIN, ToyModel("cloud"))
    view = ScatterPlot(dms, scores)
    comparison = dms.compare(scores)
    np.testing.assert_allclose(decoded(view.points["x"]), comparison.table["predicted"], rtol=1e-6)
    np.testing.assert_allclose(decoded(view.points["y"]), dms.scores)
    starts, sites = decoded(view.points["starts"]), decoded(view.points["sites"])
    for k, changes in enumerate(dms.substitutions):
        own = sites[int(starts[k]) : int(starts[k + 1])]
        assert [(int(i), AMINO_ACIDS[int(a)]) for i, a in own] == list(changes)
    assert f"{comparison.spearman:.3f}" in view.caption and "n = 16" in view.caption
    assert view.to_pandas().equals(comparison.table)
    view.show_scores(np.arange(16.0))
    assert view.comparison.spearman == pytest.approx(1)
    view.close()


def test_too_many_points_are_thinned_and_told(dms, monkeypatch):
    monkeypatch.setattr(scatter_plot, "MOST_POINTS", 10)
    view = ScatterPlot(dms, np.arange(16.0))
    assert decoded(view.points["x"]).shape == (10,)
    assert "n = 16; 10 of them drawn" in view.caption
    view.close()


def test_the_scatter_plot_follows_scores_that_are_coming(dms):
    scores = prepare_scores(PROTEIN, ToyModel("coming"), "mutant")
    view = ScatterPlot(dms, scores)
    assert view.points is None
    with pytest.raises(RuntimeError, match="no scores yet"):
        view.to_pandas()
    scores.start()
    wait_for(lambda: view.comparison is not None and view.comparison.n == 16)
    wait_for(lambda: "n = 16" in view.caption)
    view.close()


def test_the_explorer_links_its_views(dms):
    explorer = MutationExplorer(PROTEIN, ToyModel("explorer"), dms)
    wait_for(lambda: explorer.scores["masked"].computed.sum() == len(PROTEIN))
    mean = explorer.scores["masked"].per_residue()["mean"]
    label = "Mean LLR, masked (nats)"
    wait_for(lambda: np.allclose(explorer.strip.to_pandas()["value"], mean))
    assert explorer.strip.colour_by == explorer.structure.colour_by == label
    wait_for(lambda: "n = 16" in explorer.scatter.caption)
    assert explorer.scatter.x_label == "LLR, masked (nats)"
    explorer.strip.colour_by = "chemistry"
    explorer.heatmap.show = "wild-type"
    wait_for(lambda: explorer.scores["wild-type"].computed.sum() == len(PROTEIN))
    wait_for(lambda: explorer.scatter.x_label == "LLR, wild-type (nats)")
    assert explorer.strip.colour_by == "chemistry", "what a person chose stays"
    assert explorer.structure.colour_by == "Mean LLR, wild-type (nats)"
    assert explorer.scores["mutant"].progress.done == 0
    explorer.heatmap.selection.substitutions = {3: "G"}
    assert explorer.scatter.selection_state["substitutions"] == [[3, "G"]]
    explorer.presenter = True
    assert all(view.presenter for view in explorer.children)
    explorer.set_state({"presenter": False, "children": []})
    assert explorer.presenter and len(explorer.children) == 4
    explorer.close()
    assert MutationExplorer(PROTEIN, ToyModel("no DMS")).scatter is None


def test_the_selection_of_a_click_is_shared():
    selection = Selection(PROTEIN)
    view = MutationHeatmap(mutation_scores(PROTEIN, ToyModel("click")), selection=selection)
    state = {**selection.to_state(), "substitutions": [[1, "W"]], "focus": 1}
    state["clock"] += 1
    view.set_state({"selection_state": json.loads(json.dumps(state))})
    assert selection.substitutions == {1: "W"}
    view.close()


def test_what_are_no_scores_and_no_experiment_is_refused():
    scores = mutation_scores(PROTEIN, ToyModel("refused"))
    for wrong in (SEQUENCE, 5, scores.matrix(), [scores, None]):
        with pytest.raises(TypeError, match="MutationHeatmap takes what mutation_scores returns"):
            MutationHeatmap(wrong)
    with pytest.raises(TypeError, match="reference= takes what mutation_scores returns, not str"):
        MutationHeatmap(scores, reference=SEQUENCE)
    for wrong in (scores, pd.DataFrame({"mutant": ["K2A"], "score": [1.0]})):
        words = f"dms= takes what load_dms returns, not {type(wrong).__name__}"
        with pytest.raises(TypeError, match=words):
            MutationExplorer(PROTEIN, ToyModel("refused"), wrong)
    with pytest.raises(TypeError, match="ScatterPlot takes what load_dms returns, not list"):
        ScatterPlot([1, 2], [1])
