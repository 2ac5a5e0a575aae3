"""The linear baseline, against a plain inverse, and the alignments that it takes."""

import gzip

import numpy as np
import pytest

from plmwidgets.alphabet import AMINO_ACIDS, INDEX
from plmwidgets.methods.contacts.alignments import GAP, aligned_columns
from plmwidgets.methods.contacts.linear_couplings import linear_couplings
from plmwidgets.models import load_model
from plmwidgets.protein import Protein

QUERY = "MKTAYIAK"
PROTEIN = Protein(QUERY, "small")


def family(count=60, length=8, seed=0, letters="ACDEKL-"):
    rng = np.random.default_rng(seed)
    rows = ["".join(rng.choice(list(letters), length)) for _ in range(count)]
    return [QUERY[:length], *rows]


def plain(sequences, identity=0.8):
    """The definition, one sequence and one pair at a time."""
    length = len(sequences[0])
    states = AMINO_ACIDS + "-"
    hot = np.array([[[s == letter for letter in states] for s in row] for row in sequences], float)
    weights = []
    for one in sequences:
        alike = [sum(a == b for a, b in zip(one, other, strict=True)) for other in sequences]
        weights.append(1 / sum(a > identity * length for a in alike))
    weights = np.array(weights)
    flat = hot.reshape(len(sequences), -1)
    covariance = np.cov(flat.T, aweights=weights, ddof=0)
    covariance += np.eye(len(covariance)) * 4.5 / np.sqrt(weights.sum())
    inverse = np.linalg.inv(covariance)
    norms = np.zeros((length, length))
    for i in range(length):
        for j in range(length):
            if i != j:
                norms[i, j] = np.linalg.norm(inverse[21 * i : 21 * i + 20, 21 * j : 21 * j + 20])
    corrected = norms - np.outer(norms.sum(1), norms.sum(0)) / norms.sum()
    np.fill_diagonal(corrected, np.nan)
    return corrected


@pytest.mark.parametrize("identity", [0.3, 0.62, 0.8])
def test_scores_equal_a_plain_inverse(identity):
    sequences = [*family(letters="ADK-"), QUERY, QUERY]  # some alike, some the same
    found = linear_couplings(PROTEIN, sequences, identity=identity)
    np.testing.assert_allclose(found.to_numpy(), plain(sequences, identity), rtol=1e-4, atol=1e-6)
    assert list(found.index) == list(found.columns) == list(PROTEIN.residue_labels)


def test_blocks_of_sequences_add_up(monkeypatch):
    sequences = family(200)
    whole = linear_couplings(PROTEIN, sequences)
    monkeypatch.setattr("plmwidgets.methods.contacts.linear_couplings._ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(linear_couplings(PROTEIN, sequences), whole, rtol=1e-8)


def test_copies_of_a_sequence_count_once():
    sequences = family(80)
    copied = sequences + [sequences[5]] * 40
    once = linear_couplings(PROTEIN, sequences, identity=1.0)
    np.testing.assert_allclose(linear_couplings(PROTEIN, copied, identity=1.0), once, rtol=1e-4)


def test_it_finds_the_planted_contacts_of_the_demo_family():
    demo, potts = Protein.demo(), load_model("potts-demo")
    samples = potts.sample(1000, seed=3, sweeps=20)
    scores = linear_couplings(demo, samples).to_numpy()
    i, j = np.triu_indices(len(demo), 3)
    planted = potts.contact_map()
    best = np.argsort(-scores[i, j])[: planted.sum() // 2]
    assert planted[i, j][best].mean() > 0.9


# Alignments


def test_columns_of_the_query_are_those_of_the_protein():
    sequences = ["MK-TAYI-AK", "MRCTAFIW-K", "-KCSAYI-AR"]
    found = aligned_columns(PROTEIN, sequences)
    expected = ["MKTAYIAK", "MRTAFI-K", "-KSAYIAR"]
    states = [[GAP if s == "-" else INDEX[s] for s in row] for row in expected]
    np.testing.assert_array_equal(found, states)


def test_insertions_of_a3m_are_left_out(tmp_path):
    text = "#A3M#\n>query of it\nMKTAYIAK\n>b\nMK-aaTAYI.AK\n>c\nMKT\nAYIAK.\n"
    text = text.replace("MK-aaTAYI.AK", "MKaaT-YI.AK")
    for path, content in ((tmp_path / "x.a3m", text.encode()),):
        path.write_bytes(content)
        packed = tmp_path / "x.a3m.gz"
        packed.write_bytes(gzip.compress(content))
    expected = [[GAP if s == "-" else INDEX[s] for s in row] for row in (QUERY, "MKT-YIAK", QUERY)]
    for place in (path, str(packed)):
        np.testing.assert_array_equal(aligned_columns(PROTEIN, place), expected)


def test_dots_are_gaps_where_there_are_no_insertions():
    found = aligned_columns(PROTEIN, [QUERY, "MK.AYIAX"])
    assert found[1].tolist() == [INDEX["M"], INDEX["K"], GAP, *(INDEX[s] for s in "AYIA"), GAP]


def test_a_query_with_tags_and_missing_ends_is_placed_by_its_letters():
    protein = Protein("MKTAYIAKQRQISFVK", "longer")
    found = aligned_columns(protein, ["GGTAYIAKQRQISF", "GGSAYIAKQRQ-SF"])
    assert found.shape == (2, 16)
    assert (found[:, [0, 1, 14, 15]] == GAP).all()
    assert found[1, 2] == INDEX["S"]
    scores = linear_couplings(protein, ["GGTAYIAKQRQISF", "GGSAYIAKQRQ-SF", "GGSAYLAKQRQ-SF"])
    assert np.isnan(scores.to_numpy()[0]).all()
    assert np.isfinite(scores.to_numpy()[2, 7])


def test_rare_letters_of_the_protein_keep_their_column():
    protein = Protein("MKXAYIAK", "rare")
    found = aligned_columns(protein, ["MKXAYIAK", QUERY])
    assert found[:, 2].tolist() == [GAP, INDEX["T"]]
    assert found[1].tolist() == [INDEX[s] for s in QUERY]


def test_samples_are_taken_as_they_are():
    samples = np.array([[0, 1, 2, 3, -1, 5, 6, 19], [0] * 8])
    found = aligned_columns(PROTEIN, samples)
    assert found[0].tolist() == [0, 1, 2, 3, GAP, 5, 6, 19]


@pytest.mark.parametrize(
    ("alignment", "words"),
    [
        ([QUERY, QUERY, "MKTAYIA"], r"first.*8 columns and sequence 3 has 7"),
        ([QUERY, "MKTAYI*K"], r"sequence 2 holds '\*' in column 7"),
        ([QUERY, "MKTAYIÄK"], r"sequence 2 holds 'Ä' in column 7"),
        (["WWWWDDDD", QUERY], "first sequence of the alignment is not that of small"),
        (["--------", QUERY], "all gaps"),
        ([QUERY], "at least two sequences"),
        ([], "at least two sequences"),
        (np.zeros((3, 7), int), r"shape \(N, 8\)"),
        (np.zeros((1, 8), int), r"shape \(N, 8\)"),
        (np.full((3, 8), 20), "from 0 to 19"),
        (np.zeros((3, 8)), "whole numbers"),
        (np.full((3, 8), -1), r"all gaps \(-1\)"),
        ([QUERY.lower(), QUERY.lower()], "sequence 1 has lower-case letters alone.*upper case"),
    ],
)
def test_alignments_that_cannot_be_used(alignment, words):
    words = words.replace("first.*", "sequence 1 has ")
    with pytest.raises(ValueError, match=words):
        linear_couplings(PROTEIN, alignment)


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.a3m"):
        linear_couplings(PROTEIN, tmp_path / "no.a3m")
    broken = tmp_path / "broken.fasta"
    broken.write_text(f">one\n{QUERY}\n>the other\nMKT\n")
    with pytest.raises(ValueError, match="'one' has 8 columns and 'the' has 3"):
        linear_couplings(PROTEIN, broken)
    broken.write_text("no alignment")
    with pytest.raises(ValueError, match="no FASTA file"):
        linear_couplings(PROTEIN, broken)
    with pytest.raises(TypeError, match="sequence 2 is no string"):
        linear_couplings(PROTEIN, [QUERY, 3])
    for nothing in (None, 3):
        with pytest.raises(TypeError, match="path of a FASTA or A3M file, a list of sequences"):
            linear_couplings(PROTEIN, nothing)
    for identity in (0, "x", None, float("nan")):
        with pytest.raises(ValueError, match=rf"identity={identity!r} is no share"):
            linear_couplings(PROTEIN, family(), identity=identity)
