"""The view of a pair's joint distribution: what it sends to the page, and when it asks."""

import threading

import numpy as np
import pytest
from toy_models import NanModel, ToyModel
from view_tools import SEQUENCE, wait_for

from plmwidgets.protein import Protein
from plmwidgets.scan.joint import ORDERS, joint
from plmwidgets.widgets.joint_table import JointTable
from plmwidgets.widgets.selection import Selection


@pytest.fixture
def protein():
    return Protein(SEQUENCE)


def test_the_table_of_the_selected_pair_is_that_of_joint(protein):
    model, selection = ToyModel("joint table"), Selection(protein)
    view = JointTable(protein, model, selection=selection)
    assert view.table is None
    selection.select_pair(9, 4)
    wait_for(lambda: view.table is not None)
    want = joint(protein, model, 9, 4)
    assert view.table["pair"] == [9, 4]
    packed = view.table["probabilities"]
    assert packed["shape"] == [3, 20, 20]
    got = np.frombuffer(packed["data"], np.float32).reshape(3, 20, 20)
    for table, order in zip(got, ORDERS, strict=True):
        np.testing.assert_allclose(table, want.table(order), atol=1e-6)
    told = view.table["mutual_information"]
    assert told == pytest.approx([want.mutual_information(order) for order in ORDERS])
    assert view.table["disagreement"] == pytest.approx(want.disagreement)
    view.chain_order = "j first"
    np.testing.assert_allclose(view.to_pandas(), want.table("j first"), atol=1e-6)
    assert list(view.to_pandas().index) == list("ACDEFGHIKLMNPQRSTVWY")
    wait_for(lambda: not view.pending)


def test_a_table_goes_with_its_pair(protein):
    view = JointTable(protein, ToyModel("goes with it"))
    view.selection.select_pair(9, 4)
    wait_for(lambda: view.table is not None)
    view.selection.masked = {3}
    view.selection.pair = None
    assert view.table is None
    with pytest.raises(RuntimeError, match="select a pair"):
        view.to_pandas()


def test_it_asks_only_when_it_may(protein):
    view = JointTable(protein, ToyModel("asks"), automatic=False)
    with pytest.raises(ValueError, match="no pair is selected"):
        view.compute()
    view._receive(view, {"type": "compute"}, [])
    assert "no pair is selected" in view.error
    view.selection.select_pair(9, 4)
    assert not view.pending
    assert view.table is None
    view._receive(view, {"type": "compute"}, [])
    wait_for(lambda: view.table is not None)
    assert view.error == ""
    view.selection.select_pair(1, 2)
    assert view.table is None
    view.automatic = True
    wait_for(lambda: view.table is not None)
    assert view.table["pair"] == [1, 2]


def test_of_two_pairs_the_last_is_shown(protein):
    model, gate = ToyModel("last pair"), threading.Event()
    quick = model.log_probabilities

    def held(*arguments):
        gate.wait(10)
        return quick(*arguments)

    model.log_probabilities = held
    view = JointTable(protein, model)
    view.selection.select_pair(9, 4)
    view.selection.select_pair(2, 7)
    gate.set()
    wait_for(lambda: not view.pending)
    assert view.table["pair"] == [2, 7]


def test_a_failing_model_is_told_and_may_be_asked_again(protein):
    view = JointTable(protein, NanModel(bad_position=9))
    view.selection.select_pair(9, 4)
    wait_for(lambda: view.error != "")
    assert view.error.startswith("The pair could not be computed")
    assert "NaN" in view.error
    wait_for(lambda: not view.pending)
    view.compute()
    assert view.pending or view.error
