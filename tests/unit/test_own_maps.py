"""Maps that people bring themselves, in the heatmap and as pairs in 3D."""

import numpy as np
import pytest
from toy_models import ToyModel
from view_tools import decoded

from plmwidgets.protein import Protein
from plmwidgets.scan.start import prepare_pairs
from plmwidgets.widgets.pair_heatmap import PairHeatmap
from plmwidgets.widgets.structure_view import StructureView


@pytest.fixture
def protein():
    return Protein.demo()


@pytest.fixture
def scores(protein):
    return np.random.default_rng(0).normal(size=(len(protein), len(protein)))


def test_a_map_beside_those_of_a_scan(protein, scores):
    view = PairHeatmap(prepare_pairs(protein, ToyModel("own")))
    view.add_map("mine", scores, label="Coupling", unit="nats")
    assert ["mine", "Coupling"] in view.options
    view.upper = "mine"
    assert (view.upper_map["label"], view.upper_map["unit"]) == ("Coupling", "nats")
    assert (view.upper_map["kind"], view.upper_map["directed"]) == ("diverging", True)
    np.testing.assert_allclose(decoded(view.upper_map["values"]), scores, rtol=1e-6)
    view.add_map("mine", scores, limits=(-5.0, 5.0))
    assert view.upper_map["limits"] == [-5.0, 5.0]
    view.add_map("mine", abs(scores + scores.T))
    assert view.upper_map["limits"][0] == 0.0
    assert (view.upper_map["kind"], view.upper_map["directed"]) == ("sequential", False)


def test_maps_without_a_scan(protein, scores):
    view = PairHeatmap(protein, maps={"jacobian": scores, "attention": scores.T})
    assert (view.upper, view.lower) == ("jacobian", "contacts")
    assert view.models == []
    assert (view.region, view.progress) == (None, None)  # what the page reads as: no scan
    assert not any(name == "js_dist_avg" for name, _ in view.options)
    with pytest.raises(RuntimeError, match="no scan"):
        view.to_pandas()
    bare = PairHeatmap(Protein(protein.sequence), maps={"jacobian": scores})
    assert (bare.upper, bare.lower) == ("jacobian", "jacobian")


def test_maps_that_cannot_be_shown(protein, scores):
    view = PairHeatmap(protein, maps={"mine": scores})
    with pytest.raises(ValueError, match=r"shape \(64, 64\), not \(63, 64\)"):
        view.add_map("other", scores[1:])
    with pytest.raises(ValueError, match="name of another map"):
        view.add_map("contacts", scores)
    with pytest.raises(ValueError, match="unknown kind"):
        view.add_map("other", scores, kind="rainbow")
    with pytest.raises(ValueError, match="no map"):
        PairHeatmap(Protein(protein.sequence))


def test_pairs_of_somebody_elses_scores_in_3d(protein, scores):
    view = StructureView(protein)
    view.show_pairs(scores, top_k=3)
    mean = np.triu(scores + scores.T, 6)
    best = [tuple(np.unravel_index(k, mean.shape)) for k in np.argsort(-mean, axis=None)[:3]]
    assert [tuple(pair[:2]) for pair in view.pairs] == best
    assert [pair[2] for pair in view.pairs] == [bool(protein.contact_map()[p]) for p in best]
    view.show_pairs(None)
    assert (view.pairs, view.top_k, view.top_k_max) == ([], 0, 0)
    with pytest.raises(ValueError, match="shape"):
        view.show_pairs(scores[0])


def test_maps_of_no_scan_tell_the_page_of_none():
    view = PairHeatmap(Protein.demo())
    assert view.region is None
    assert view.progress is None
