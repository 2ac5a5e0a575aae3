"""The view of a training example: what it tells the page, and what it takes from there."""

import gc

import numpy as np
import pytest
import traitlets as t
from toy_models import GatedModel, ToyModel
from view_tools import decoded, wait_for

from plmwidgets.methods.corruption.corruption import FATES, corrupt, mean_rate
from plmwidgets.methods.corruption.loss import corruption_loss
from plmwidgets.models.masked_lm import ModelError
from plmwidgets.protein import Protein
from plmwidgets.widgets.corruption_lesson import CorruptionLesson
from plmwidgets.widgets.corruption_view import CorruptionView

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQ"
PROTEIN = Protein(SEQUENCE, name="toy")


def known(view):
    return view.true_p is not None and view.losses["draw"] is not None


def rows(loss):
    table = loss.by_fate()[["n", "loss", "accuracy"]].to_numpy()
    return [[None if np.isnan(x) else x for x in row] for row in table]


def test_what_the_page_draws_is_the_corruption_and_its_loss():
    model = ToyModel("corrupted")
    view = CorruptionView(PROTEIN, model, 0.4, span=3, seed=5)
    wait_for(lambda: known(view))
    one = corrupt(PROTEIN, 0.4, span=3, seed=5)
    np.testing.assert_array_equal(decoded(view.fates), one.fates)
    assert view.shown == one.shown
    assert view.facts["counts"] == [one.count(fate) for fate in FATES]
    assert view.facts["rate"] == 0.4
    assert view.selection.context == one.context
    assert view.in_step
    loss = corruption_loss(one, model)
    assert view.losses["draw"] == rows(loss)
    p = decoded(view.true_p)
    np.testing.assert_allclose(p[one.chosen], np.exp(-loss.losses[0]), rtol=1e-6)
    assert np.isnan(np.delete(p, one.chosen)).all()
    table = view.to_pandas()
    assert table.loc[table["fate"] == "untouched", "loss"].isna().all()
    np.testing.assert_allclose(table["loss"].to_numpy()[one.chosen], loss.losses[0])
    np.testing.assert_array_equal(table["correct"].to_numpy()[one.chosen], loss.hits[0])
    view.close()


def test_settings_make_another_draw_and_the_same_seed_the_same():
    view = CorruptionView(PROTEIN, ToyModel("corrupted anew"), seed=1)
    first = view.corruption.context
    view.redraw()
    assert view.seed != 1
    view.seed = 1
    assert view.corruption.context == first
    view.set_state({"rate": 0.9, "split": [0.0, 1.0, 0.0]})
    expected = corrupt(PROTEIN, 0.9, mask=0, random=1, seed=1)
    assert view.corruption.context == view.selection.context == expected.context
    view.rate_distribution = "esm3"
    expected = corrupt(PROTEIN, mask=0, random=1, rate_distribution="esm3", seed=1)
    assert view.corruption.context == expected.context
    assert view.facts["rate"] == expected.rate
    wait_for(lambda: known(view))
    assert view.losses["draw"][1][0] == expected.count("random")
    view.handle("redraw", {})
    assert view.corruption.seed != 1
    view.close()


@pytest.mark.parametrize("name", ["fixed", "esm3", "sqrt"])
def test_the_histogram_has_the_mean_of_the_distribution(name):
    view = CorruptionView(PROTEIN, ToyModel("corrupted rates"), rate_distribution=name, seed=1)
    shares = decoded(view.histogram["shares"])
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    middle = (np.arange(len(shares)) + 0.5) / len(shares)
    assert view.histogram["mean"] == mean_rate(name)
    assert (shares * middle).sum() == pytest.approx(mean_rate(name), abs=0.02)
    view.close()


def test_an_average_is_computed_in_the_background_and_given_up_with_its_settings():
    model = ToyModel("corrupted often")
    view = CorruptionView(PROTEIN, model, 0.3, seed=10)
    loss = view.average(50)
    loss.wait(quiet=True)
    wait_for(lambda: view.losses["done"] == 50 and not view.losses["running"])
    expected = corruption_loss([corrupt(PROTEIN, 0.3, seed=11 + k) for k in range(50)], model)
    assert view.losses["average"] == rows(expected)
    view.redraw()
    assert view.losses["done"] == 50, "another draw of the same kind"
    view.rate = 0.2
    assert view.averaged is None and view.losses["average"] is None
    for wrong in (0, -1, 10**6, 2.0, True):
        with pytest.raises(ValueError, match="whole number from 1"):
            view.average(wrong)
    assert len(view.average(np.int64(3))) == 3
    view.close()


def test_an_average_can_be_stopped_from_the_page():
    model = GatedModel("corrupted slowly", after=40)
    view = CorruptionView(PROTEIN, model, 0.3, seed=10)
    view.handle("average", {})
    wait_for(lambda: view.losses["running"] and view.losses["done"] >= 32)
    view.handle("stop", {})
    model.gate.set()
    wait_for(lambda: not view.losses["running"])
    assert 32 <= view.losses["done"] < 200
    left = view.averaged
    view.handle("average", {})
    assert view.averaged is not left
    view.split = [1, 0, 0]
    assert view.losses["total"] == 0
    view.close()


def test_it_says_when_the_masks_were_changed_by_hand_and_puts_them_back():
    view = CorruptionView(PROTEIN, ToyModel("corrupted by hand"), 0.4, seed=3)
    wait_for(lambda: known(view))
    before = view.losses["draw"]
    view.selection.masked = {1}
    assert not view.in_step
    view.handle("apply", {})
    assert view.in_step
    assert view.selection.context == view.corruption.context
    assert view.losses["draw"] == before
    view.close()


def test_a_model_that_cannot_is_told_and_the_next_draw_may_do():
    model = ToyModel("corrupted too much")
    model.fails_with = ModelError("too much is hidden")
    view = CorruptionView(PROTEIN, model, 0.9, seed=3)
    wait_for(lambda: "too much is hidden" in view.problem)
    assert view.losses["draw"] is None
    assert view.to_pandas()["loss"].isna().all()
    view.handle("average", {})
    wait_for(lambda: "too much is hidden" in view.losses["problem"])
    model.fails_with = None
    view.rate = 0.1
    wait_for(lambda: known(view))
    assert view.problem == "" and view.losses["problem"] == ""
    view.close()


def test_the_page_may_only_choose_what_there_is():
    view = CorruptionView(PROTEIN, ToyModel("corrupted badly"), seed=3)
    before = view.corruption
    for name, value, words in [
        ("rate", 1.5, "from 0 to 1"),
        ("rate", float("nan"), "from 0 to 1"),
        ("split", [0.5, 0.5, 0.5], "whose sum is 1"),
        ("split", [0.5, 0.5], "whose sum is 1"),
        ("split", ["a", 0, 0], "whose sum is 1"),
        ("split", [1.5, -0.5, 0], "whose sum is 1"),
        ("span", 0, "1 to 66"),
        ("span", 67, "1 to 66"),
        ("rate_distribution", "<b>", "choose from 'fixed'"),
        ("seed", -1, "whole number from 0"),
        ("seed", 2**60, "whole number from 0"),
    ]:
        with pytest.raises(t.TraitError, match=words):
            setattr(view, name, value)
        view.set_state({name: value})
        assert view.error
    assert view.corruption is before
    view.set_state({"span": 4})
    assert view.error == "" and view.corruption.span == 4
    view.close()


def test_wrong_arguments_are_told_before_anything_is_made():
    with pytest.raises(TypeError, match="needs a model"):
        CorruptionView(PROTEIN)
    with pytest.raises(ValueError, match="from 0 to 1"):
        CorruptionLesson(PROTEIN, ToyModel("corrupted never"), 15)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_lesson_that_could_not_be_made_goes_quietly():
    with pytest.raises(TypeError, match="not a model"):
        CorruptionLesson(PROTEIN, None)
    gc.collect()


def test_the_page_shows_what_the_model_believes_of_the_draw():
    lesson = CorruptionLesson(PROTEIN, ToyModel("lesson"), 0.3, seed=2, presenter=True)
    wait_for(lambda: known(lesson.view))
    assert lesson.view.presenter and lesson.distributions.presenter
    one = lesson.view.corruption
    wait_for(lambda: lesson.distributions.prediction["masked"] == list(one.context.masked))
    table = lesson.distributions.to_pandas().to_numpy()
    p = decoded(lesson.view.true_p)
    np.testing.assert_allclose(
        p[one.chosen], table[one.chosen, PROTEIN.wild_type[one.chosen]], rtol=1e-5
    )
    assert repr(lesson) == f"CorruptionLesson({one!r})"
    assert lesson.to_pandas().equals(lesson.view.to_pandas())
    lesson.close()
