"""The 20 x 20 tables of a pair by a model, by a reference, and their difference."""

import gc
import threading
import weakref

import numpy as np
import pandas as pd
import pytest
from structure_inputs import peptide, write_atoms
from test_two_models import OtherModel
from toy_models import ToyModel
from view_tools import SEQUENCE, decoded, wait_for

from plmwidgets import Explorer, JacobianExplorer, JacobianTable, JointTable, jacobian, joint
from plmwidgets.methods.mutations.deep_mutational_scan import load_dms
from plmwidgets.protein import Protein
from plmwidgets.scan.joint import ORDERS
from plmwidgets.widgets.distributions import Distributions
from plmwidgets.widgets.mutation_explorer import MutationExplorer

KINDS = ("reference", "model", "difference")


@pytest.fixture
def models(request):
    # Equal identities share a service, and so a model.
    name = request.node.name
    return ToyModel(f"{name} model"), OtherModel(f"{name} base")


def expected(which, of):
    """What is shown of two models, from a function of one."""
    model, reference = of
    return {"model": model, "reference": reference, "difference": model - reference}[which]


class Held:
    """Lets no answer of a model out until it is opened."""

    def __init__(self, model):
        self.gate = threading.Event()
        self.gate.set()
        quick = model.log_probabilities

        def held(*arguments):
            self.gate.wait(20)
            return quick(*arguments)

        model.log_probabilities = held


# Joint distributions


@pytest.mark.parametrize("order", ORDERS)
def test_joint_tables_are_those_of_both_and_their_difference(models, order):
    view = JointTable(Protein(SEQUENCE), models[0], reference=models[1])
    view.selection.select_pair(9, 4)
    wait_for(lambda: view.table is not None and view.reference_table is not None)
    view.chain_order = order
    both = [joint(SEQUENCE, each, 9, 4) for each in models]
    assert np.abs(both[0].table() - both[1].table()).to_numpy().max() > 1e-3
    for k, which in enumerate(KINDS):
        view.shown = view.models[k]
        wanted = expected(which, [each.table(order) for each in both])
        pd.testing.assert_frame_equal(view.to_pandas(), wanted, atol=1e-7)
    for trait, one in ((view.table, both[0]), (view.reference_table, both[1])):
        assert trait["pair"] == [9, 4]
        tables = np.stack([one.table(each) for each in ORDERS])
        np.testing.assert_allclose(decoded(trait["probabilities"]), tables, atol=1e-6)
        told = [one.mutual_information(each) for each in ORDERS]
        assert trait["mutual_information"] == pytest.approx(told)
        assert trait["disagreement"] == pytest.approx(one.disagreement)
    view.close()


def test_the_joint_table_follows_the_choice_of_the_page(models):
    page = Explorer(SEQUENCE, models[0], reference=models[1], cache=False)
    names = page.two_models.names
    assert page.joint.models == list(names)
    page.two_models.shown = names[2]
    assert page.joint.shown == names[2]
    page.joint.set_state({"shown": names[0]})  # as the page does
    assert page.two_models.shown == page.strip.shown == names[0]
    page.joint.set_state({"shown": "another"})
    assert "choose from" in page.joint.error
    page.close()


def test_tables_of_different_pairs_are_never_subtracted(models):
    view = JointTable(Protein(SEQUENCE), models[0], reference=models[1])
    view.shown = view.models[2]
    view.selection.select_pair(9, 4)
    wait_for(lambda: not view.pending and view.reference_table is not None)
    late = Held(models[1])
    late.gate.clear()
    view.selection.select_pair(2, 7)
    wait_for(lambda: view.table is not None)
    assert view.table["pair"] == [2, 7] and view.reference_table is None
    assert view.pending
    with pytest.raises(RuntimeError, match="wait for it"):
        view.to_pandas()
    view.shown = view.models[1]
    np.testing.assert_allclose(view.to_pandas(), joint(SEQUENCE, models[0], 2, 7).table())
    late.gate.set()
    wait_for(lambda: view.reference_table is not None and not view.pending)
    view.shown = view.models[2]
    both = [joint(SEQUENCE, each, 2, 7).table() for each in models]
    np.testing.assert_allclose(view.to_pandas(), both[0] - both[1], atol=1e-7)
    view.close()


def test_a_reference_that_fails_is_named_and_may_be_asked_again(models):
    view = JointTable(Protein(SEQUENCE), models[0], reference=models[1])
    models[1].fails_with = RuntimeError("no network")
    view.selection.select_pair(9, 4)
    wait_for(lambda: view.error != "" and not view.pending)
    assert view.error.startswith(f"{models[1].name}: The pair could not be computed")
    assert view.to_pandas().shape == (20, 20)
    view.shown = view.models[0]
    with pytest.raises(RuntimeError, match="no network"):
        view.to_pandas()
    models[1].fails_with = None
    asked = len(models[0].calls)
    view.compute()
    wait_for(lambda: view.reference_table is not None and view.error == "")
    assert len(models[0].calls) == asked  # what is known is not asked for again
    view.close()


def test_a_joint_table_of_one_model_has_no_choice(models):
    view = JointTable(Protein(SEQUENCE), models[0])
    assert (view.models, view.shown, view.reference_joint) == ([], "", None)
    with pytest.raises(ValueError, match="the reference is the model itself"):
        JointTable(Protein(SEQUENCE), models[0], reference=models[0])
    view.close()


def test_closed_tables_are_forgotten(models):
    page = Explorer(SEQUENCE, models[0], reference=models[1], cache=False)
    page.selection.select_pair(1, 2)
    for one in (page.joint, page.live, page.two_models.reference):
        wait_for(lambda one=one: not one.pending)
    watched = weakref.ref(page.joint)
    selection = page.selection
    page.close()
    asked = len(models[1].calls)
    selection.select_pair(4, 5)
    del page, one
    # The thread that brought the answer may hold it a moment longer.
    wait_for(lambda: gc.collect() >= 0 and watched() is None)
    assert len(models[1].calls) == asked


# Blocks of categorical Jacobians


@pytest.fixture
def found(models):
    both = [jacobian(SEQUENCE, each) for each in models]
    for each in both:
        each.wait(30, quiet=True)
    return both


@pytest.mark.parametrize("pair", [(2, 11), (11, 2)])
def test_blocks_are_those_of_both_and_their_difference(found, pair):
    page = JacobianExplorer(found[0], reference=found[1])
    page.selection.select_pair(*pair)
    blocks = [each.block(*pair) for each in found]
    scores = [each.contacts().to_numpy() for each in found]
    sizes = [np.abs(each.to_numpy()).max() for each in blocks]
    for k, which in enumerate(KINDS):
        page.two_models.shown = page.two_models.names[k]
        block, score = expected(which, blocks), expected(which, scores)
        pd.testing.assert_frame_equal(page.table.to_pandas(), block)
        table = page.table.table
        assert table["pair"] == list(pair) and table["difference"] == (which == "difference")
        np.testing.assert_allclose(decoded(table["values"]), block, atol=1e-6)
        assert table["score"] == pytest.approx(score[pair])
        ranked = np.abs(score) if which == "difference" else score
        better = ranked[np.triu_indices(len(SEQUENCE), 1)] > ranked[pair]
        assert table["rank"] == 1 + better.sum()
        top = np.abs(block.to_numpy()).max() if which == "difference" else max(sizes)
        assert table["limit"] == pytest.approx(top)
    page.close()


def test_map_and_block_follow_one_choice(found):
    page = JacobianExplorer(found[0], reference=found[1])
    names = page.two_models.names
    for name, upper in zip(names, ("reference", "jacobian", "difference"), strict=True):
        page.heatmap.set_state({"upper": upper})  # as the page does
        assert page.two_models.shown == page.table.shown == name
    for name, upper in zip(names, ("reference", "jacobian", "difference"), strict=True):
        page.table.set_state({"shown": name})
        assert (page.heatmap.upper, page.two_models.shown) == (upper, name)
    page.heatmap.upper = "reference"
    maps = {}
    for upper in ("reference", "jacobian", "difference"):
        page.heatmap.upper = upper
        maps[upper] = page.heatmap.upper_map["limits"]
    assert maps["reference"] == maps["jacobian"] != maps["difference"]
    page.close()


def test_a_map_of_the_structure_stays_while_the_choice_changes(models, tmp_path):
    write_atoms(tmp_path / "chain.cif", peptide(SEQUENCE))
    protein = Protein.from_file(tmp_path / "chain.cif")
    both = [jacobian(protein, each) for each in models]
    for each in both:
        each.wait(30, quiet=True)
    page = JacobianExplorer(both[0], reference=both[1])
    page.heatmap.upper = "contacts"
    page.two_models.shown = models[1].name
    assert page.heatmap.upper == "contacts"
    best = both[1].contacts().to_numpy()
    near = np.triu_indices(len(SEQUENCE), 6)
    assert best[tuple(page.structure.pairs[0][:2])] == pytest.approx(best[near].max())
    page.close()


class Slow(OtherModel):
    """Waits at its gate after a number of positions."""

    gate = threading.Event()

    def log_probabilities(self, contexts, positions=None):
        if len(self.calls) > 3:
            self.gate.wait(20)
        return super().log_probabilities(contexts, positions)


def test_a_block_that_one_has_not_yet_comes_by_itself(models):
    one, other = jacobian(SEQUENCE, models[0]), jacobian(SEQUENCE, Slow("late reference"))
    one.wait(30, quiet=True)
    page = JacobianExplorer(one, reference=other)
    pair = (1, len(SEQUENCE) - 1)
    page.selection.select_pair(*pair)
    assert page.table.table["limit"] == pytest.approx(np.abs(one.block(*pair)).to_numpy().max())
    assert page.structure.pairs
    for which in (0, 2):
        page.two_models.shown = page.two_models.names[which]
        assert page.table.table is None and not page.structure.pairs
        assert page.table.notice.endswith("still to be substituted by late reference.")
        with pytest.raises(RuntimeError, match="by late reference"):
            page.table.to_pandas()
    Slow.gate.set()
    wait_for(lambda: page.table.table is not None and page.table.table["score"] is not None)
    wait_for(lambda: page.structure.pairs)
    assert page.table.notice == ""
    page.close()


def test_blocks_of_one_model_have_no_choice_and_others_are_refused(found):
    alone = JacobianTable(found[0])
    assert (alone.models, alone.shown) == ([], "")
    with pytest.raises(ValueError, match="the Jacobian itself"):
        JacobianTable(found[0], reference=found[0])
    page = JacobianExplorer(found[0])
    assert page.two_models is None
    for view in (alone, page):
        view.close()


# What else shows one of two models


def test_the_table_of_the_distributions_is_what_is_shown(models):
    view = Distributions(Protein(SEQUENCE), models[0], reference=models[1])
    wait_for(lambda: view.prediction is not None)
    context = view.selection.context
    both = [np.exp(each.log_probabilities([context])[0]) for each in models]
    for k, which in enumerate(KINDS):
        view.shown = view.models[k]
        np.testing.assert_allclose(view.to_pandas(), expected(which, both), atol=1e-6)
    late = Held(models[1])
    late.gate.clear()
    view.selection.masked = {5}
    wait_for(lambda: view._live.prediction.context.masked == (5,))
    with pytest.raises(RuntimeError, match="not answered yet"):
        view.to_pandas()
    wait_for(lambda: view.pending)  # for the reference, which takes long
    late.gate.set()
    wait_for(lambda: not view.pending)
    assert np.isfinite(view.to_pandas()).all(axis=None)
    view.close()


@pytest.mark.filterwarnings("ignore:.* returns only")
def test_the_experiment_is_drawn_against_the_scores_that_are_shown(models):
    protein = Protein(SEQUENCE)
    variants = [f"{label}W" for label in protein.residue_labels if label[0] != "W"]
    table = pd.DataFrame({"mutant": variants, "score": np.arange(len(variants)) * 1.0})
    page = MutationExplorer(protein, models[0], load_dms(table, protein), reference=models[1])
    for scores in (page.scores["masked"], page.reference_scores["masked"]):
        scores.wait(30)
    for show, scores in (
        ("masked", page.scores["masked"]),
        ("masked, reference", page.reference_scores["masked"]),
    ):
        page.heatmap.show = show
        wanted = page.dms.compare(scores).table["predicted"]
        wait_for(lambda: page.scatter.comparison is not None)
        wait_for(lambda w=wanted: page.scatter.to_pandas()["predicted"].equals(w))
        model = models["reference" in show].name
        assert page.scatter.x_label == f"LLR, masked (nats), {model}"
    page.heatmap.show = "masked, difference"
    assert page.scatter.x_label.endswith(models[1].name)
    page.close()
