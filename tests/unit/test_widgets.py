"""The kernel side of the views; the browser side is tried in tests/browser."""

import threading
import time

import numpy as np
import pytest
from toy_models import NanModel, ToyModel
from traitlets import TraitError
from view_tools import SEQUENCE, decoded, wait_for

from plmwidgets.map_styles import robust_limits
from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein
from plmwidgets.scan.start import prepare_pairs, scan_pairs
from plmwidgets.widgets.distributions import Distributions
from plmwidgets.widgets.joint_table import JointTable
from plmwidgets.widgets.live import LivePrediction
from plmwidgets.widgets.nglview_export import to_nglview
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.recovery_view import RecoveryView
from plmwidgets.widgets.scan_panel import ScanPanel
from plmwidgets.widgets.selection import ECHO_SECONDS, Selection
from plmwidgets.widgets.sequence_strip import SequenceStrip
from plmwidgets.widgets.structure_view import StructureView
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view import envelope


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="test")


def test_a_page_hears_that_it_was_heard_but_not_of_hover_and_nudges(protein):
    panel = ScanPanel(prepare_pairs(protein, ToyModel()))
    state = panel.selection_state

    def heard(act):
        before = panel.answered
        act()
        time.sleep(3 * ECHO_SECONDS)
        return panel.answered - before

    def message(kind):
        return lambda: panel._receive(panel, {"type": kind}, [])

    assert heard(lambda: panel.set_state({"selection_state": {**state, "masked": [2]}})) == 1
    assert heard(lambda: panel.set_state({"hover": [1]})) == 0
    assert heard(message("hello")) == 1
    assert heard(message("select")) == 1
    assert heard(message("pause")) == 1
    assert heard(message("nonsense")) == 1
    assert heard(message("nudge")) == 0
    assert panel.selection.masked == {2}
    panel.close()


def test_the_prediction_follows_the_selection(protein):
    model = ToyModel("live")
    view = Distributions(protein, model)
    wait_for(lambda: view.prediction is not None)
    view.selection.masked = {3, 7}
    wait_for(lambda: view.prediction["masked"] == [3, 7])
    want = np.exp(model.expected(Context(SEQUENCE, (3, 7))))
    np.testing.assert_allclose(decoded(view.prediction["probabilities"]), want, rtol=1e-6)
    np.testing.assert_allclose(view.to_pandas().to_numpy(), want, rtol=1e-6)
    assert view.to_pandas().loc["K2", "W"] == pytest.approx(want[1, 18])
    assert not view.pending


def test_a_view_says_that_it_waits_only_where_that_is_noticed(protein):
    quick = Distributions(protein, ToyModel("quick"))
    wait_for(lambda: quick.prediction is not None)
    slow = Distributions(protein, ToyModel("slow", seconds=0.4))
    for view in (quick, slow):
        view.selection.masked = {3}
    wait_for(lambda: slow.pending)
    wait_for(lambda: slow.prediction is not None and slow.prediction["masked"] == [3])
    wait_for(lambda: not slow.pending)
    assert quick.prediction["masked"] == [3]
    assert not quick.pending


def test_of_many_quick_changes_the_last_one_is_shown(protein):
    model = ToyModel("quick", seconds=0.02)
    live = LivePrediction(protein, model, Selection(protein))
    for position in range(15):
        live.selection.masked = {position}
    wait_for(lambda: live.prediction is not None and live.prediction.context.masked == (14,))
    wait_for(lambda: not live.pending)
    assert len(model.calls) < 10


def test_an_old_answer_never_replaces_a_newer_one(protein, monkeypatch):
    live = LivePrediction(protein, ToyModel("stale"), Selection(protein))
    view = Distributions(protein, live=live)
    wait_for(lambda: view.prediction is not None and not live.pending)
    main, reached, go_on, shown = (
        threading.current_thread(),
        threading.Event(),
        threading.Event(),
        [],
    )

    def slow(values):
        if threading.current_thread() is not main:
            reached.set()
            go_on.wait(10)
        return envelope(values)

    monkeypatch.setattr("plmwidgets.widgets.distributions.envelope", slow)
    view.observe(lambda change: shown.append(change["new"]["masked"]), "prediction")
    live.selection.masked = {3}
    assert reached.wait(10)  # the worker is about to show this
    live.selection.masked = ()  # known: answered at once, in this thread
    go_on.set()
    wait_for(lambda: len(shown) == 2 and not live.pending)
    assert shown[-1] == view.prediction["masked"] == []


def test_a_view_that_fails_does_not_hold_up_the_next_answers(protein, caplog):
    live = LivePrediction(protein, ToyModel("broken view"), Selection(protein))
    wait_for(lambda: live.prediction is not None and not live.pending)

    def broken(_):
        raise RuntimeError("this view is broken")

    live.observe(broken, "prediction")
    for position in (3, 4):
        live.selection.masked = {position}
        wait_for(lambda: live.prediction.context.masked == (position,) and not live.pending)  # noqa: B023
    assert "this view is broken" in caplog.text


def test_moving_the_focus_asks_the_model_nothing(protein):
    model = ToyModel("focus")
    live = LivePrediction(protein, model, Selection(protein))
    wait_for(lambda: live.prediction is not None)
    calls = len(model.calls)
    live.selection.focus = 4
    live.selection.pair = (1, 2)
    time.sleep(0.05)
    assert len(model.calls) == calls


def test_a_failing_prediction_is_told_and_the_next_one_heals(protein):
    view = Distributions(protein, NanModel(bad_position=4))
    wait_for(lambda: view.prediction is not None)
    view.selection.masked = {4, 5}
    wait_for(lambda: view.error)
    assert "nan-toy" in view.error
    assert "Traceback" not in view.error
    view.set_state({"hover": [1]})
    assert view.error, "pointing at something does not hide the message"
    view.selection.masked = {5}
    wait_for(lambda: view.prediction["masked"] == [5])
    assert view.error == ""


def test_distributions_need_a_model(protein):
    with pytest.raises(TypeError, match="needs a model"):
        Distributions(protein)


# Strip


def test_the_strip_masks_by_text_and_at_random(protein):
    strip = SequenceStrip(protein)
    strip._handle_custom_msg({"type": "mask_text", "text": "2-4"}, [])
    assert strip.selection.masked == {1, 2, 3}
    strip._handle_custom_msg({"type": "mask_text", "text": "W2"}, [])
    assert "K" in strip.notice
    assert strip.selection.masked == {1, 2, 3}
    strip._handle_custom_msg({"type": "mask_random", "percent": 50}, [])
    assert len(strip.selection.masked) == 11
    assert strip.notice == ""
    strip._handle_custom_msg({"type": "undo"}, [])
    assert strip.selection.masked == {1, 2, 3}
    strip.mask_random(30, seed=1)
    first = strip.selection.masked
    strip.mask_random(30, seed=1)
    assert strip.selection.masked == first
    with pytest.raises(ValueError, match="0 and 100"):
        strip.mask_random(101)


@pytest.mark.parametrize(
    "message", [{"type": "nonsense"}, {}, "text", None, {"type": "mask_random"}, {"type": []}]
)
def test_a_message_that_makes_no_sense_is_told_and_survived(protein, message):
    strip = SequenceStrip(protein)
    strip._handle_custom_msg(message, [])
    assert strip.error
    strip._handle_custom_msg({"type": "mask_text", "text": "3"}, [])
    assert strip.error == ""


def test_the_strip_colours_by_the_live_prediction(protein):
    model = ToyModel("colours")
    live = LivePrediction(protein, model, Selection(protein))
    strip = SequenceStrip(protein, live=live, selection=live.selection)
    wait_for(lambda: strip.values is not None)
    log_p = model.expected(Context(SEQUENCE)).astype(float)
    entropy = -(np.exp(log_p) * log_p).sum(1)
    np.testing.assert_allclose(decoded(strip.values), np.exp(entropy), rtol=1e-5)
    strip.colour_by = "entropy"
    np.testing.assert_allclose(decoded(strip.values), entropy / np.log(2), rtol=1e-5)
    strip.colour_by = "p_wild_type"
    want = np.exp(log_p)[np.arange(22), protein.wild_type]
    np.testing.assert_allclose(decoded(strip.values), want, rtol=1e-5)
    strip.colour_by = "chemistry"
    assert strip.values is None
    with pytest.raises(TraitError, match="colour_by is one of"):
        strip.colour_by = "rainbow"


# Map, structure, panel


def test_the_map_fills_and_shows_what_the_matrix_says(protein):
    scan = scan_pairs(protein, ToyModel("map"))
    view = PairHeatmap(scan)
    scan.wait(30)
    wait_for(lambda: view.progress["done"] == 231)
    for name in ("js_dist_avg", "perplexity_change", "argmax_change"):
        view.upper = name
        shown = decoded(view.upper_map["values"])
        np.testing.assert_allclose(shown, scan.matrix(name).to_numpy(), rtol=1e-6, atol=1e-7)
        assert view.upper_map["name"] == name
    with pytest.raises(TraitError, match="js_dist_avg"):
        view.upper = "js"
    with pytest.raises(TraitError, match="no map called 'contacts'"):
        view.lower = "contacts"  # there is no structure
    assert len(view.to_pandas()) == 462


def test_colour_limits_are_robust_and_fit_the_kind():
    values = np.r_[np.linspace(0, 1, 10_000), 50.0, np.nan]
    low, high = robust_limits(values, "sequential")
    assert low == 0
    assert high == pytest.approx(0.995, abs=0.001)
    assert robust_limits(-values, "diverging") == pytest.approx((-high, high))
    assert robust_limits(np.full(4, np.nan), "sequential") == (0.0, 1.0)


def test_the_panel_controls_the_scan(protein):
    scan = prepare_pairs(protein, ToyModel("panel", seconds=0.004))
    panel = ScanPanel(scan)
    assert panel.scan["status"] == "ready"
    assert panel.scan["model"] == "panel"
    panel._handle_custom_msg({"type": "start"}, [])
    wait_for(lambda: panel.scan["status"] == "running" and panel.scan["done"] > 10)
    panel._handle_custom_msg({"type": "pause"}, [])
    wait_for(lambda: panel.scan["status"] == "paused")
    panel._handle_custom_msg({"type": "resume"}, [])
    panel._handle_custom_msg({"type": "cancel"}, [])
    wait_for(lambda: panel.scan["status"] == "cancelled")


def test_the_panel_tells_why_a_scan_failed(protein):
    scan = prepare_pairs(protein, NanModel(bad_position=4))
    panel = ScanPanel(scan)
    scan.start()
    wait_for(lambda: panel.scan["status"] == "failed")
    assert "NaN" in panel.scan["message"]


def test_a_protein_without_structure_has_an_empty_3d_view(protein):
    view = StructureView(protein)
    assert view.structure is None
    with pytest.raises(TraitError, match="top_k"):
        view.top_k = 1000


def test_the_3d_view_draws_the_strongest_pairs_with_their_contacts():
    protein = Protein.demo()
    model = ToyModel("pairs")
    scan = scan_pairs(protein, model)
    view = StructureView(protein, scan=scan, top_k=5)
    scan.wait(60)
    far = np.triu(np.nan_to_num(scan.values("js_dist_avg")), 6)
    strongest = np.argsort(-far, axis=None)[:5]
    want = [list(map(int, np.unravel_index(k, far.shape))) for k in strongest]
    wait_for(lambda: [pair[:2] for pair in view.pairs] == want)
    i, j, contact = view.pairs[0]
    assert contact == bool(protein.contact_map()[i, j])


# Explorer


def test_an_envelope_holds_bytes_dtype_and_shape():
    packed = envelope(np.arange(6, dtype=np.float64).reshape(2, 3).T)
    assert (packed["dtype"], packed["shape"]) == ("float32", [3, 2])
    np.testing.assert_array_equal(decoded(packed), [[0, 3], [1, 4], [2, 5]])
    assert envelope(np.array([True]))["dtype"] == "uint8"
    assert envelope(None) is None


def test_a_throttle_calls_soon_last_and_not_too_often():
    calls = []
    throttle = Throttle(lambda: calls.append(time.monotonic()), interval=0.05)
    began = time.monotonic()
    for _ in range(50):
        asked_last = time.monotonic()
        throttle()
        time.sleep(0.004)
    wait_for(lambda: calls and calls[-1] >= asked_last)
    # the first one at once, the last one late: busy machines take longer over the fifty
    assert len(calls) <= (asked_last - began) / 0.05 + 2
    assert min(np.diff(calls)) >= 0.045


def test_a_throttle_runs_one_call_at_a_time_and_one_more_after_what_came_meanwhile():
    running, seen, asked = [], [], []

    def slow():
        running.append(1)
        seen.append((len(running), len(asked)))
        time.sleep(0.03)
        running.pop()

    throttle = Throttle(slow, interval=0.01)
    began = time.monotonic()
    for _ in range(20):
        asked.append(1)
        throttle()
        time.sleep(0.005)
    wait_for(lambda: seen and seen[-1][1] == 20)
    assert max(at_once for at_once, _ in seen) == 1
    # Ten times their duration lies between two calls; busy machines take longer over the twenty.
    assert len(seen) <= (time.monotonic() - began) / 0.3 + 2


def test_a_call_now_waits_for_the_one_under_way_and_shows_what_holds_then():
    state, shown, entered, go_on = ["old"], [], threading.Event(), threading.Event()

    def draw():
        read = state[0]
        entered.set()
        assert go_on.wait(30)
        shown.append(read)

    throttle = Throttle(draw, interval=0.01)
    throttle()
    assert entered.wait(30)
    state[0] = "new"
    now = threading.Thread(target=throttle.now)
    now.start()
    now.join(0.05)
    assert now.is_alive()
    go_on.set()
    now.join(30)
    assert shown == ["old", "new"]


def test_a_throttle_survives_a_call_that_fails(monkeypatch):
    told = []
    monkeypatch.setattr("threading.excepthook", lambda failure: told.append(failure.exc_value))

    def broken():
        raise RuntimeError("drawing failed")

    throttle = Throttle(broken, interval=0.01)
    throttle()
    wait_for(lambda: len(told) == 1)
    throttle()
    wait_for(lambda: len(told) == 2)


ALONE = {
    "strip": SequenceStrip,
    "structure": StructureView,
    "selection": Selection,
    "distributions": lambda given: Distributions(given, ToyModel("alone")),
    "joint": lambda given: JointTable(given, ToyModel("alone")),
    "map": lambda given: PairHeatmap(given, maps={"mine": np.zeros((22, 22))}),
    "recovery": lambda given: RecoveryView(given, "demo", (5, 15)),
}


@pytest.mark.parametrize("name", ALONE)
def test_a_sequence_is_protein_enough(name):
    made = ALONE[name](SEQUENCE)
    assert isinstance(made.protein, Protein)
    assert made.protein.sequence == SEQUENCE
    with pytest.raises(TypeError, match="not float"):
        ALONE[name](5.0)


def test_a_sequence_has_no_structure_for_nglview():
    with pytest.raises(ValueError, match="no structure to draw"):
        to_nglview(SEQUENCE)
