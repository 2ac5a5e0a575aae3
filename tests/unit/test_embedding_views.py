"""The plot and the page of embeddings: what they send, take and refuse."""

import numpy as np
import pandas as pd
import pytest
import traitlets as t
from test_embeddings import StateModel, finished
from view_tools import decoded, wait_for

from plmwidgets import EmbeddingExplorer, EmbeddingPlot, Protein, embed, projection
from plmwidgets.widgets.point_colours import MOST_CLASSES, point_colours

SEQUENCE = "MKTAYIAKQRLGWDE"
FAMILY = [Protein(f"MK{'T' * n}AYIA", f"p{n}") for n in range(6)]


def shown(plot):
    wait_for(lambda: plot.projection is not None and not plot.pending)
    return plot.projection


def test_residues_lie_where_their_projection_says():
    found = finished(Protein(SEQUENCE, "a"), StateModel("plotted"), layers="all")
    plot = EmbeddingPlot(found)
    expected = projection(found).coordinates
    np.testing.assert_allclose(decoded(plot.points["x"]), expected[:, 0], rtol=1e-6)
    np.testing.assert_allclose(decoded(plot.points["y"]), expected[:, 1], rtol=1e-6)
    assert (plot.unit, plot.layer, plot.layers) == ("residue", 3, [0, 1, 2, 3])
    assert plot.caption == "plotted, layer 3, 15 residues"
    assert plot.x_label.startswith("PC1 (")
    plot.layer = 1
    wait_for(lambda: plot.caption == "plotted, layer 1, 15 residues")
    expected = projection(found, layer=1).coordinates
    np.testing.assert_allclose(decoded(plot.points["x"]), expected[:, 0], rtol=1e-6)
    assert list(plot.to_pandas()["value"]) == list(SEQUENCE)
    plot.close()


def test_sequences_are_plotted_when_all_are_there_and_named():
    model = StateModel("followed", seconds=0.05)
    found = embed(FAMILY, model)
    plot = EmbeddingPlot(found, colours={"kind": ["a", "b", None, "a", "b", "a"]})
    assert plot.points is None
    assert plot.pending
    assert plot.notice.startswith("Computing embeddings: running: ")
    shown(plot)
    assert (plot.unit, plot.names, plot.notice) == ("sequence", list(found.names), "")
    assert plot.colouring["classes"] == ["a", "b"]
    np.testing.assert_array_equal(decoded(plot.colouring["values"]), [0, 1, np.nan, 0, 1, 0])
    assert plot.to_pandas()["value"].fillna("none").tolist() == ["a", "b", "none", "a", "b", "a"]
    plot.colour_by = "length"
    assert list(plot.to_pandas()["value"]) == [len(protein) for protein in FAMILY]
    assert plot.colouring["limits"] == [6, 11]
    plot.close()


def test_what_was_given_up_is_plotted_as_far_as_it_got():
    found = embed(FAMILY, StateModel("given up", seconds=0.1))
    plot = EmbeddingPlot(found)
    wait_for(lambda: found.progress.done >= 2)
    found.cancel()
    found.wait(10, quiet=True)
    shown(plot)
    done = np.flatnonzero(found.computed).tolist()
    assert plot.indices == done
    assert plot.names == [found.names[k] for k in done]
    assert plot.caption.endswith(f"{len(done)} of 6 sequences")
    assert decoded(plot.colouring["values"]).shape == (len(done),)
    plot.close()


def test_failures_are_told_in_the_view():
    model = StateModel("failing plot")
    model.spoils = SEQUENCE
    found = embed(SEQUENCE, model)
    plot = EmbeddingPlot(found)
    wait_for(lambda: "is not computed yet" in plot.notice)
    assert "NaN or infinite" in plot.notice
    assert plot.points is None
    with pytest.raises(RuntimeError, match="not computed yet"):
        plot.to_pandas()
    plot.close()
    few = EmbeddingPlot(finished("M", StateModel("one residue")))
    assert few.notice == "PCA needs at least 2 residues, and 1 is there"
    few.close()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("method", "tsne", "no projection called 'tsne': choose from 'pca', 'umap'"),
        ("layer", 1, "the layers here are 3, not 1"),
        ("colour_by", "mass", "no colouring called 'mass'"),
        ("chosen", 1, "the sequences are 0 to 0, not 1"),
    ],
)
def test_what_is_not_there_cannot_be_chosen(name, value, words):
    plot = EmbeddingPlot(finished(SEQUENCE, StateModel("choices")))
    before = getattr(plot, name)
    with pytest.raises(t.TraitError, match=words):
        setattr(plot, name, value)
    assert getattr(plot, name) == before
    plot.close()


@pytest.mark.parametrize(
    ("colours", "kind", "words"),
    [
        ({"short": [1, 2]}, ValueError, "'short' has 2 values, and there are 15 residues"),
        ({"one": 3}, ValueError, "'one' has no list of values"),
        ([1, 2], TypeError, "columns by name, such as .* not list"),
        ({" ": ["a"] * 15}, ValueError, "need a label"),
        ({"position": [1] * 15}, ValueError, "'position' is here already: .* another name"),
    ],
)
def test_colours_that_do_not_fit_are_refused(colours, kind, words):
    found = finished(SEQUENCE, StateModel("colours"))
    with pytest.raises(kind, match=words):
        EmbeddingPlot(found, colours=colours)


def test_rare_classes_are_one():
    values = [*"abcdefghij", *"abcdefg"]
    colours = point_colours(values, "letters", len(values), "residue")
    assert colours.classes == (*"abcdefg", "other")
    assert len(colours.classes) == MOST_CLASSES + 1
    assert colours.values[:10].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7, 7]
    yes = point_colours([True, False], "flag", 2, "residue")
    assert yes.classes == ("False", "True")
    both = point_colours(pd.Series([-1.0, np.nan]), "signed", 2, "residue")
    assert both.kind == "sequential"
    assert np.isnan(both.values[1])


def test_the_page_of_a_protein_is_linked_and_coloured_alike():
    page = EmbeddingExplorer(Protein.demo(), "demo")
    page.embeddings.wait(30, quiet=True)
    shown(page.residues)
    assert page.embeddings.layers == (0, 1, 2, 3)
    assert [type(view).__name__ for view in page.children] == [
        "EmbeddingPlot",
        "StructureView",
        "SequenceStrip",
    ]
    page.residues.selection_state = {**page.selection.to_state(), "focus": 5, "clock": 1}
    assert page.selection.focus == 5
    wait_for(lambda: page.strip.selection_state["focus"] == 5)
    page.residues.colour_by = "secondary_structure"
    states = decoded(page.strip.values)
    for element in Protein.demo().structure.elements():
        number = ("helix", "strand").index(element.kind)
        assert (states[element.start : element.stop] == number).all()
    for view in (page.strip, page.structure):
        assert view.value_label == "Secondary structure"
        assert view.value_classes == page.residues.colouring["classes"]
        assert view.values["data"] == page.residues.colouring["values"]["data"]
    page.residues.colour_by = "position"
    np.testing.assert_array_equal(decoded(page.structure.values), np.arange(1, 65))
    page.residues.colour_by = "chemistry"
    assert page.strip.colour_by == page.structure.colour_by == "chemistry"
    assert len(page.to_pandas()) == 64
    page.presenter = True
    assert all(view.presenter for view in page.children)
    page.close()


def test_a_sequence_that_is_clicked_is_opened_in_place_of_the_last():
    page = EmbeddingExplorer(FAMILY, StateModel("opened"), presenter=True)
    page.embeddings.wait(10, quiet=True)
    assert len(page.children) == 1
    page.sequences.chosen = 2
    first = page.residues
    assert (first.protein, page.strip.protein) == (FAMILY[2], FAMILY[2])
    assert page.children == (page.sequences, first, page.strip)
    assert page.structure is None
    assert all(view.presenter for view in page.children)
    page.sequences.chosen = 4
    assert page.residues.protein == FAMILY[4]
    assert first.comm is None, "the views of the one before are closed"
    assert len(shown(page.residues).labels) == len(FAMILY[4])
    page.close()


def test_means_alone_open_the_strip():
    found = finished(FAMILY, StateModel("means opened"), pooled=True)
    page = EmbeddingExplorer(found)
    page.sequences.chosen = 0
    assert page.residues is None
    assert page.children == (page.sequences, page.strip)
    with pytest.raises(ValueError, match="means over residues alone"):
        EmbeddingPlot(found, 0)
    page.close()


def test_the_page_needs_a_model_or_embeddings():
    found = finished(SEQUENCE, StateModel("page input"))
    for given in ((SEQUENCE,), (found, "demo")):
        with pytest.raises(TypeError, match="give embeddings alone"):
            EmbeddingExplorer(*given)


def test_masks_of_the_embeddings_are_shown():
    page = EmbeddingExplorer(finished(SEQUENCE, StateModel("masked page"), masked=[2, 3]))
    assert page.selection.masked == {2, 3}
    page.close()


def test_a_column_is_never_replaced_by_what_is_there():
    """Numbers of one's own under the name "length" were shown as the lengths."""
    found = finished(FAMILY, StateModel("own length"), pooled=True)
    with pytest.raises(ValueError, match="'length' is here already"):
        EmbeddingPlot(found, colours={"length": [9, 8, 7, 6, 5, 4]})


@pytest.mark.parametrize("given", [None, Protein(SEQUENCE), SEQUENCE, np.zeros((5, 3))])
def test_a_plot_of_anything_else_is_refused(given):
    with pytest.raises(TypeError, match=r"EmbeddingPlot takes what embed\(proteins, model\)"):
        EmbeddingPlot(given)
