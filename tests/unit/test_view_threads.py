"""What a page sees when several threads draw: always what holds in the end."""

import gc
import threading
import time
import weakref

import pandas as pd
from recovery_tools import SEQUENCE as LONG
from recovery_tools import ContactToy
from toy_models import GatedModel, ToyModel
from view_tools import SEQUENCE, wait_for

from plmwidgets.methods.mutations.deep_mutational_scan import DeepMutationalScan, load_dms
from plmwidgets.methods.mutations.scores import mutation_scores
from plmwidgets.methods.unmasking.unmask import unmask
from plmwidgets.protein import Protein
from plmwidgets.widgets import live, unmasking_player
from plmwidgets.widgets.live import LivePrediction
from plmwidgets.widgets.recovery_view import RecoveryView
from plmwidgets.widgets.scatter_plot import ScatterPlot
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.sequence_strip import SequenceStrip
from plmwidgets.widgets.unmasking_player import UnmaskingPlayer

PROTEIN = Protein(SEQUENCE, name="toy")


def page_of(view, pause):
    """A dict that holds what the page was told; `pause(state)` is called before it is told."""
    held = {}

    def send(message, buffers=None):
        if message["method"] == "update":
            pause(message["state"])
            held.update(message["state"])

    view._send = send
    return held


def test_what_another_thread_changes_while_one_sends_reaches_the_page():
    view, sending, changed = SequenceStrip(PROTEIN), threading.Event(), threading.Event()

    def pause(state):
        if "notice" in state:
            sending.set()
            assert changed.wait(30)

    held = page_of(view, pause)

    def first():
        with view.hold_sync():
            view.notice = "told"

    thread = threading.Thread(target=first)
    thread.start()
    assert sending.wait(30)
    with view.hold_sync():
        view.pending = True
        changed.set()
        thread.join(30)
    assert (held["notice"], held["pending"]) == ("told", True)
    view.close()


def test_the_state_that_is_sent_last_is_the_newest():
    view, reading = SequenceStrip(PROTEIN), threading.Event()

    def pause(state):
        if state.get("notice") == "old":
            reading.set()
            time.sleep(0.3)  # the newer one waits, and so comes after

    held = page_of(view, pause)
    older = threading.Thread(target=lambda: setattr(view, "notice", "old"))
    older.start()
    assert reading.wait(30)
    newer = threading.Thread(target=lambda: setattr(view, "notice", "new"))
    newer.start()
    for thread in (older, newer):
        thread.join(30)
    assert held["notice"] == view.notice == "new"
    view.close()


def test_nothing_is_sent_before_the_last_that_holds_has_left():
    view, sent = SequenceStrip(PROTEIN), []
    page_of(view, sent.append)
    with view.hold_sync():
        with view.hold_sync():
            view.notice = "told"
        assert sent == []
        view.pending = True
    assert sent == [{"notice": "told", "pending": True}]
    view.close()


def test_the_map_of_one_kind_is_not_kept_as_that_of_another():
    """A refresh that comes when the kind has changed, but not yet what is computed."""
    view = RecoveryView(Protein(LONG, name="toy"), ContactToy("kinds"), (20, 42))
    wait_for(lambda: view.facts.get("status") == "finished")
    view.unobserve_all("using")
    view.set_trait("using", "jacobian")
    view._show()
    assert set(view._references) == {"contact-head"}
    view.close()


def test_a_prediction_is_awaited_until_the_newest_question_is_answered():
    selection, pending = Selection(PROTEIN), []
    model = GatedModel("awaited", after=2)
    prediction = LivePrediction(PROTEIN, model, selection)
    wait_for(lambda: not prediction.pending)

    def ask_again(change):
        if change["new"].context.masked == (3,):
            selection.masked = {4}

    prediction.observe(ask_again, "prediction")
    prediction.observe(lambda change: pending.append(change["new"]), "pending")
    selection.masked = {3}
    wait_for(lambda: len(model.calls) == 2 and selection.masked == {4})
    time.sleep(0.1)  # the answer to the first question has long been told
    assert prediction.pending and pending == [True]
    model.gate.set()
    wait_for(lambda: prediction.prediction.context.masked == (4,))
    wait_for(lambda: pending == [True, False])
    prediction.close()


def test_what_is_closed_awaits_nothing_and_is_forgotten(monkeypatch):
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(live, "NOTICED_SECONDS", 0.02)
    model = GatedModel("closed while awaited", after=0)
    held = [LivePrediction(PROTEIN, model, Selection(PROTEIN))]
    wait_for(lambda: held[0].waiting)
    held[0].close()
    assert not held[0].pending and not held[0].waiting
    model.gate.set()
    watched = weakref.ref(held.pop())
    deadline = time.monotonic() + 10
    while watched() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.02)
    assert watched() is None


def stops(function, entered):
    """The function, but in another thread than the main one it stops a while after its work."""

    def stopping(*args, **kwargs):
        found = function(*args, **kwargs)
        if threading.current_thread() is not threading.main_thread():
            entered.set()
            time.sleep(0.3)
        return found

    return stopping


def test_scores_that_are_chosen_while_others_are_drawn_stay(monkeypatch):
    variants = [f"{a}{i}{'G' if a != 'G' else 'A'}" for i, a in enumerate(SEQUENCE, start=1)]
    dms = load_dms(pd.DataFrame({"mutant": variants, "score": range(len(variants))}), PROTEIN)
    model = ToyModel("drawn")
    before, chosen = (mutation_scores(PROTEIN, model, how) for how in ("masked", "wild-type"))
    plot, entered = ScatterPlot(dms, before), threading.Event()
    monkeypatch.setattr(DeepMutationalScan, "compare", stops(DeepMutationalScan.compare, entered))
    plot._refresh()
    assert entered.wait(30)
    plot.show_scores(chosen)
    shown = plot.points["x"]["data"]
    time.sleep(0.5)
    assert plot.points["x"]["data"] == shown
    assert shown == ScatterPlot(dms, chosen).points["x"]["data"]
    plot.close()


def test_traces_that_are_set_while_a_fork_ends_are_those_that_are_drawn(monkeypatch):
    protein, entered = Protein.demo(), threading.Event()
    first = unmask(protein, "demo", range(16), "entropy")
    other = unmask(protein, "demo", range(16), "random", seed=3)
    player = UnmaskingPlayer(first)
    monkeypatch.setattr(unmasking_player, "_lane", stops(unmasking_player._lane, entered))
    player.handle("fork", {"step": 2, "strategy": "random", "seed": 1})
    assert entered.wait(30)
    player.traces = other
    wait_for(lambda: not player.busy)
    assert [lane["strategy"] for lane in player.lanes] == ["random"]
    assert player.traces == (other,)
    player.close()
