"""Projections: principal components against scikit-learn's, UMAP as it is, and bad input."""

import sys

import numpy as np
import pytest
from sklearn.decomposition import PCA
from test_embeddings import StateModel, finished

from plmwidgets import Protein, embed, projection
from plmwidgets.methods.embeddings.projection import principal_components

SEQUENCE = "MKTAYIAKQRLGWDE"


@pytest.mark.parametrize("shape", [(40, 7), (5, 30), (2, 3), (300, 20)])
def test_principal_components_are_those_of_sklearn(shape):
    values = np.random.default_rng(shape[0]).normal(size=shape) * np.arange(1, shape[1] + 1)
    coordinates, variance = principal_components(values)
    reference = PCA(n_components=2).fit(values)
    expected = reference.transform(values)
    expected *= np.sign((expected * coordinates).sum(axis=0))
    np.testing.assert_allclose(coordinates, expected, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(variance, reference.explained_variance_ratio_, atol=1e-12)


def test_the_sign_is_fixed_and_points_that_are_one_have_no_variance():
    values = np.random.default_rng(0).normal(size=(20, 5))
    # Mirrored axes give mirrored directions, and so the same picture.
    order = np.random.default_rng(1).permutation(20)
    first, _ = principal_components(values)
    second, _ = principal_components(values[order])
    np.testing.assert_allclose(second, first[order], atol=1e-12)
    coordinates, variance = principal_components(np.ones((4, 3)))
    assert not coordinates.any()
    assert not variance.any()


def test_residues_of_one_protein_or_sequences_of_several():
    found = finished(Protein(SEQUENCE, "a"), StateModel("projected"), layers=[1, 3])
    residues = projection(found, layer=1)
    assert (residues.unit, residues.layer, residues.labels[4]) == ("residue", 1, "Y5")
    expected, variance = principal_components(found.residues(0, 1).astype(float))
    np.testing.assert_array_equal(residues.coordinates, expected)
    np.testing.assert_array_equal(residues.to_pandas(), expected)
    assert residues.axes[0] == f"PC1 ({variance[0]:.1%} of the variance)"
    assert repr(residues) == (
        f"Projection(pca, 15 residues, layer 1, {variance.sum():.1%} of the variance)"
    )
    several = finished(["MKT", "MKV", "MKLA"], StateModel("projected several"))
    sequences = projection(several)
    assert (sequences.unit, sequences.labels[2]) == ("sequence", "sequence 3")
    assert projection(several, which=2).unit == "residue"


@pytest.mark.slow
def test_umap_is_repeatable():
    pytest.importorskip("umap")
    found = embed(Protein.demo(), "demo")
    found.wait(30, quiet=True)
    first, again = (projection(found, "umap", seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.coordinates, again.coordinates)
    assert first.explained_variance is None
    assert first.axes == ("UMAP 1", "UMAP 2")
    assert first.provenance["projection"] == {"method": "umap", "neighbors": 15, "seed": 3}
    few = finished(SEQUENCE[:5], StateModel("few"))
    assert np.isfinite(projection(few, "umap").coordinates).all()


@pytest.mark.parametrize(
    ("sequence", "options", "words"),
    [
        (SEQUENCE, {"method": "tsne"}, "unknown method 'tsne': use 'pca' or 'umap'"),
        (SEQUENCE, {"neighbors": 3}, "neighbors= is for method='umap'"),
        (SEQUENCE, {"method": "umap", "neighbors": 15}, "of 15 residues each has 14 others"),
        (SEQUENCE, {"method": "umap", "neighbors": 1.5}, "whole number, at least 2"),
        (SEQUENCE, {"method": "umap", "seed": -1}, "seed=-1: it is a whole number, at least 0"),
        (SEQUENCE, {"method": "umap", "seed": 2**40}, "seed=1099511627776: .* 2.*32 - 1"),
        ("M", {}, "PCA needs at least 2 residues, and 1 is there"),
        ("MKTA", {"method": "umap"}, "UMAP needs at least 5 residues, and 4 are there"),
    ],
)
def test_bad_input_is_told(sequence, options, words):
    found = finished(sequence, StateModel("bad projections"))
    with pytest.raises(ValueError, match=words):
        projection(found, **options)


@pytest.mark.parametrize("given", [None, Protein(SEQUENCE), np.zeros((5, 3))])
def test_what_are_no_embeddings_is_told(given):
    with pytest.raises(TypeError, match=r"projection takes what embed\(proteins, model\) returns"):
        projection(given)


def test_a_missing_package_is_named(monkeypatch):
    found = finished(SEQUENCE, StateModel("no umap"))
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match=r"pip install 'plmwidgets\[umap\]', or use method='pca'"):
        projection(found, "umap")
