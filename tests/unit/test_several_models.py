"""One map of several models: whose scan each half shows, on one scale."""

import numpy as np
import pandas as pd
import pytest
from toy_models import ToyModel
from traitlets import TraitError
from view_tools import decoded

from plmwidgets.comparison import Comparison
from plmwidgets.map_styles import robust_limits
from plmwidgets.protein import Protein
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.start import prepare_pairs, scan_pairs
from plmwidgets.widgets.pair_heatmap import PairHeatmap


@pytest.fixture(scope="module")
def scans():
    scans = {name: scan_pairs(Protein.demo(), ToyModel(name)) for name in ("8M", "35M", "150M")}
    for scan in scans.values():
        scan.wait(60)
    return scans


@pytest.fixture
def view(scans):
    view = PairHeatmap(scans, lower="js_dist_avg")
    yield view
    view.close()


def test_each_half_shows_the_scan_that_was_chosen(view, scans):
    assert view.models == ["8M", "35M", "150M"]
    assert (view.upper_model, view.lower_model) == ("8M", "8M")
    view.upper_model, view.lower_model = "150M", "35M"
    for half, name in (("upper", "150M"), ("lower", "35M")):
        shown = getattr(view, f"{half}_map")
        np.testing.assert_allclose(
            decoded(shown["values"]), scans[name].values("js_dist_avg"), rtol=1e-6
        )
        assert shown["model"] == name
        assert shown["label"] == f"JS distance (mean), {name}"
    pd.testing.assert_frame_equal(view.to_pandas(), scans["150M"].to_pandas())


@pytest.mark.parametrize("metric", ["js_dist_avg", "perplexity_change"])
def test_all_models_are_drawn_on_one_scale(view, scans, metric):
    view.upper = metric
    kind = view.upper_map["kind"]
    ends = [robust_limits(scan.values(metric), kind) for scan in scans.values()]
    want = [min(low for low, _ in ends), max(high for _, high in ends)]
    for name in view.models:
        view.upper_model = name
        assert view.upper_map["limits"] == pytest.approx(want)


def test_the_structure_is_of_no_model(view):
    view.lower = "contacts"
    assert view.lower_map["model"] == ""
    assert "8M" not in view.lower_map["label"]


def test_a_scale_follows_a_scan_that_goes_on(scans):
    late = prepare_pairs(Protein.demo(), ToyModel("late"))
    view = PairHeatmap({"8M": scans["8M"], "late": late})
    before = view.upper_map["limits"]
    assert before == pytest.approx(robust_limits(scans["8M"].values("js_dist_avg"), "sequential"))
    late.start()
    late.wait(60)
    view.upper_model = "late"
    view.upper_model = "8M"
    other = robust_limits(late.values("js_dist_avg"), "sequential")
    assert view.upper_map["limits"] == pytest.approx([0, max(before[1], other[1])])
    view.close()


def test_what_is_estimated_is_told_of_each_half(scans):
    first, second = (prepare_pairs(Protein.demo(), ToyModel(name)) for name in ("first", "second"))
    first.origin[2, 9] = first.origin[9, 2] = Origin.ESTIMATED
    second.origin[5, 6] = second.origin[6, 5] = Origin.ESTIMATED
    view = PairHeatmap([first, second], lower="js_dist_avg")
    view.lower_model = "second"
    marked = np.argwhere(decoded(view.estimated))
    assert marked.tolist() == [[2, 9], [6, 5]]
    view.close()


def test_a_comparison_makes_such_a_map(scans):
    view = Comparison(scans).heatmap(upper="js_div")
    assert view.models == list(scans)
    assert view.upper == "js_div"
    view.close()


def test_what_does_not_fit_is_refused(view, scans):
    with pytest.raises(TraitError, match="no scan of a model '3B': choose from 8M, 35M, 150M"):
        view.upper_model = "3B"
    assert view.upper_model == "8M"
    other = scan_pairs("MKTAYIAKQRQ", ToyModel("other protein"))
    with pytest.raises(ValueError, match="different proteins"):
        PairHeatmap([scans["8M"], other])
    with pytest.raises(ValueError, match="two scans are of a model called '8M'"):
        PairHeatmap([scans["8M"], scans["8M"]])
    other.wait(60)
