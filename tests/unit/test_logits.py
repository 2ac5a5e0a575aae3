"""Published logits opened as scans."""

from itertools import combinations

import numpy as np
import pytest
from esm.data import Alphabet
from result_tools import LENGTH, SEQUENCE
from scipy.special import softmax

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.protein import Protein
from plmwidgets.scan.logits import ESM2_VOCABULARY
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.single import SingleScan


@pytest.fixture
def protein():
    return Protein(SEQUENCE, name="toy")


@pytest.fixture
def logits():
    rng = np.random.default_rng(7)
    single = 3 * rng.normal(size=(LENGTH, 33))
    double = 3 * rng.normal(size=(LENGTH * (LENGTH - 1) // 2, 2, 33))
    return single.astype(np.float32), double.astype(np.float32)


def test_default_vocabulary_is_that_of_fair_esm():
    assert list(ESM2_VOCABULARY) == Alphabet.from_architecture("ESM-1b").all_toks


def test_logits_against_a_direct_computation(protein, logits):
    single, double = logits
    tokens = Alphabet.from_architecture("ESM-1b").tok_to_idx
    columns = [tokens[letter] for letter in AMINO_ACIDS]
    scan = PairScan.from_logits(protein, single, double)
    np.testing.assert_allclose(
        scan.single.probabilities, softmax(single[:, columns].astype(float), -1), atol=1e-14
    )
    for row, (i, j) in enumerate(combinations(range(LENGTH), 2)):
        for k, (a, b) in enumerate([(i, j), (j, i)]):
            expected = softmax(double[row, k, columns].astype(float))
            np.testing.assert_allclose(
                np.exp(scan.log_probabilities[a, b]), expected, atol=1e-14, err_msg=f"{a, b}"
            )
    assert scan.pairs_computed == scan.pairs_total == 45
    assert np.isnan(scan.log_probabilities[range(LENGTH), range(LENGTH)]).all()


def test_logits_in_another_vocabulary(protein, logits):
    single, double = logits
    order = np.random.default_rng(1).permutation(33)
    vocabulary = [ESM2_VOCABULARY[k] for k in order]
    usual = PairScan.from_logits(protein, single, double)
    shuffled = PairScan.from_logits(protein, single[:, order], double[..., order], vocabulary)
    np.testing.assert_array_equal(shuffled.log_probabilities, usual.log_probabilities)
    np.testing.assert_array_equal(shuffled.single.log_probabilities, usual.single.log_probabilities)
    just_twenty = SingleScan.from_logits(protein, single[:, :20], vocabulary=AMINO_ACIDS)
    np.testing.assert_allclose(
        just_twenty.probabilities, softmax(single[:, :20].astype(float), -1), atol=1e-14
    )


def test_mass_on_other_tokens_does_not_count(protein, logits):
    single, _ = logits
    loud = single.copy()
    loud[:, ESM2_VOCABULARY.index("<eos>")] = 1e4
    np.testing.assert_array_equal(
        SingleScan.from_logits(protein, loud).probabilities,
        SingleScan.from_logits(protein, single).probabilities,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: np.pad(x, ((1, 1), (0, 0))), r"cls and eos: drop them with logits\[1:-1\]"),
        (lambda x: x[:-1], r"must have shape \(10, V\), not \(9, 33\)"),
        (lambda x: x[None], r"must have shape \(10, V\), not \(1, 10, 33\)"),
        (lambda x: np.pad(x, ((0, 0), (0, 31))), r"vocabulary has 33 tokens.*logits\[..., :33\]"),
        (lambda x: np.where(np.arange(33) == 5, np.nan, x), r"not finite, first at \(0,\) for A"),
        (lambda x: np.where(np.arange(33) == 6, np.inf, x), r"not finite, first at \(0,\) for G"),
        (lambda x: np.full_like(x, -np.inf), r"all twenty amino acids have a logit of -inf"),
    ],
)
def test_single_logits_that_cannot_be_meant(protein, logits, change, message):
    with pytest.raises(ValueError, match=message):
        SingleScan.from_logits(protein, change(logits[0]))


def test_double_logits_that_cannot_be_meant(protein, logits):
    single, double = logits
    with pytest.raises(ValueError, match=r"45 pairs.*must have shape \(45, 2, V\)"):
        PairScan.from_logits(protein, single, double[:-1])
    with pytest.raises(ValueError, match=r"must have shape \(45, 2, V\), not \(45, 33\)"):
        PairScan.from_logits(protein, single, double[:, 0])


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ([t for t in ESM2_VOCABULARY if t != "W"] + ["w"], "'W' 0 times"),
        ([*ESM2_VOCABULARY[:-1], "L"], "'L' 2 times"),
        ({t: k for k, t in enumerate(ESM2_VOCABULARY)}, "sorted"),
    ],
)
def test_vocabularies_that_cannot_be_meant(protein, logits, vocabulary, message):
    with pytest.raises(ValueError, match=message):
        SingleScan.from_logits(protein, logits[0], vocabulary)
