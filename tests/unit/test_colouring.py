"""Colours that neither the prediction nor a scan changes: of the structure, or a person's own."""

import json

import numpy as np
import pytest
from toy_models import ToyModel
from traitlets import TraitError

from plmwidgets.offline.record import record_of
from plmwidgets.protein import Protein
from plmwidgets.widgets.explorer import Explorer
from plmwidgets.widgets.sequence_strip import SequenceStrip
from plmwidgets.widgets.structure_view import StructureView


@pytest.fixture
def protein():
    return Protein.demo()


def shown(view):
    return np.frombuffer(view.values["data"], np.float32)


def names(view):
    return [name for name, _ in view.colour_options]


def test_numbers_of_ones_own_colour_the_residues(protein):
    view = StructureView(protein)
    numbers = np.linspace(2, 5, len(protein))
    numbers[7] = np.nan
    view.colour(numbers, "conservation")
    np.testing.assert_allclose(shown(view), numbers.astype(np.float32))
    assert (view.colour_by, view.value_label) == ("conservation", "conservation")
    assert (view.value_range, view.value_kind) == ([2.0, 5.0], "sequential")
    view.colour_by = "chemistry"
    view.colour(-numbers + 4, "conservation")  # both signs now
    assert view.colour_by == "conservation"
    assert (view.value_range, view.value_kind) == ([-2.0, 2.0], "diverging")
    assert names(view).count("conservation") == 1
    view.colour(numbers, "conservation", limits=(-2, 9))
    assert view.value_range == [-2, 9]
    with pytest.raises(ValueError, match="low < high"):
        view.colour(numbers, "conservation", limits=(9, 9))
    view.colour([0.0] * len(protein), "conservation")
    assert view.value_range == [0.0, 0.0]
    assert view.value_kind == "sequential"
    np.testing.assert_array_equal(shown(view), 0)


def test_classes_of_ones_own_colour_the_residues(protein):
    view = SequenceStrip(protein)
    numbers = np.arange(len(protein)) % 2.0
    numbers[3] = np.nan
    view.colour(numbers, "side", classes=["left", "right"])
    np.testing.assert_array_equal(shown(view), numbers)
    assert (view.value_kind, view.value_classes) == ("classes", ["left", "right"])
    assert view.to_pandas()["value"][:3].tolist() == ["left", "right", "left"]
    assert view.to_pandas()["value"].isna().tolist() == np.isnan(numbers).tolist()
    view.colour(numbers, "number")
    assert (view.value_kind, view.value_classes) == ("sequential", [])
    for bad in (numbers + 1, numbers / 2, -numbers):
        with pytest.raises(ValueError, match="0 to 1, and NaN"):
            view.colour(bad, "side", classes=["left", "right"])
    with pytest.raises(ValueError, match="join the rare ones"):
        view.colour(numbers, "side", classes=list("abcdefghi"))
    assert view.colour_by == "number"


def test_what_is_shown_goes_to_pandas(protein):
    view = StructureView(protein)
    view.selection.masked = {2, 5}
    assert view.to_pandas()["value"].isna().all()
    assert view.to_pandas().attrs["label"] == "chemistry"
    numbers = np.arange(len(protein)) / 7
    view.colour(numbers, "conservation")
    table = view.to_pandas()
    np.testing.assert_array_equal(table["value"], numbers)
    assert table.index[table["masked"]].tolist() == [protein.residue_labels[i] for i in (2, 5)]
    assert table.loc[protein.residue_labels[9], "position"] == 9
    assert table.attrs["label"] == "conservation"


@pytest.mark.parametrize(
    ("values", "label", "match"),
    [
        ([1, 2, 3], "x", r"one number a residue, shape \(64,\), not \(3,\)"),
        (np.zeros((64, 2)), "x", "one number a residue"),
        (np.zeros(64), " ", "need a label"),
        (np.zeros(64), "perplexity", "name of other colours"),
        (["a"] * 64, "x", "could not convert"),
    ],
)
def test_what_is_no_scalar_is_refused_and_changes_nothing(protein, values, label, match):
    strip = SequenceStrip(protein)
    with pytest.raises(ValueError, match=match):
        strip.colour(values, label)
    assert strip.colour_by == "chemistry"
    assert names(strip) == ["chemistry"]
    with pytest.raises(TraitError, match="colour_by is one of"):
        strip.colour_by = "x"


def test_b_factors_are_offered_where_they_tell_something(protein):
    assert "b_factor" not in names(StructureView(protein))  # all the same in the toy
    atoms = protein.structure.atoms
    given = np.where(atoms.atom_name == "CA", 10.0 + atoms.position, 99.0)
    atoms.set_annotation("b_factor", given)
    del protein.structure.__dict__["b_factors"]
    view = StructureView(protein)
    view.colour_by = "b_factor"
    np.testing.assert_array_equal(shown(view), 10.0 + np.arange(len(protein)))
    assert view.value_range == [10.0, 10.0 + len(protein) - 1]


def test_the_explorer_colours_both_views_and_its_page_keeps_them(protein):
    explorer = Explorer(protein, ToyModel("colours"))
    numbers = np.sin(np.arange(len(protein)))
    explorer.colour(numbers, "hydropathy")
    assert explorer.strip.colour_by == explorer.structure.colour_by == "hydropathy"
    record = record_of(explorer, singles=False, contexts=[])
    assert record["colours"]["hydropathy"]["kind"] == "diverging"
    assert record["views"]["sequence_strip"]["colour_by"] == "hydropathy"
    assert ["hydropathy", "hydropathy"] in record["views"]["structure_view"]["colour_options"]
    json.dumps(record)
    explorer.close()
