"""The page of linked maps and its table: what Python does when the page asks."""

import gc
import weakref

import numpy as np
import pytest
import traitlets as t
from view_tools import decoded

from plmwidgets.methods.contacts.evaluation import evaluate_contacts
from plmwidgets.protein import Protein
from plmwidgets.widgets.contact_comparison import TRUTH, ContactComparison
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.pair_table import PairTable
from plmwidgets.widgets.selection import Selection

DEMO = Protein.demo()
RNG = np.random.default_rng(1)
NEAR = -DEMO.distance_map()


def some_maps(*names):
    return {
        name: NEAR + RNG.normal(scale=3 + 3 * k, size=NEAR.shape) for k, name in enumerate(names)
    }


@pytest.fixture
def evaluation():
    return evaluate_contacts(DEMO, some_maps("one", "two", "three"))


# The table


def test_the_table_lists_what_one_finds_and_another_misses(evaluation):
    view = PairTable(evaluation)
    assert (view.found_by, view.but_not, view.top, view.contacts_only) == ("one", "two", "L", True)
    expected = evaluation.found_by("one", but_not="two")
    assert len(view.rows) == len(expected) > 0
    first, row = view.rows[0], expected.iloc[0]
    assert first[:3] == [row["position_i"], row["position_j"], row["rank"]]
    assert first[3] == row["other_rank"] and first[4] == pytest.approx(row["distance"])
    assert first[5] is True and all(type(value) is int for value in first[:3])

    view.set_state({"found_by": "three", "top": "L/5", "contacts_only": False})
    expected = evaluation.found_by("three", but_not="two", top="L/5", contacts_only=False)
    assert [row[:2] for row in view.rows] == expected[["position_i", "position_j"]].values.tolist()
    view.but_not = ""
    assert len(view.rows) == 12
    assert {row[3] for row in view.rows} == {None}
    assert view.to_pandas().equals(evaluation.found_by("three", top="L/5", contacts_only=False))


def test_one_map_is_listed_alone():
    evaluation = evaluate_contacts(DEMO, some_maps("only"))
    view = PairTable(evaluation)
    assert (view.found_by, view.but_not) == ("only", "")
    assert len(view.rows) == len(evaluation.found_by("only"))


def test_distances_that_are_not_known_are_none():
    bare = Protein(DEMO.sequence)
    view = PairTable(evaluate_contacts(bare, some_maps("one"), DEMO.contact_map()))
    assert {row[4] for row in view.rows} == {None}


@pytest.mark.parametrize(
    "state",
    [
        {"found_by": "<img src=x onerror=alert(1)>"},
        {"found_by": ""},
        {"but_not": "four"},
        {"top": "L/0"},
        {"contacts_only": "yes"},
        {"found_by": ["one"]},
    ],
)
def test_a_page_cannot_choose_what_is_not_there(evaluation, state):
    view = PairTable(evaluation)
    before = (view.rows, view.found_by, view.but_not, view.top)
    view.set_state(state)
    assert view.error
    assert (view.rows, view.found_by, view.but_not, view.top) == before
    view.set_state({"top": "L/2"})
    assert view.error == ""
    view.set_state({"rows": [], "maps": ["x"]})  # not the page's to change
    assert view.rows and view.maps == ["one", "two", "three"]


def test_a_wrong_name_in_python_is_told(evaluation):
    view = PairTable(evaluation)
    with pytest.raises(t.TraitError, match="choose from one, two, three"):
        view.found_by = "four"


# The page


def test_maps_are_linked_and_show_one_map_each(evaluation):
    page = ContactComparison(evaluation)
    assert [view.upper for view in page.heatmaps] == ["one", "two", "three"]
    assert {view.lower for view in page.heatmaps} == {"contacts"}
    for view in page.heatmaps:
        assert [name for name, _ in view.options][:3] != []
        np.testing.assert_allclose(
            decoded(view.upper_map["values"]), evaluation.maps[view.upper], rtol=1e-5
        )
        assert view.upper_map["directed"] is False
        assert (view.progress, view.region, view.models) == (None, None, [])
    page.heatmaps[0].selection.select_pair(3, 30)
    assert all(view.selection_state["pair"] == [3, 30] for view in page.children)
    page.close()


def test_the_structure_shows_the_pairs_of_the_map_in_the_table(evaluation):
    page = ContactComparison(evaluation)
    best = evaluation.found_by("one", top="L", contacts_only=False)
    expected = best[["position_i", "position_j"]].values.tolist()
    assert [pair[:2] for pair in page.structure.pairs] == expected
    page.structure.top_k = 0
    page.pairs.found_by = "two"
    assert page.structure.pairs == []
    page.structure.top_k = 5
    best = evaluation.found_by("two", top=5, contacts_only=False)
    assert [p[:2] for p in page.structure.pairs] == best[
        ["position_i", "position_j"]
    ].values.tolist()


def test_four_maps_of_many_are_shown_and_all_are_offered():
    evaluation = evaluate_contacts(DEMO, some_maps(*"abcdef"))
    page = ContactComparison(evaluation, presenter=True)
    assert [view.upper for view in page.heatmaps] == list("abcd")
    assert {"e", "f"} < {name for name, _ in page.heatmaps[0].options}
    assert all(view.presenter for view in page.children)
    page.presenter = False
    assert not any(view.presenter for view in page.children)
    assert page.pairs.maps == list("abcdef")


def test_another_truth_lies_below_the_diagonal():
    truth = DEMO.contact_map().copy()
    truth[3] = truth[:, 3] = np.nan
    page = ContactComparison(evaluate_contacts(DEMO, some_maps("a"), truth))
    (view,) = page.heatmaps
    assert (view.lower, view.lower_map["kind"]) == (TRUTH, "binary")
    np.testing.assert_array_equal(decoded(view.lower_map["values"]), truth)
    bare = Protein(DEMO.sequence)
    without = ContactComparison(evaluate_contacts(bare, some_maps("a", "b"), truth))
    assert without.structure is None
    kinds = [PairHeatmap, PairHeatmap, PairTable]
    assert all(map(isinstance, without.children, kinds)) and len(without.children) == 3
    without.pairs.found_by = "b"
    assert without.pairs.error == ""


def test_maps_may_be_called_like_metrics_and_like_maps_of_the_structure():
    names = ("js_dist_avg", "contacts", "distance")
    page = ContactComparison(evaluate_contacts(DEMO, some_maps(*names)))
    uppers = [view.upper for view in page.heatmaps]
    assert uppers == ["js_dist_avg", "contacts (map)", "distance (map)"]
    view = page.heatmaps[0]
    assert (view.upper_map["label"], view.upper_map["scanned"]) == ("js_dist_avg", False)
    assert view.upper_map["unit"] == ""
    view.normalisation = "apc"  # of nobody's scan: it changes nothing, and does no harm
    assert view.error == "" and view.upper_map["normalised"] is False


def test_a_selection_of_ones_own_and_marimo(evaluation):
    selection = Selection(DEMO)
    page = ContactComparison(evaluation, selection=selection)
    assert all(view.selection is selection for view in page.children)
    html = page._display_().text
    assert html.count("marimo-anywidget") >= 1 or html
    with pytest.raises(ValueError, match="another protein"):
        ContactComparison(evaluation, selection=Selection(Protein("ACDE")))
    assert repr(page) == "ContactComparison(demo: one, two, three)"


def test_a_closed_page_is_forgotten(evaluation):
    selection = Selection(DEMO)
    page = ContactComparison(evaluation, selection=selection)
    views = [weakref.ref(view) for view in page.children]
    page.close()
    del page
    gc.collect()
    assert [view() for view in views] == [None] * 5
    selection.select_pair(1, 20)


@pytest.mark.parametrize("view", [PairTable, ContactComparison])
@pytest.mark.parametrize("given", [5, DEMO, NEAR])
def test_what_is_no_evaluation_is_refused(view, given):
    words = rf"{view.__name__} takes what evaluate_contacts\(protein, maps\) returns, not "
    with pytest.raises(TypeError, match=words + type(given).__name__):
        view(given)
