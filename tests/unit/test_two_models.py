"""Two models of one protein on a page: the one's numbers, the other's, and their difference."""

import gc
import time
import weakref

import numpy as np
import pytest
from toy_models import ToyModel
from traitlets import TraitError
from view_tools import SEQUENCE, decoded, wait_for

from plmwidgets.methods.jacobian.jacobian import jacobian
from plmwidgets.methods.mutations.scores import mutation_scores
from plmwidgets.metrics import entropy, perplexity
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.offline.record import record_of
from plmwidgets.protein import Protein
from plmwidgets.widgets.distributions import Distributions
from plmwidgets.widgets.explorer import Explorer
from plmwidgets.widgets.jacobian_explorer import JacobianExplorer
from plmwidgets.widgets.mutation_explorer import MutationExplorer
from plmwidgets.widgets.mutation_heatmap import MutationHeatmap

DIFFERENCE = "second − first"


class OtherModel(ToyModel):
    """One that believes something else."""

    def expected(self, context):
        return super().expected(context)[::-1]


@pytest.fixture
def models():
    return ToyModel("second"), OtherModel("first")


@pytest.fixture
def page(models):
    model, reference = models
    page = Explorer(Protein(SEQUENCE, name="test"), model, reference=reference, cache=False)
    answered(page)
    yield page
    page.close()


def answered(page):
    context = page.selection.context
    lives = (page.live, page.two_models.reference)
    wait_for(lambda: all(one.prediction and one.prediction.context == context for one in lives))
    # What follows the answers follows them in the models' threads.
    wait_for(lambda: page.distributions.prediction["masked"] == list(context.masked))


def numbers(model, name, masked):
    log_p = model.log_probabilities([Context.of(SEQUENCE, masked)], None)[0]
    if name == "p_wild_type":
        wild_type = Protein(SEQUENCE).wild_type
        return np.exp(log_p[np.arange(len(SEQUENCE)), wild_type])
    return {"perplexity": perplexity, "entropy": entropy}[name](log_p)


@pytest.mark.parametrize("name", ["perplexity", "p_wild_type", "entropy"])
def test_the_numbers_are_those_of_the_models_by_themselves(page, models, name):
    page.selection.masked = {3, 7}
    answered(page)
    model, reference = (numbers(each, name, {3, 7}) for each in models)
    assert np.abs(model - reference).max() > 1e-3
    wanted = {"second": model, "first": reference, DIFFERENCE: model - reference}
    assert page.two_models.names == ("first", "second", DIFFERENCE)
    for shown, values in wanted.items():
        page.two_models.shown = shown
        for view in (page.strip, page.structure):
            view.colour_by = name
            wait_for(lambda v=view, w=values: np.allclose(decoded(v.values), w, atol=1e-5))
            np.testing.assert_allclose(view.to_pandas()["value"], values, atol=1e-5)
            assert view.value_label.endswith(f", {shown}")
            assert view.value_kind == ("diverging" if shown == DIFFERENCE else "sequential")
    low, high = page.strip.value_range
    assert -low == high == pytest.approx(np.abs(model - reference).max(), rel=1e-4)


def test_the_choice_is_one_in_all_views(page):
    views = {
        "shown": (page.strip, page.structure, page.distributions),
        "upper_model": (page.heatmap,),
    }
    for trait, some in views.items():
        for view in some:
            for name in ("first", DIFFERENCE, "second"):
                view.set_state({trait: name})  # as the page does
                assert page.two_models.shown == name
                for coloured in (page.strip, page.structure):
                    assert coloured.value_label == f"Perplexity now, {name}"
                for other, others in views.items():
                    assert {getattr(one, other) for one in others} == {name}
    page.strip.set_state({"shown": "third"})
    assert "choose from first, second" in page.strip.error
    assert page.two_models.shown == page.strip.shown == "second"
    with pytest.raises(TraitError, match="no model called 'third'"):
        page.two_models.shown = "third"


def test_the_pair_maps_are_those_of_both_scans(page):
    assert page.panel.scan["model"] == "second"
    assert page.reference_panel.scan["model"] == "first"
    page.reference_panel.handle("start", {})
    page.panel.handle("start", {})
    scans = page.scan, page.reference_scan
    for scan in scans:
        scan.wait(30)
    model, reference = (scan.values("js_dist_avg") for scan in scans)
    page.structure.top_k = page.structure.top_k_max
    i, j = np.triu_indices(len(SEQUENCE), 6)
    wanted = {"second": model, "first": reference, DIFFERENCE: model - reference}
    for shown, values in wanted.items():
        page.two_models.shown = shown
        wait_for(
            lambda v=values: np.allclose(
                decoded(page.heatmap.upper_map["values"]), v, atol=1e-6, equal_nan=True
            )
        )
        scores = np.abs(values)
        best = scores[i, j].max()
        assert scores[tuple(page.structure.strongest_pairs(1)[0][:2])] == pytest.approx(best)
        page.strip.colour_by = "single_perplexity"
        parts = {"second": [scans[0]], "first": [scans[1]], DIFFERENCE: scans}[shown]
        single = [scan.single.perplexity for scan in parts]
        expected = single[0] if len(single) == 1 else single[0] - single[1]
        np.testing.assert_allclose(page.strip.to_pandas()["value"], expected, rtol=1e-6)
    assert page.heatmap.upper_map["kind"] == "diverging"


def test_the_difference_waits_for_both(page, models, monkeypatch):
    """Two predictions for different masks are never compared."""
    page.two_models.shown = DIFFERENCE
    wait_for(lambda: page.strip.value_label.endswith(DIFFERENCE))
    before = page.strip.values
    asked = []
    monkeypatch.setattr(page.two_models.reference, "refresh", lambda: asked.append(1))
    page.selection.masked = {5}
    wait_for(lambda: page.live.prediction.context.masked == (5,))
    wait_for(lambda: not page.live.pending)
    assert page.two_models.torn
    assert page.strip.values == before
    assert page.strip.to_pandas()["value"].isna().all()
    monkeypatch.undo()
    page.two_models.reference.refresh()
    wait_for(lambda: not page.two_models.torn)
    model, reference = (numbers(each, "perplexity", {5}) for each in models)
    wait_for(lambda: np.allclose(decoded(page.strip.values), model - reference, atol=1e-4))


def test_distributions_alone_offer_the_choice(models):
    model, reference = models
    view = Distributions(Protein(SEQUENCE), model, reference=reference)
    assert (view.models, view.shown) == (["first", "second", DIFFERENCE], "second")
    view.shown = DIFFERENCE
    wait_for(lambda: view.prediction is not None)
    assert set(view.prediction) >= {"probabilities", "reference"}
    view.close()
    alone = Distributions(Protein(SEQUENCE), model)
    assert (alone.models, alone.shown) == ([], "")
    with pytest.raises(TraitError, match="of one model"):
        alone.shown = "first"
    alone.close()


def test_what_is_closed_asks_nothing_and_is_forgotten(models):
    model, reference = models
    page = Explorer(Protein(SEQUENCE), model, reference=reference, cache=False)
    answered(page)
    two, selection = page.two_models, page.selection
    scan, other = page.scan, page.reference_scan
    watched = [weakref.ref(view) for view in page.children]
    page.close()
    calls = len(model.calls), len(reference.calls)
    selection.masked = {5}
    two.shown = DIFFERENCE
    time.sleep(0.05)
    assert (len(model.calls), len(reference.calls)) == calls
    del page
    gc.collect()
    assert [ref() for ref in watched] == [None] * len(watched)
    assert scan.progress.status == other.progress.status == "ready"


def test_the_offline_page_has_the_model_alone(page):
    page.two_models.shown = DIFFERENCE
    for scan in (page.scan, page.reference_scan):
        scan.start()
        scan.wait(30)
    record = record_of(page, False, [])
    views = record["views"]
    assert views["pair_heatmap"]["models"] == [views["pair_heatmap"]["upper_model"]] == ["second"]
    contents = record["maps"]["contents"]["none"].values()
    assert {content["model"] for content in contents} <= {"second", ""}
    for name in ("sequence_strip", "distributions"):
        assert (views[name]["models"], views[name]["shown"]) == ([], "")
    assert views["distributions"]["reference_name"] == ""
    assert "first and the difference need the notebook" in record["facts"][-1]


def test_wrong_references_are_refused_in_words(tmp_path, models):
    model, reference = models
    with pytest.raises(ValueError, match="the reference is the model itself, second"):
        Explorer(SEQUENCE, model, reference=model)
    with pytest.raises(ValueError, match="the reference is the model itself"):
        Distributions(Protein(SEQUENCE), model, reference=model)
    with pytest.raises(ValueError, match="a store keeps the scan of one model"):
        Explorer(SEQUENCE, model, tmp_path / "scan.zarr", reference=reference)
    with pytest.raises(TypeError, match="is not a model"):
        Explorer(SEQUENCE, model, reference=3)

    def check(sequence):
        raise ModelError("takes at most 10 residues")

    reference.check_sequence = check
    with pytest.raises(ModelError, match="at most 10"):
        Explorer(SEQUENCE, model, reference=reference)


def test_models_of_one_name_are_told_apart():
    page = Explorer(SEQUENCE, ToyModel("same"), reference=ToyModel("same"), cache=False)
    assert page.two_models.names == ("same (reference)", "same", "same − same (reference)")
    page.close()


def test_without_a_reference_there_is_no_choice():
    page = Explorer(SEQUENCE, ToyModel("one of one"), cache=False)
    assert page.two_models is page.reference_scan is page.reference_panel is None
    assert len(page.children) == 6
    assert page.strip.models == page.distributions.models == []
    wait_for(lambda: page.strip.value_label == "Perplexity now")
    page.close()


# Mutation scores


@pytest.mark.filterwarnings("ignore:.* returns only")
@pytest.mark.parametrize("context", ["masked", "wild-type", "mutant"])
def test_mutation_maps_are_the_scores_of_both_and_their_difference(models, context):
    model, reference = models
    page = MutationExplorer(SEQUENCE, model, reference=reference)
    alone = [mutation_scores(SEQUENCE, each, context) for each in models]
    page.heatmap.show = f"{context}, difference"
    if context == "mutant":
        page.heatmap.handle("start", {"name": page.heatmap.show})
        alone = [one.wait(30) or one for one in alone]
    for scores in (page.scores[context], page.reference_scores[context]):
        scores.wait(30)
    first, second = (one.log_ratios for one in alone)
    wanted = {"": first, ", reference": second, ", difference": first - second}
    whose = {"": "second", ", reference": "first", ", difference": DIFFERENCE}
    for kind, values in wanted.items():
        page.heatmap.show = f"{context}{kind}"
        shown = page.heatmap.maps[0]
        np.testing.assert_allclose(decoded(shown["values"]), values, atol=1e-5)
        assert shown["label"] == f"LLR, {context} (nats), {whose[kind]}"
        assert shown["unit"] == ("nats, difference" if "difference" in kind else "nats")
        assert -shown["limits"][0] == shown["limits"][1] > 0
        others = values[np.arange(20) != Protein(SEQUENCE).wild_type[:, None]].reshape(-1, 19)
        np.testing.assert_allclose(page.strip.to_pandas()["value"], others.mean(1), atol=1e-6)
        assert page.strip.value_label == f"Mean LLR, {context} (nats), {whose[kind]}"
        np.testing.assert_allclose(page.to_pandas()["llr"], others.ravel(), atol=1e-6)
    page.close()


def test_the_maps_of_both_models_share_a_scale(models):
    page = MutationExplorer(SEQUENCE, models[0], reference=models[1])
    for scores in (page.scores["masked"], page.reference_scores["masked"]):
        scores.wait(30)
    page.heatmap.show, page.heatmap.below = "masked", "masked, reference"
    one, other = page.heatmap.maps
    assert one["limits"] == other["limits"]
    page.close()


@pytest.mark.filterwarnings(
    "ignore:.* returns only", "error::pytest.PytestUnraisableExceptionWarning"
)
def test_scores_that_do_not_compare_are_refused(models):
    model, reference = (mutation_scores(SEQUENCE, each, "masked") for each in models)
    wild_type = mutation_scores(SEQUENCE, models[1], "wild-type")
    with pytest.raises(ValueError, match="context by context: give one of each of the model's"):
        MutationHeatmap(model, reference=wild_type)
    with pytest.raises(ValueError, match="context by context"):
        MutationHeatmap(model, reference=[reference, reference])
    with pytest.raises(ValueError, match="the reference is the model itself"):
        MutationHeatmap(model, reference=model)
    with pytest.raises(ValueError, match="different proteins"):
        MutationHeatmap(model, reference=mutation_scores("MKT", models[1], "masked"))
    with pytest.raises(ValueError, match="the reference is the model itself, second"):
        MutationExplorer(SEQUENCE, models[0], reference=models[0])
    gc.collect()  # what could not be made is closed without a word


# Categorical Jacobians


def test_jacobian_maps_are_those_of_both_and_their_difference(models):
    one, other = (jacobian(SEQUENCE, each) for each in models)
    page = JacobianExplorer(one, reference=other)
    for each in (one, other):
        each.wait(30, quiet=True)
    off = ~np.eye(len(SEQUENCE), dtype=bool)
    first, second = (each.contacts().to_numpy() for each in (one, other))
    wanted = {"jacobian": first, "reference": second, "difference": first - second}
    whose = {"jacobian": "second", "reference": "first", "difference": DIFFERENCE}
    i, j = np.triu_indices(len(SEQUENCE), 6)
    for name, values in wanted.items():
        page.heatmap.upper = name
        wait_for(
            lambda v=values: np.allclose(
                decoded(page.heatmap.upper_map["values"])[off], v[off], atol=1e-4
            )
        )
        assert page.heatmap.upper_map["label"].endswith(f", {whose[name]}")
        scores = np.abs(values) if name == "difference" else values
        best = pytest.approx(scores[i, j].max(), rel=1e-5)
        wait_for(
            lambda s=scores, b=best: (
                page.structure.pairs and s[tuple(page.structure.pairs[0][:2])] == b
            )
        )
    assert page.heatmap.upper_map["kind"] == "diverging"
    assert (page.panel.scan["model"], page.reference_panel.scan["model"]) == ("second", "first")
    page.close()


def test_jacobians_that_do_not_compare_are_refused(models):
    one = jacobian(SEQUENCE, models[0])
    for other, error, said in (
        (one, ValueError, "the Jacobian itself"),
        (models[1], TypeError, "takes a Jacobian, not OtherModel"),
        (jacobian("MKTAY", models[1]), ValueError, "different proteins"),
        (jacobian(SEQUENCE, models[1], method="fast"), ValueError, "compute both by one method"),
    ):
        with pytest.raises(error, match=said):
            JacobianExplorer(one, reference=other)
    one.cancel()
