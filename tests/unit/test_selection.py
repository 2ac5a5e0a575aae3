"""The selection that the views share, and how it travels to the page and back."""

import pytest
from traitlets import TraitError
from view_tools import SEQUENCE, wait_for

from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.sequence_strip import SequenceStrip


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="test")


def test_a_selection_takes_what_a_person_writes(protein):
    selection = Selection(protein)
    selection.masked = [7, 3, 3]
    assert selection.masked == {3, 7}
    selection.masked = "2-4, Q22"
    assert selection.masked == {1, 2, 3, 21}
    selection.masked |= {0}
    assert 0 in selection.masked
    selection.substitutions = "K2W"
    assert selection.substitutions == {1: "W"}
    selection.substitutions = {1: "k", 4: "g"}
    assert selection.substitutions == {4: "G"}, "the wild type is no substitution"
    assert selection.context == Context.of(SEQUENCE, {0, 1, 2, 3, 21}, {4: "G"})
    assert "Q22" in repr(selection)


@pytest.mark.parametrize(
    ("trait", "value", "match"),
    [
        ("masked", {99}, "0 to 21"),
        ("masked", "A999", "999"),
        ("masked", 3.5, "list of whole numbers"),
        ("substitutions", {0: "!"}, "cannot substitute"),
        ("substitutions", {77: "A"}, "out of range"),
        ("focus", -1, "out of range"),
        ("pair", (3, 3), "two different"),
        ("pair", (1, 2, 3), "two different"),
        ("hover", [40], "out of range"),
    ],
)
def test_a_selection_refuses_nonsense_and_stays_as_it_was(protein, trait, value, match):
    selection = Selection(protein)
    selection.masked = {5}
    before = selection.to_state()
    with pytest.raises(TraitError, match=match):
        setattr(selection, trait, value)
    assert selection.to_state() == before


def test_a_change_of_several_things_is_heard_once(protein):
    selection = Selection(protein)
    heard = []
    selection.observe(lambda _: heard.append(selection.to_state()), "clock")
    selection.select_pair(9, 4)
    assert len(heard) == 1
    assert heard[0]["masked"] == [4, 9]
    assert heard[0]["pair"] == [9, 4]
    assert heard[0]["focus"] == 9


def test_undo_and_redo_walk_through_masks_and_substitutions(protein):
    selection = Selection(protein)
    selection.undo()  # nothing to undo: nothing happens
    selection.masked = {1}
    selection.substitutions = {2: "W"}
    selection.focus = 5  # no step of its own
    selection.select_pair(3, 8)
    selection.undo()
    assert (selection.masked, selection.substitutions) == ({1}, {2: "W"})
    selection.undo()
    assert (selection.masked, selection.substitutions) == ({1}, {})
    assert (selection.to_state()["can_undo"], selection.to_state()["can_redo"]) == (True, True)
    selection.redo()
    assert selection.substitutions == {2: "W"}
    selection.undo()
    selection.undo()
    assert selection.masked == frozenset()
    assert not selection.to_state()["can_undo"]
    selection.redo()
    selection.masked = {4}  # a new branch: nothing to redo any more
    assert not selection.to_state()["can_redo"]
    selection.redo()
    assert selection.masked == {4}


def by_message(view, state):
    view._receive(view, {"type": "select", "state": state}, [])


def by_trait(view, state):
    view.set_state({"selection_state": state})


@pytest.mark.parametrize("tell", [by_message, by_trait])
def test_two_views_of_a_selection_stay_in_step(protein, tell):
    selection = Selection(protein)
    one, two = (SequenceStrip(protein, selection=selection) for _ in range(2))
    state = {**selection.to_state(), "masked": [2, 6], "focus": 6, "clock": 1}
    tell(one, state)
    assert selection.masked == {2, 6}
    wait_for(lambda: two.selection_state["masked"] == [2, 6])
    assert two.selection_state["clock"] == selection.clock == 1
    selection.masked = ()
    assert one.selection_state["masked"] == []  # at once: no page knows of it
    one.set_state({"hover": [4]})
    assert selection.hover == (4,)
    assert two.hover == [4]


@pytest.mark.parametrize("tell", [by_message, by_trait])
def test_the_answer_to_a_click_goes_ahead_of_its_echo(protein, monkeypatch, tell):
    monkeypatch.setattr("plmwidgets.widgets.selection.ECHO_SECONDS", 60)
    selection = Selection(protein)
    one, two = (SequenceStrip(protein, selection=selection) for _ in range(2))
    state = {**selection.to_state(), "masked": [2], "clock": 1}
    tell(one, state)
    assert selection.masked == {2}
    assert two.selection_state["masked"] == []  # on the page the views have told each other
    selection.focus = 4  # of a change in Python no page knows
    assert two.selection_state["masked"] == [2]
    assert two.selection_state["focus"] == 4


@pytest.mark.parametrize("tell", [by_message, by_trait])
def test_a_state_that_arrives_late_does_not_undo_a_newer_click(protein, tell):
    selection = Selection(protein)
    strip, other = (SequenceStrip(protein, selection=selection) for _ in range(2))
    first = {**selection.to_state(), "masked": [2], "clock": 1}
    second = {**first, "masked": [2, 3], "clock": 2}  # held back while the kernel is busy
    third = {**first, "masked": [2, 3, 9], "clock": 3}  # the page's next click, in another view
    tell(strip, first)
    tell(other, third)
    tell(strip, second)
    assert selection.masked == {2, 3, 9}
    wait_for(lambda: strip.selection_state == other.selection_state == selection.to_state())


@pytest.mark.parametrize("tell", [by_message, by_trait])
def test_a_click_at_the_same_time_as_a_change_in_python_leaves_all_in_step(protein, tell):
    selection = Selection(protein)
    strip, other = (SequenceStrip(protein, selection=selection) for _ in range(2))
    clicked = {**selection.to_state(), "masked": [5], "clock": 1}
    selection.masked = {8}  # clock 1 as well
    tell(strip, clicked)
    assert selection.masked == {5}
    wait_for(lambda: strip.selection_state == other.selection_state == selection.to_state())
    assert selection.clock == 2, "views take a tie as an echo and follow a later state only"


def test_an_impossible_pair_changes_nothing(protein):
    selection = Selection(protein)
    selection.masked = {5}
    for pair in ((3, 3), (3, 99)):
        with pytest.raises(TraitError):
            selection.select_pair(*pair)
    assert selection.masked == {5}
    assert selection.clock == 1


@pytest.mark.parametrize(
    "state",
    [
        {"masked": [999], "substitutions": [], "focus": None, "pair": None, "clock": 9},
        {"masked": "zzz", "substitutions": [], "focus": None, "pair": None, "clock": 9},
        {"masked": [], "substitutions": [[0, "<b>"]], "focus": None, "pair": None, "clock": 9},
        {"masked": [], "substitutions": 5, "focus": None, "pair": None, "clock": 9},
        {"clock": "x"},
        {"masked": [1], "substitutions": [], "focus": None, "pair": [1, 1], "clock": 3},
    ],
)
@pytest.mark.parametrize("tell", [by_message, by_trait])
def test_a_malformed_state_from_the_page_changes_nothing_and_is_told(protein, state, tell):
    view = SequenceStrip(protein)
    view.selection.masked = {5}
    tell(view, state)
    assert view.selection.masked == {5}
    assert view.error
    assert view.selection_state["masked"] == [5], "the page is told what holds"
    assert view.selection.clock > (state["clock"] if state["clock"] != "x" else 0)
    tell(view, {**view.selection.to_state(), "masked": [1], "clock": 50})
    assert view.selection.masked == {1}
    assert view.error == "", "the message goes when all is well again"


# Live prediction and distributions
