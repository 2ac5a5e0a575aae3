"""Joint distributions of two hidden residues against closed forms."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import entropy
from toy_models import ToyModel

from plmwidgets import Protein, joint, load_model, scan_pairs
from plmwidgets.alphabet import AMINO_ACIDS


@pytest.fixture(scope="module")
def potts():
    return load_model("potts-demo")


def exact_joint(potts, sequence, i, j):
    """The 20 x 20 softmax of the energy of the two residues, the others as they are."""
    columns = np.array([AMINO_ACIDS.index(letter) for letter in sequence])
    energy = potts.fields[i][:, None] + potts.fields[j][None, :]
    for (a, b), coupling in zip(potts.edges.tolist(), potts.couplings, strict=True):
        if (a, b) == (min(i, j), max(i, j)):
            energy = energy + (coupling if a == i else coupling.T)
        elif i in (a, b):
            other = columns[b if a == i else a]
            energy = energy + (coupling[:, other] if a == i else coupling[other])[:, None]
        elif j in (a, b):
            other = columns[b if a == j else a]
            energy = energy + (coupling[:, other] if a == j else coupling[other])[None, :]
    return np.exp(energy - logsumexp(energy))


@pytest.mark.parametrize("pair", [(3, 58), (58, 3), (0, 40), (20, 21)])
def test_both_orders_equal_the_potts_joint(potts, pair):
    protein = Protein.demo()
    found = joint(protein, potts, *pair)
    exact = exact_joint(potts, protein.sequence, *pair)
    for order in ("i first", "j first", "mean"):
        np.testing.assert_allclose(found.table(order).to_numpy(), exact, atol=1e-12)
    rows, columns = exact.sum(axis=1), exact.sum(axis=0)
    information = entropy(rows, base=2) + entropy(columns, base=2) - entropy(exact.ravel(), base=2)
    assert found.mutual_information() == pytest.approx(information, abs=1e-9)
    assert found.disagreement < 1e-6


def test_information_is_larger_where_residues_touch(potts):
    protein = Protein.demo()
    (i, j), *_ = scan_top(protein, potts)
    assert joint(protein, potts, i, j).mutual_information() > 0.01
    assert joint(protein, potts, 0, 40).mutual_information() < 1e-9


def scan_top(protein, model):
    scan = scan_pairs(protein, model)
    scan.wait(60)
    return scan.top_pairs(1)[["position_i", "position_j"]].to_numpy().tolist()


def test_tables_of_a_language_model():
    protein, model = Protein.demo(), load_model("demo")
    found = joint(protein, model, 3, 58)
    both = scan_pairs(protein, model, positions=(3, 58))
    both.wait(60)
    np.testing.assert_allclose(
        found.table("i first").sum(axis=1), np.exp(both.log_probabilities[3, 58]), atol=1e-5
    )
    np.testing.assert_allclose(
        found.table("j first").sum(axis=0), np.exp(both.log_probabilities[58, 3]), atol=1e-5
    )
    assert 0 < found.disagreement < 0.5
    table = found.table()
    assert table.index.name == protein.residue_labels[3]
    assert table.columns.name == protein.residue_labels[58]
    assert list(table.index) == list(AMINO_ACIDS)
    assert "bits of mutual information" in repr(found)


def test_what_cannot_be_is_refused():
    model = ToyModel("joint")
    with pytest.raises(ValueError, match="two different positions"):
        joint("MKTAYIAK", model, 3, 3)
    with pytest.raises(IndexError, match="out of range"):
        joint("MKTAYIAK", model, 3, 8)
    with pytest.raises(IndexError, match="out of range"):
        joint("MKTAYIAK", model, 3, 1.5)
    with pytest.raises(ValueError, match="names M at 2, but that residue is K2"):
        joint("MKTAYIAK", model, 3, "M2")
    with pytest.raises(ValueError, match="names 2 residues: name one"):
        joint("MKTAYIAK", model, 3, "1-2")
    labelled = joint("MKTAYIAK", model, "M1", 2.0)
    assert (labelled.i, labelled.j, type(labelled.j)) == (0, 2, int)
    np.testing.assert_array_equal(labelled.table(), joint("MKTAYIAK", model, 0, 2).table())
    with pytest.raises(ValueError, match="unknown order 'ij'"):
        joint("MKTAYIAK", model, 3, 5).table("ij")
