"""The view of a contact recovery: what it sends to the page, and what it takes from there."""

import threading
import time

import numpy as np
import pytest
import traitlets as t
from recovery_tools import SEQUENCE, ContactToy
from toy_models import ToyModel
from view_tools import decoded, wait_for

from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.widgets.recovery_explorer import PARTIAL, WHOLE, RecoveryExplorer
from plmwidgets.widgets.recovery_view import RecoveryView

PROTEIN = Protein(SEQUENCE, name="toy")


def finished(view):
    return view.recovery is not None and view.facts.get("status") == "finished"


def test_the_curve_is_that_of_the_recovery():
    view = RecoveryView(PROTEIN, ContactToy("curve"), (20, 42), strategy="random", seeds=3)
    wait_for(lambda: finished(view))
    curve = view.recovery.curve()
    got = decoded(view.curve)
    np.testing.assert_allclose(got[:, 0], curve.index)
    columns = ["median", "q25", "q75", "low", "high", "seeds"]
    np.testing.assert_allclose(got[:, 1:], curve[columns].to_numpy(), rtol=1e-6)
    assert view.facts["recovered_at"] == view.recovery.recovered_at
    assert view.facts["seeds"] == 3
    assert view.largest == 24
    view.flank = 7
    np.testing.assert_array_equal(decoded(view.roles), view.recovery.roles(7))
    recovery, k, whole, partial = view.current
    assert whole is recovery.reference
    assert (recovery, k) == (view.recovery, 7)
    np.testing.assert_array_equal(partial, view.recovery.maps(7)["P1"])
    assert len(view.to_pandas()) == 3 * 25
    view.close()


def test_a_segment_that_was_left_is_given_up_and_there_when_one_comes_back():
    model = ContactToy("left", seconds=0.0)
    view = RecoveryView(PROTEIN, model, (20, 42))
    first = view.recovery
    wait_for(lambda: finished(view))
    view.segments = [[10, 32]]
    assert view.recovery is not first
    wait_for(lambda: finished(view))
    # P0 is known by now.
    assert sum(context == Context(SEQUENCE) for context in model.seen) <= 3
    done = len(model.seen)
    view.segments = [[20, 42]]
    assert view.recovery is first
    assert finished(view)
    assert len(model.seen) == done
    view.flank = 24
    view.segments = [[30, 52]]
    assert (view.largest, view.flank) == (30, 24)
    view.segments = [[22, 44]]
    assert view.flank == view.largest == 22
    view.close()


def test_only_the_newest_segment_is_computed():
    view = RecoveryView(PROTEIN, ContactToy("newest"), (20, 42), strategy="random")
    left = []
    for start in (10, 11, 12, 13):
        left.append(view.recovery)
        view.segments = [[start, start + 22]]
    wait_for(lambda: finished(view))
    assert all(one.progress.status is not ScanStatus.RUNNING for one in left)
    view.close()


def test_without_a_contact_head_it_says_what_to_do():
    view = RecoveryView(PROTEIN, ToyModel("headless view"), (20, 42))
    assert "using='jacobian'" in view.problem
    assert view.curve is None
    assert view.current is None
    with pytest.raises(RuntimeError, match="jacobian"):
        view.to_pandas()
    view.using = "jacobian"
    assert view.problem == ""
    wait_for(lambda: view.curve is not None)
    view.close()


def test_a_failing_model_is_told():
    model = ContactToy("view fails")
    model.fails_with = RuntimeError("no power")
    view = RecoveryView(PROTEIN, model, (20, 42))
    wait_for(lambda: "no power" in view.problem)
    model.fails_with = None
    view.strategy = "random"
    wait_for(lambda: finished(view))
    assert view.problem == ""
    view.close()


def test_pairs_and_candidates():
    view = RecoveryView(PROTEIN, ContactToy("pair"), "10-20", partner=(40, 51))
    assert view.segments == [[9, 20], [40, 51]]
    wait_for(lambda: finished(view))
    assert view.recovery.plan.segments == ((9, 20), (40, 51))
    starts = [start for start, _, _ in view.candidates]
    assert starts == sorted(starts)
    for (_, stop, _), (start, _, _) in zip(view.candidates, view.candidates[1:], strict=False):
        assert stop <= start
    view.close()


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("segments", []),
        ("segments", [[3, 400]]),
        ("segments", [[5, 6]]),
        ("segments", [[True, 30]]),
        ("segments", [["3", "30"]]),
        ("segments", [3]),
        ("segments", [[3, 30], [35, 50]]),
        ("segments", [[3.0, 30.0]]),
        ("strategy", "nearest"),
        ("using", "<b>"),
        ("flank", -1),
        ("flank", 10**9),
    ],
)
def test_what_makes_no_sense_is_refused_and_what_holds_stays(trait, value):
    view = RecoveryView(PROTEIN, ContactToy("refuses"), (20, 42))
    before = view.segments, view.strategy, view.using, view.flank
    with pytest.raises(t.TraitError):
        setattr(view, trait, value)
    view.set_state({trait: value})
    assert view.error
    assert (view.segments, view.strategy, view.using, view.flank) == before
    view.set_state({"curve": None, "facts": {}, "largest": 10**9})
    assert view.largest == 24
    view.close()


class GatedContacts(ContactToy):
    """Answers for the whole sequence when one gate is open, for hidden residues when another is."""

    def __init__(self, name):
        super().__init__(name)
        self.whole, self.hidden = threading.Event(), threading.Event()

    def contact_probability_steps(self, contexts):
        gate = self.hidden if any(context.masked for context in contexts) else self.whole
        assert gate.wait(30)
        return super().contact_probability_steps(contexts)


def test_maps_that_come_while_the_page_is_made_stay_on_it(monkeypatch):
    model, stopped, draw = GatedContacts("late"), [], RecoveryExplorer._draw

    def slow(self, name, values, label, limits):
        """Stop the first drawing of "not there yet" until the other thread has told of the maps."""
        if name == PARTIAL and not stopped:
            assert values is None
            stopped.append(self)
            model.whole.set()
            model.hidden.set()
            wait_for(lambda: finished(self.view))
            time.sleep(0.3)
        draw(self, name, values, label, limits)

    monkeypatch.setattr(RecoveryExplorer, "_draw", slow)
    explorer = RecoveryExplorer(PROTEIN, model, (20, 42))
    assert stopped == [explorer]
    wait_for(lambda: "not there" not in explorer.heatmap.lower_map["label"])
    explorer.close()


def test_the_map_of_the_whole_sequence_is_shown_before_the_other_is_there():
    model = GatedContacts("half gated")
    explorer = RecoveryExplorer(PROTEIN, model, (20, 42))
    upper, lower = (lambda: explorer.heatmap.upper_map, lambda: explorer.heatmap.lower_map)
    assert "not there" in upper()["label"]
    model.whole.set()
    wait_for(lambda: "not there" not in upper()["label"])
    whole = explorer.view.recovery.reference
    np.testing.assert_allclose(decoded(upper()["values"]), whole, rtol=1e-6)
    assert "not there" in lower()["label"]
    assert np.isnan(decoded(lower()["values"])).all()
    model.hidden.set()
    wait_for(lambda: "not there" not in lower()["label"])
    explorer.close()


def test_the_page_shows_both_maps_on_one_scale():
    explorer = RecoveryExplorer(PROTEIN, ContactToy("page"), (20, 42))
    wait_for(
        lambda: finished(explorer.view) and "not there" not in explorer.heatmap.lower_map["label"]
    )
    explorer.view.flank = 9
    assert (explorer.heatmap.upper, explorer.heatmap.lower) == (WHOLE, PARTIAL)
    for side, name in (("upper_map", "P0"), ("lower_map", "P1")):
        shown = getattr(explorer.heatmap, side)
        np.testing.assert_allclose(
            decoded(shown["values"]), explorer.view.recovery.maps(9)[name], rtol=1e-6
        )
        assert shown["limits"] == [0.0, 1.0]
    assert "k = 9" in explorer.heatmap.lower_map["label"]
    np.testing.assert_array_equal(
        decoded(explorer.structure.values), explorer.view.recovery.roles(9)
    )
    explorer.presenter = True
    assert explorer.view.presenter
    assert explorer.structure.presenter
    assert "RecoveryExplorer(Recovery(toy" in repr(explorer)
    explorer.close()
