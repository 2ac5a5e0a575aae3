"""The views of a categorical Jacobian: what they send to the page, and when."""

import numpy as np
import pytest
from toy_models import GatedModel, ToyModel
from view_tools import SEQUENCE, decoded, wait_for

from plmwidgets import JacobianExplorer, JacobianTable, Protein, jacobian, scan_pairs
from plmwidgets.widgets.jacobian_explorer import MAP

LENGTH = len(SEQUENCE)


@pytest.fixture
def protein():
    return Protein(SEQUENCE)


@pytest.fixture
def held(protein, request):
    # Equal identities share a service, and so a model.
    model = GatedModel(request.node.name, after=19 * 4 + 1)
    found = jacobian(protein, model)
    wait_for(lambda: found.progress.done >= 3)
    yield found, model.gate
    model.gate.set()
    found.cancel()
    found.wait(10, quiet=True)


def test_the_table_is_the_block_of_the_selected_pair_and_gets_its_score(held):
    found, gate = held
    view = JacobianTable(found)
    with pytest.raises(RuntimeError, match="select a pair"):
        view.to_pandas()
    view.selection.select_pair(2, 1)
    assert view.table["pair"] == [2, 1]
    np.testing.assert_allclose(decoded(view.table["values"]), found.block(2, 1), rtol=1e-6)
    assert (view.table["score"], view.table["rank"], view.notice) == (None, None, "")
    gate.set()
    wait_for(lambda: view.table["score"] is not None)
    scores = found.contacts().to_numpy()
    assert view.table["score"] == scores[1, 2]
    upper = scores[np.triu_indices(LENGTH, 1)]
    assert view.table["rank"] == 1 + (upper > scores[1, 2]).sum()
    assert view.table["pairs"] == len(upper)
    np.testing.assert_array_equal(view.to_pandas(), found.block(2, 1))
    view.selection.pair = None
    assert view.table is None


def test_a_block_that_is_not_there_yet_comes_by_itself(held):
    found, gate = held
    view = JacobianTable(found)
    view.selection.select_pair(1, LENGTH - 1)
    assert view.table is None
    assert "have still to be substituted" in view.notice
    gate.set()
    wait_for(lambda: view.table is not None)
    assert view.notice == ""


def test_a_fast_one_says_that_it_has_no_blocks(protein):
    found = jacobian(protein, ToyModel("jacobian fast view"), method="fast")
    found.wait(30, quiet=True)
    view = JacobianTable(found)
    view.selection.select_pair(1, 2)
    assert "no blocks" in view.notice
    with pytest.raises(RuntimeError, match="no blocks"):
        view.to_pandas()


def test_what_goes_wrong_is_told_in_the_view(held, monkeypatch):
    view = JacobianTable(held[0])
    monkeypatch.setattr("plmwidgets.methods.jacobian.jacobian.pair_block", lambda *_: 1 / 0)
    view.selection.select_pair(1, 2)
    assert view.error == "division by zero"


def test_the_page_fills_when_the_run_ends(held):
    found, gate = held
    page = JacobianExplorer(found)
    assert page.heatmap.upper == MAP
    assert (page.heatmap.region, page.heatmap.progress) == (None, None)  # there is no scan
    assert np.isnan(decoded(page.heatmap.upper_map["values"])).all()
    assert (page.panel.scan["title"], page.panel.scan["unit"]) == (
        "Categorical Jacobian",
        "positions",
    )
    page.panel._receive(page.panel, {"type": "pause"}, [])
    wait_for(lambda: page.panel.scan["status"] == "paused")
    gate.set()
    page.panel._receive(page.panel, {"type": "resume"}, [])
    wait_for(lambda: page.structure.pairs)
    shown = decoded(page.heatmap.upper_map["values"])
    off = ~np.eye(LENGTH, dtype=bool)
    np.testing.assert_allclose(shown[off], found.contacts().to_numpy()[off], rtol=1e-5, atol=1e-5)
    assert np.isnan(np.diag(shown)).all()
    page.selection.select_pair(1, 2)
    assert page.table.table["pair"] == [1, 2]
    assert "finished" in repr(page) or f"{LENGTH} of {LENGTH}" in repr(page)
    page.presenter = True
    assert all(view.presenter for view in page.children)
    page.close()


def test_a_finished_one_is_shown_at_once():
    found = jacobian(Protein.demo(), "potts-demo")
    found.wait(30, quiet=True)
    page = JacobianExplorer(found)
    assert page.heatmap.lower == "contacts"
    assert np.isfinite(decoded(page.heatmap.upper_map["values"])).sum() == 64 * 63
    # The strongest pairs are the contacts, as the family is made.
    assert all(contact for *_, contact in page.structure.pairs[:20])
    page.close()


def test_a_panel_refuses_what_its_work_cannot_do(held):
    page = JacobianExplorer(held[0])
    page.panel._receive(page.panel, {"type": "upgrade"}, [])
    assert "not understood" in page.panel.error
    page.close()


@pytest.mark.parametrize("view", [JacobianExplorer, JacobianTable])
@pytest.mark.parametrize("given", ["scan", Protein(SEQUENCE), None])
def test_what_is_no_jacobian_is_refused(view, given):
    given = scan_pairs(SEQUENCE, ToyModel("no Jacobian")) if given == "scan" else given
    words = rf"{view.__name__} takes what jacobian\(protein, model\) returns, not "
    with pytest.raises(TypeError, match=words + type(given).__name__):
        view(given)
