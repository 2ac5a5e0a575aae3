"""The player of unmasking: what it sends to the page, and what it takes from there."""

import numpy as np
import pytest
import traitlets as t
from toy_models import ToyModel
from view_tools import SEQUENCE, decoded, wait_for

from plmwidgets.methods.unmasking.strategy_comparison import compare_strategies
from plmwidgets.methods.unmasking.unmask import unmask
from plmwidgets.protein import Protein
from plmwidgets.widgets.unmasking_explorer import REVEALED, UnmaskingExplorer
from plmwidgets.widgets.unmasking_player import UnmaskingPlayer

PROTEIN = Protein(SEQUENCE, name="toy")
HIDDEN = tuple(range(4, 16))


def trace_of(name, **options):
    return unmask(PROTEIN, ToyModel(name), HIDDEN, **{"strategy": "entropy", "steps": 4, **options})


def page_says(player, **content):
    player._receive(None, content, None)


def test_a_lane_holds_what_the_page_needs_to_play_without_a_kernel():
    trace = trace_of("player lane")
    player = UnmaskingPlayer(trace)
    (lane,) = player.lanes
    assert (lane["strategy"], lane["seed"], lane["forked_at"]) == ("entropy", 0, None)
    assert lane["sequence"] == trace.sequence
    np.testing.assert_array_equal(decoded(lane["step_of"]), trace.step_of)
    table = trace.to_pandas()
    probability = decoded(lane["probability"])
    np.testing.assert_allclose(probability[table["position"]], table["probability"], rtol=1e-6)
    assert np.isnan(probability[:4]).all()
    entropies = decoded(lane["entropies"])
    np.testing.assert_allclose(
        entropies, np.stack([step.entropies for step in trace.steps]), rtol=1e-6
    )
    steps = trace.per_step()
    columns = ["hidden", "log_probability", "identity", "passes", "entropy_left"]
    np.testing.assert_allclose(decoded(lane["totals"]), steps[columns], rtol=1e-6)
    assert player.step == 3
    assert player.curves is None
    assert len(player.to_pandas()) == 12
    player.close()


def test_a_fork_goes_into_the_second_lane():
    trace = trace_of("player fork")
    player = UnmaskingPlayer(trace)
    player.fork(2, strategy="random", seed=5)
    first, second = player.traces
    assert first is trace
    assert second.forked_at == 2
    assert second.sequence == trace.fork(2, strategy="random", seed=5).sequence
    assert player.lanes[1]["forked_at"] == 2
    player.fork(1, lane=1, at_a_time=1)
    assert len(player.traces[1]) > 4
    assert player.to_pandas()["lane"].tolist() == [0] * 12 + [1] * 12
    with pytest.raises(IndexError, match="no lane 2"):
        player.fork(1, lane=2)
    player.step = len(player.traces[1]) - 1
    player.traces = (trace,)
    assert player.step == 3
    player.close()


def test_the_page_forks_and_is_told_what_is_wrong():
    player = UnmaskingPlayer(trace_of("player page"))
    page_says(player, type="fork", step=1, strategy="left-to-right", seed=3)
    wait_for(lambda: len(player.lanes) == 2 and not player.busy)
    assert player.traces[1].plan.strategy == "left-to-right"
    assert player.traces[1].plan.seed == 3
    page_says(player, type="fork", step=9, strategy="random", seed=3)
    assert "no step 9 to fork at" in player.notice
    assert not player.busy
    page_says(player, type="fork", step=1, strategy="random", seed=1.5)
    assert "seed is a whole number" in player.notice
    for junk in ({}, {"step": "1"}, {"step": 1, "strategy": "best"}, {"step": 1, "strategy": []}):
        page_says(player, type="fork", **junk)
        assert "makes no sense" in player.error
    player.close()


def test_a_model_that_fails_is_told_in_the_view():
    trace = trace_of("player fails")
    trace._model.fails_with = RuntimeError("the machine is on fire")
    player = UnmaskingPlayer(trace)
    page_says(player, type="fork", step=1, strategy="random", seed=1)
    wait_for(lambda: "on fire" in player.notice and not player.busy)
    assert len(player.traces) == 1
    player.close()


def test_a_comparison_fills_the_curves():
    comparison = compare_strategies(
        PROTEIN, ToyModel("player curves"), HIDDEN, strategies=["random"], steps=[1, 4], seeds=8
    )
    player = UnmaskingPlayer(trace_of("player curves"), comparison=comparison)
    comparison.wait(quiet=True)
    wait_for(lambda: not player.curves["running"] and len(player.curves["lines"]) == 2)
    name, packed = player.curves["lines"][1]
    row = comparison.summary().query("strategy == 'random'").iloc[0]
    assert name == "random"
    columns = ["passes", "score", "low", "high", "steps", "seeds"]
    np.testing.assert_allclose(decoded(packed), [row[columns].to_numpy(float)], rtol=1e-6)
    player.close()


def test_what_is_no_trace_is_refused():
    trace = trace_of("player refuses")
    other = unmask("ACDEFGHIKL", ToyModel("player refuses"), (1, 2))
    with pytest.raises(TypeError, match="takes traces"):
        UnmaskingPlayer(["trace"])
    with pytest.raises(ValueError, match="one trace, or two"):
        UnmaskingPlayer([])
    with pytest.raises(ValueError, match="different proteins"):
        UnmaskingPlayer([trace, other])
    with pytest.raises(TypeError, match="compare_strategies"):
        UnmaskingPlayer(trace, comparison=3)
    for make in (UnmaskingPlayer, UnmaskingExplorer):
        with pytest.raises(TypeError, match="takes traces"):
            make(None)
    with pytest.raises(TypeError, match="selection= takes a Selection"):
        UnmaskingPlayer(trace, selection=5)
    elsewhere = compare_strategies("ACDEFGHIKL", "demo", (1, 2), steps=1, seeds=1)
    with pytest.raises(ValueError, match="comparison is of another protein"):
        UnmaskingPlayer(trace, comparison=elsewhere)
    player = UnmaskingPlayer(trace)
    with pytest.raises(t.TraitError, match="takes traces"):
        player.traces = None
    for lane in (None, 0.5, -1):
        with pytest.raises(IndexError, match="there is no lane"):
            player.fork(1, lane=lane)
    with pytest.raises(t.TraitError, match="another protein"):
        player.traces = (other,)
    with pytest.raises(t.TraitError, match="-1 to 3 here"):
        player.step = 4
    player.close()


def test_the_page_colours_the_structure_by_what_is_revealed():
    demo = Protein.demo()
    trace = unmask(demo, "demo", range(0, 64, 3), "random", steps=3)
    page = UnmaskingExplorer([trace])
    page.player.step = 1
    label, values = page.structure.colour_by, decoded(page.structure.values)
    assert label == REVEALED
    want = np.where((trace.step_of >= 0) & (trace.step_of <= 1), trace.step_of, np.nan)
    np.testing.assert_array_equal(values, want)
    assert page.structure.value_range == [0, 2]
    page.player.fork(1, strategy="entropy", at_a_time=1)
    longest = len(page.player.traces[1]) - 1
    assert page.structure.value_range == [0, longest]
    assert "entropy" in repr(page)
    page.close()
