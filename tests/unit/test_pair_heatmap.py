import re

import numpy as np
import pytest
from toy_models import ToyModel
from traitlets import TraitError
from view_tools import decoded

from plmwidgets.map_styles import METRICS, STRUCTURE, robust_limits
from plmwidgets.metrics import PAIR_METRICS, SYMMETRIC_METRICS, apc, separation_zscore
from plmwidgets.protein import Protein
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.start import prepare_pairs, scan_pairs
from plmwidgets.widgets.pair_heatmap import PairHeatmap


@pytest.fixture(scope="module")
def scan():
    scan = scan_pairs(Protein.demo(), ToyModel("heatmap"))
    scan.wait(60)
    return scan


@pytest.fixture
def view(scan):
    view = PairHeatmap(scan)
    yield view
    view.close()


def show(view, name, normalisation):
    view.normalisation, view.upper = normalisation, name
    return view.upper_map


def close_to(shown, want):
    np.testing.assert_allclose(decoded(shown["values"]), want, rtol=1e-5, atol=1e-6)


def test_every_metric_can_be_chosen_and_no_two_are_called_the_same(view):
    assert set(METRICS) == set(PAIR_METRICS)
    labels = [label for _, label in view.options]
    assert len(set(labels)) == len(labels) == len(PAIR_METRICS) + len(STRUCTURE)
    for name in PAIR_METRICS:
        view.upper = view.lower = name
        assert view.lower_map["name"] == name
        assert view.upper_map["directed"] == (name not in SYMMETRIC_METRICS)
        assert view.upper_map["scanned"]
    assert view.error == ""


@pytest.mark.parametrize(
    "name", ["js_dist_avg", "js_div", "perplexity_change", "pmi", "kl_reverse"]
)
def test_apc_corrects_the_mean_of_both_directions(view, scan, name):
    values = scan.values(name)
    shown = show(view, name, "apc")
    close_to(shown, apc((values + values.T) / 2))
    assert shown["kind"] == "diverging"
    assert shown["unit"] == METRICS[name][1]
    assert not shown["directed"]
    assert "(mean), APC" in shown["label"]
    assert "directed" not in shown["label"]
    assert shown["limits"] == pytest.approx(
        robust_limits(apc((values + values.T) / 2), "diverging")
    )


@pytest.mark.parametrize("name", ["js_dist_avg", "js_dist", "entropy_change", "order_residual"])
def test_the_z_score_is_among_pairs_of_one_separation(view, scan, name):
    shown = show(view, name, "separation_z")
    close_to(shown, separation_zscore(scan.values(name)))
    assert shown["unit"] == ""
    assert shown["kind"] == "diverging"
    assert shown["label"] == f"{METRICS[name][0]}, z-score by separation"
    assert shown["limits"][0] == -shown["limits"][1]


@pytest.mark.parametrize(
    ("name", "normalisation"), [("argmax_change", "separation_z"), ("order_residual", "apc")]
)
def test_where_a_normalisation_makes_no_sense_the_label_says_so(view, scan, name, normalisation):
    shown = show(view, name, normalisation)
    close_to(shown, scan.values(name))
    assert shown["label"] == f"{METRICS[name][0]}, not normalised"
    assert not shown["normalised"]
    assert (shown["unit"], shown["kind"]) == METRICS[name][1:]


def test_normalising_leaves_the_structure_alone_and_forgets_the_limits(view):
    below = view.lower_map
    assert below["name"] == "contacts"
    view.colour_limits = [0.1, 0.2]
    view.normalisation = "separation_z"
    assert view.colour_limits is None
    assert view.lower_map is below
    assert view.upper_map["normalised"]


def test_the_noise_floor_belongs_to_the_plain_values(view, scan):
    scan.provenance["noise_floor"] = 0.01
    try:
        assert show(view, "js_div", "none")["floor"] == pytest.approx(1e-4)
        assert show(view, "js_div", "apc")["floor"] is None
    finally:
        del scan.provenance["noise_floor"]


def test_only_known_normalisations(view):
    with pytest.raises(TraitError, match="choose from none, apc, separation_z"):
        view.normalisation = "zscore"
    assert [name for name, _ in view.normalisations] == ["none", "apc", "separation_z"]


def test_the_inverse_distance_is_that_of_the_ca_atoms(view, scan):
    view.lower = "inverse_ca_distance"
    between = scan.protein.distance_map("CA")
    shown = decoded(view.lower_map["values"])
    assert np.isnan(shown.diagonal()).all()
    off = ~np.eye(len(between), dtype=bool)
    np.testing.assert_allclose(shown[off], 1 / between[off], rtol=1e-6)
    assert view.lower_map["unit"] == "1/Å"
    assert view.lower_map["limits"] == [0, pytest.approx(np.quantile(1 / between[off], 0.995))]
    assert not view.lower_map["scanned"]


def test_estimated_pairs_are_told_to_the_page(scan):
    view = PairHeatmap(scan)
    assert view.estimated is None
    scan.origin[3, 9] = scan.origin[9, 3] = Origin.ESTIMATED
    try:
        view._show_scan()
        assert np.argwhere(decoded(view.estimated)).tolist() == [[3, 9], [9, 3]]
    finally:
        scan.origin[3, 9] = scan.origin[9, 3] = Origin.EXACT
        view.close()


def test_a_region_drawn_on_the_map_comes_first_until_it_is_computed():
    scan = prepare_pairs(Protein.demo(), ToyModel("region"))
    view = PairHeatmap(scan)
    view._handle_custom_msg({"type": "prioritise", "rows": [2, 9], "columns": [40, 50]}, [])
    assert view.error == ""
    assert view.region == {"rows": [2, 9], "columns": [40, 50]}
    assert scan.prioritised.columns == (40, 50)
    scan.start()
    scan.wait(60)
    assert scan.prioritised is None
    view._show_scan()
    assert view.region is None
    assert view.progress["status"] == "finished"
    view.close()


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [
        ([5, 2], [0, 3], "rows of a region are its first and last residue"),
        ([0, 3], [0, 64], "columns .* counted from 0 to 63.*not \\[0, 64\\]"),
        ([0, 3], [-1, 3], "columns"),
        ([0, 3], None, "not None"),
        ([0.0, 3.5], [0, 3], "rows"),
        ([0, 1, 2], [0, 3], "rows"),
        ([True, 3], [0, 3], "rows"),
        ("ab", [0, 3], "rows"),
    ],
)
def test_a_bad_region_is_an_error_in_words(view, rows, columns, said):
    view._handle_custom_msg({"type": "prioritise", "rows": rows, "columns": columns}, [])
    assert re.search(said, view.error)
    assert view.region is None
    view._handle_custom_msg({"type": "prioritise", "rows": [0, 1], "columns": [3, 4]}, [])
    assert view.error == "", "a finished scan takes no notice"
    assert view.region is None
