"""Handing over to nglview, and a person's own nglview widget linked to a selection."""

import nglview
import pytest
from structure_inputs import peptide, write_atoms

import plmwidgets as plm


@pytest.fixture(scope="module")
def protein():
    return plm.Protein.demo()


@pytest.fixture
def antibody(tmp_path):
    """A file of chain H, numbered 23, 24, 25, 25A, 25B, 26, ... 32, and its protein."""
    numbers = [23, 24, 25, 25, 25, 26, 27, 28, 29, 30, 31, 32]
    codes = ["", "", "", "A", "B"] + [""] * 7
    path = write_atoms(tmp_path / "fab.cif", peptide("AGLPSMWAGLPS", numbers, codes, "H"))
    return path, plm.Protein.from_file(path)


def sent(view, since=0):
    """What the widget tells the page once it is displayed."""
    return [call._ngl_msg for call in view._callbacks_before_loaded[since:]]


def drawn(view):
    """What is drawn then, by kind: what was added, less what was removed by name."""
    marks = {}
    for message in sent(view):
        arguments, parameters = message["args"], message["kwargs"]
        if message["methodName"] == "removeRepresentationsByName":
            marks.pop(arguments[0], None)
        elif message["methodName"] == "addRepresentation":
            marks[parameters.get("name", arguments[0])] = (arguments[0], parameters)
    return dict(marks.values())


def masked_in(view):
    return drawn(view)["spacefill"]["sele"]


def pick(view, name, component=0):
    view.picked = {}  # as the widget does between two picks
    view.picked = {"atom1": {"name": name}, "component": component}


def test_masks_and_the_pair_are_marked(protein):
    view = plm.to_nglview(protein)
    selection = plm.Selection(protein)
    selection.masked = {3}
    plm.link_nglview(view, selection)
    assert masked_in(view) == "(4:A) and sidechainAttached"
    selection.masked = {7, 3}
    assert masked_in(view) == "(4:A or 8:A) and sidechainAttached"
    assert "distance" not in drawn(view)
    contacts = protein.contact_map()
    for pair, shade in (((0, 2), "#0073b2"), ((0, 60), "#d65e00")):
        assert contacts[pair] == (shade == "#0073b2")
        selection.select_pair(*pair)
        line = drawn(view)["distance"]
        assert line["atomPair"] == [[f"{k + 1}:A and .CA" for k in pair]]
        assert line["color"] == shade
    selection.clear()
    assert drawn(view).keys() == {"cartoon"}


def test_a_click_costs_two_small_messages(protein):
    """The widget's archive is a trait and holds the structure: it must not be sent again."""
    view = plm.to_nglview(protein)
    selection = plm.Selection(protein)
    plm.link_nglview(view, selection)
    archived = []
    view.observe(archived.append, "_ngl_msg_archive")
    before = len(sent(view))
    selection.masked = {1, 2}
    selection.focus = 5  # marks nothing
    removed, added = sent(view, before)
    assert removed["args"][0] == added["kwargs"]["name"]
    assert len(str([removed, added])) < 600
    selection.masked = ()
    assert len(sent(view, before)) == 3
    assert archived == []


def test_a_second_display_can_take_the_names_of_the_marks_for_types(protein):
    """It builds what ``_ngl_repr_dict`` names, and NGL's types are all of small letters."""
    view = plm.to_nglview(protein)
    selection = plm.Selection(protein)
    plm.link_nglview(view, selection)
    selection.select_pair(5, 10)
    marks = {kind: mark["name"] for kind, mark in drawn(view).items() if "name" in mark}
    assert marks.keys() == {"spacefill", "distance"}
    for kind, name in marks.items():
        assert name.lower() == kind
        assert name != kind


def test_picks_toggle_masks(protein):
    view = plm.to_nglview(protein)
    selection = plm.Selection(protein)
    plm.link_nglview(view, selection)
    selection.select_pair(10, 20)
    pick(view, "[ALA]31:A.CA")
    assert selection.masked == {10, 20, 30}
    assert (selection.focus, selection.pair) == (30, None)
    pick(view, "[ALA]31:A.CB")
    pick(view, "[ALA]11:A.N")
    assert selection.masked == {20}
    for name in ("[HOH]301:A.O", "[ALA]31:B.CA", "", "shape"):
        pick(view, name)
    pick(view, "[ALA]31:A.CA", component=1)
    assert selection.masked == {20}
    selection.undo()
    assert selection.masked == {10, 20}


def test_numbers_and_chain_are_those_that_the_widget_shows(antibody):
    path, protein = antibody
    selection = plm.Selection(protein)
    view = nglview.show_file(str(path))
    plm.link_nglview(view, selection)
    selection.masked = "25A, 26"
    assert masked_in(view) == "(25^A:H or 26:H) and sidechainAttached"
    pick(view, "[SER]25^B:H.CA")
    assert selection.masked == {3, 4, 5}
    # the same protein handed over is numbered by position, and works as well
    other = plm.to_nglview(protein)
    plm.link_nglview(other, selection)
    assert masked_in(other) == "(4:A or 5:A or 6:A) and sidechainAttached"


def test_what_the_widget_fetched_itself_is_taken_to_be_numbered_like_the_protein(antibody):
    view = nglview.NGLWidget()
    view.add_component("https://files.example/fab.cif")
    selection = plm.Selection(antibody[1])
    plm.link_nglview(view, selection, chain="Q")
    selection.masked = {3}
    assert masked_in(view) == "(25^A:Q) and sidechainAttached"
    with pytest.raises(ValueError, match=r"has no structure.*nglview\.show_file"):
        plm.link_nglview(view, plm.Selection(plm.Protein("AGLPSMWAGLPS")))


def test_a_sequence_without_structure_is_placed_on_what_the_widget_shows(antibody):
    selection = plm.Selection(plm.Protein("GLPSMWAGLP"))
    view = nglview.show_file(str(antibody[0]))
    plm.link_nglview(view, selection)
    selection.select_pair(0, 2)
    assert masked_in(view) == "(24:H or 25^A:H) and sidechainAttached"
    assert drawn(view)["distance"]["color"] == "#808080"  # whether a contact is not known


def test_unlinking(protein):
    view = plm.to_nglview(protein)
    selection = plm.Selection(protein)
    link = plm.link_nglview(view, selection)
    selection.masked = {3}
    link.unlink()
    link.unlink()
    assert drawn(view).keys() == {"cartoon"}
    before = len(sent(view))
    selection.masked = {4}
    pick(view, "[ALA]31:A.CA")
    assert selection.masked == {4}
    assert len(sent(view)) == before


def test_what_cannot_be_linked(protein, antibody):
    selection = plm.Selection(protein)
    with pytest.raises(TypeError, match="nglview widget, not str"):
        plm.link_nglview("1u19", selection)
    view = nglview.show_file(str(antibody[0]))
    with pytest.raises(ValueError, match=r"does not show demo: .*component= and chain="):
        plm.link_nglview(view, selection)
    with pytest.raises(IndexError, match="holds 1 components, counted from 0: there is no 1"):
        plm.link_nglview(view, selection, component=1)


def test_the_version_that_draws_nothing_is_refused(protein, monkeypatch):
    view = plm.to_nglview(protein)
    monkeypatch.setattr(nglview, "__version__", "4.0.1")
    for call in (
        lambda: plm.to_nglview(protein),
        lambda: plm.link_nglview(view, plm.Selection(protein)),
    ):
        with pytest.raises(RuntimeError, match=r"nglview 4\.0\.1 .*pip install 'nglview!=4\.0\.1'"):
            call()
