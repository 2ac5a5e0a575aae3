"""Thousands of malformed messages from a page: the views live, and what they share stays sound."""

import importlib
import json
import math
import pkgutil
import random

import pandas as pd
import pytest
import traitlets as t
from ipywidgets.widgets.widget import _remove_buffers
from toy_models import ToyModel
from view_tools import wait_for

from plmwidgets import widgets
from plmwidgets.methods.contacts.evaluation import evaluate_contacts
from plmwidgets.methods.embeddings.embed import embed
from plmwidgets.methods.jacobian.jacobian import jacobian
from plmwidgets.methods.mutations.deep_mutational_scan import load_dms
from plmwidgets.methods.mutations.scores import SCORE_CONTEXTS, prepare_scores
from plmwidgets.methods.unmasking.unmask import unmask
from plmwidgets.protein import Protein
from plmwidgets.scan.start import prepare_pairs
from plmwidgets.widgets.attention_grid import AttentionGrid
from plmwidgets.widgets.corruption_view import CorruptionView
from plmwidgets.widgets.embedding_plot import EmbeddingPlot
from plmwidgets.widgets.explorer import Explorer
from plmwidgets.widgets.jacobian_table import JacobianTable
from plmwidgets.widgets.mutation_heatmap import MutationHeatmap
from plmwidgets.widgets.page_state import read_state
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.pair_table import PairTable
from plmwidgets.widgets.recovery_view import RecoveryView
from plmwidgets.widgets.residue_quiz import ResidueQuiz
from plmwidgets.widgets.scatter_plot import ScatterPlot
from plmwidgets.widgets.selection import MOST_AHEAD
from plmwidgets.widgets.unmasking_player import UnmaskingPlayer
from plmwidgets.widgets.view import LONGEST_MESSAGE, View

DEEP = {"a": [{"b": [{"c": [[[[[[0]]]]]]}]}]}
JUNK = [
    *(None, True, False, -1, 0, 1, 3, 63, 64, 2**31, 2**53, 2**63, 10**400, -(10**400)),
    *(0.5, 3.0, -0.0, 1e308, math.nan, math.inf, -math.inf),
    *("", "3", "A", "W", "3-10", "none", "js_dist", "\x00", "é\u2028", "<img src=x onerror=a()>"),
    *("x" * 20_000, "1" * 5_000, "3 - " * 2_000, "../../etc/passwd", b"\x00\xff"),
    *([], [[]], [None], [math.nan], ["3"], [3], [3, 3], [1, 2], [2, 1], [-1, 0], [0, 2**70]),
    *([[0, "W"]], [[0, "<b>"]], [["0", "W"]], [[0.5, "W"]], [[0, "W", 1]], [[2**64, "A"]]),
    *({}, {"a": 1}, {"masked": [1]}, DEEP, [DEEP] * 3, list(range(5_000)), [[3, "W"]] * 5_000),
]
ALONE = {"TrainingCurve"}  # of many sequences: it shares no selection
PARTS = ("masked", "substitutions", "focus", "pair", "clock", "can_undo")
KINDS = [
    *(
        "undo",
        "redo",
        "hello",
        "nudge",
        "select",
        "mask_text",
        "mask_random",
        "mask_around",
        "compute",
    ),
    *("prioritise", "pause", "resume", "cancel", "upgrade", "start", "close", "__init__", "handle"),
    *("vote", "clear_votes", "reveal", "next", "redraw", "average", "stop", "apply", "fork"),
]
FIELDS = ("text", "percent", "radius", "rows", "columns", "method", "name", "player", "column")
FIELDS += ("step", "state", "type", "strategy", "seed")
UNKNOWN = ("", "comm", "keys", "__class__", "selection", "_trait_values", "_model_id", "masked")


@pytest.fixture
def page():
    """All views of an explorer, and beside them those of other pages."""
    explorer = Explorer(Protein.demo(), ToyModel("hostile page"))
    scans = {name: prepare_pairs(explorer.protein, ToyModel(name)) for name in ("one", "two")}
    both = PairHeatmap(scans, selection=explorer.selection)
    scores = [prepare_scores(explorer.protein, explorer.model, how) for how in SCORE_CONTEXTS]
    variants = [
        f"{label}{'A' if label[0] != 'A' else 'W'}" for label in explorer.protein.residue_labels
    ]
    table = pd.DataFrame({"mutant": variants, "score": range(len(variants))})
    dms = load_dms(table, explorer.protein)
    maps = {"one": -explorer.protein.distance_map(), "two": explorer.protein.distance_map()}
    evaluation = evaluate_contacts(explorer.protein, maps)
    found = jacobian(explorer.protein, "potts-demo")
    extra = [
        both,
        MutationHeatmap(scores, dms, selection=explorer.selection),
        ScatterPlot(dms, range(len(dms)), selection=explorer.selection),
        PairTable(evaluation, selection=explorer.selection),
        JacobianTable(found, selection=explorer.selection),
        RecoveryView(explorer.protein, explorer.model, selection=explorer.selection),
        UnmaskingPlayer(
            unmask(explorer.protein, "demo", range(0, 64, 9), "random", steps=3),
            selection=explorer.selection,
        ),
        AttentionGrid(explorer.protein, "demo", selection=explorer.selection),
        CorruptionView(explorer.protein, explorer.model, 0, selection=explorer.selection),
        ResidueQuiz(explorer.protein, explorer.model, rounds=8, selection=explorer.selection),
        EmbeddingPlot(embed(explorer.protein, "demo"), selection=explorer.selection),
    ]
    yield explorer, [*explorer.children, *extra]
    explorer.scan.cancel()
    found.cancel()
    for view in extra:
        view.close()
    explorer.close()


def junk(draw):
    value = draw.choice(JUNK)
    if draw.random() < 0.15:
        value = [value] * draw.randrange(4)
    return {draw.choice(PARTS): value} if draw.random() < 0.1 else value


def state_of(draw, selection):
    state = selection.to_state()
    for name in draw.sample(PARTS, draw.randint(1, 3)):
        if draw.random() < 0.2:
            state.pop(name, None)
        else:
            state[name] = junk(draw)
    return state


def message(draw, view, selection):
    """One comm message as ipywidgets takes it from the wire; most make no sense."""
    buffers, kind = [], draw.random()
    if kind < 0.35:
        state = state_of(draw, selection)
        data = draw.choice(
            [
                {"method": "update", "state": {"selection_state": state}},
                {"method": "custom", "content": {"type": "select", "state": state}},
            ]
        )
    elif kind < 0.7:
        names = draw.choices([*view.trait_names(sync=True), *UNKNOWN], k=draw.randint(1, 3))
        data = {"method": "update", "state": {name: junk(draw) for name in names}}
    elif kind < 0.95:
        content = {"type": draw.choice(KINDS) if draw.random() < 0.8 else junk(draw)}
        content |= {name: junk(draw) for name in draw.sample(FIELDS[:-1], draw.randint(0, 3))}
        data = {"method": "custom", "content": content if draw.random() < 0.9 else junk(draw)}
    else:
        state = {"hover": [1]}
        data = {"method": draw.choice(["update", "custom", "request_state", junk(draw)])}
        data |= {"state": state, "buffer_paths": [junk(draw)], "content": junk(draw)}
        buffers = [b"\x00" * 8]
    return {"content": {"data": data}, "buffers": buffers}


def fixed_traits(view):
    """What no page may change and nothing else changes here."""
    names = ("_bundle", "_esm", "protein", "selection_id", "letters", "options", "structure")
    names += ("maps", "tops") if isinstance(view, PairTable) else ()
    return {name: getattr(view, name) for name in names if view.has_trait(name)}


def check_sound(explorer, before):
    selection, length = explorer.selection, len(explorer.protein)
    positions = [*selection.masked, *selection.substitutions, *selection.hover]
    positions += [] if selection.focus is None else [selection.focus]
    positions += [] if selection.pair is None else selection.pair
    assert all(type(i) is int and 0 <= i < length for i in positions)
    assert all(len(letter) == 1 and letter.isupper() for letter in selection.substitutions.values())
    assert selection.pair is None or len(set(selection.pair)) == 2
    assert len(selection.hover) <= 2
    assert type(selection.clock) is int
    assert before <= selection.clock <= before + MOST_AHEAD + 1


def good_message(explorer, view, position):
    state = {**explorer.selection.to_state(), "masked": [position], "pair": None}
    state["substitutions"] = []  # a quiz takes none of a residue that it asks for
    state["clock"] += 1
    send(view, {"content": {"data": {"method": "update", "state": {"selection_state": state}}}})


def send(view, raw):
    view.comm.handle_msg({"buffers": [], **raw})


def bombard(explorer, views, rounds, seed):
    draw = random.Random(seed)
    kept = {view: fixed_traits(view) for view in views}
    sent = 0
    for _ in range(rounds):
        for view in views:
            before = explorer.selection.clock
            send(view, message(draw, view, explorer.selection))
            sent += 1
            check_sound(explorer, before)
            held = view.selection_state  # what holds, or what held before
            assert held == explorer.selection.to_state() or read_state(held, len(explorer.protein))
            assert view.hover == list(explorer.selection.hover)
            assert fixed_traits(view) == kept[view]
            assert len(view.error) <= LONGEST_MESSAGE + 4
    for k, view in enumerate(views):
        state, _, _ = _remove_buffers(view.get_state(drop_defaults=False))
        json.dumps(
            {name: value for name, value in state.items() if name != "layout"},
            allow_nan=False,
            default=str,
        )
        good_message(explorer, view, k)
        assert explorer.selection.masked == {k}, "a good message still works"
        assert view.error == ""
    wait_for(lambda: all(v.selection_state == explorer.selection.to_state() for v in views))
    return sent


def kinds_of(kind):
    return [leaf for sub in kind.__subclasses__() for leaf in kinds_of(sub)] or [kind]


def test_malformed_messages_leave_everything_sound(page, record_property):
    explorer, views = page
    for module in pkgutil.iter_modules(widgets.__path__):
        importlib.import_module(f"{widgets.__name__}.{module.name}")
    # By name: traitlets make a class of the same name where a trait is added.
    kinds = {kind.__name__ for kind in kinds_of(View)} - ALONE
    assert {type(view).__name__ for view in views} == kinds, "a view is left out"
    record_property("messages", bombard(explorer, views, 500, seed=1))


@pytest.mark.stress
def test_many_more_malformed_messages(page, record_property):
    explorer, views = page
    sent = sum(bombard(explorer, views, 2_000, seed) for seed in range(2, 7))
    record_property("messages", sent)


def test_the_page_changes_only_what_it_may(page):
    explorer, views = page
    for view in views:
        own = {name: view.trait_metadata(name, "page") for name in view.trait_names(sync=True)}
        assert own["selection_state"] and own["hover"] and own["presenter"]
        assert not any(own[name] for name in ("_bundle", "_esm", "protein", "error", "answered"))
        code = view._esm
        send(view, {"content": {"data": {"method": "update", "state": {"_esm": "alert(1)"}}}})
        assert view._esm == code
    children = explorer.children
    send(explorer, {"content": {"data": {"method": "update", "state": {"children": []}}}})
    assert explorer.children == children


def test_a_value_that_a_trait_refuses_is_told_and_the_page_hears_what_holds(page):
    explorer, _ = page
    heatmap = explorer.heatmap
    sent = []
    heatmap.comm.send = lambda data=None, **_: sent.append(data)
    heatmap.set_state({"upper": "<img src=x>"})
    assert "no map called '<img src=x>'" in heatmap.error
    assert heatmap.upper == "js_dist_avg"
    assert {"upper": "js_dist_avg"} in [data.get("state") for data in sent]
    heatmap.set_state({"hover": [1]})
    heatmap._receive(heatmap, {"type": "nudge"}, [])
    assert heatmap.error, "pointing at something does not hide the message"
    heatmap.set_state({"upper": "pmi"} if "pmi" in dict(heatmap.options) else {"upper": "js_div"})
    assert heatmap.error == ""


@pytest.mark.parametrize("limits", [[], [1.0], [2.0, 1.0], [math.nan, 1.0], [0.0, math.inf]])
def test_colour_limits_are_two_numbers(page, limits):
    heatmap = page[0].heatmap
    with pytest.raises(t.TraitError, match="two numbers"):
        heatmap.colour_limits = limits
    heatmap.set_state({"colour_limits": limits})
    assert heatmap.colour_limits is None and heatmap.error


@pytest.mark.parametrize("clock", [2**63, 2**53, -1, 10**400, True, 1.5, "7", None])
def test_no_page_can_lock_the_others_out_by_its_clock(page, clock):
    explorer, _ = page
    strip, structure = explorer.strip, explorer.structure
    sent, before = [], explorer.selection.clock
    strip.comm.send = lambda data=None, **_: sent.append(data)
    state = {**explorer.selection.to_state(), "masked": [2], "clock": clock}
    strip.set_state({"selection_state": state})
    assert explorer.selection.masked == frozenset()
    assert explorer.selection.clock <= before + 1
    assert strip.error
    told = [data["state"]["selection_state"] for data in sent if "selection_state" in data["state"]]
    assert told and all(state["masked"] == [] for state in told), "not even another page hears it"
    good_message(explorer, structure, 7)
    assert explorer.selection.masked == {7}
