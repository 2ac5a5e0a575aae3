"""Labels, and what people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structure_inputs import peptide, write_atoms

from plmwidgets.protein import Protein


@pytest.fixture
def numbered(tmp_path):
    """Twelve residues numbered 23, 24, 25, 25A, 25B, 26, ... 32, with a letter at each."""
    numbers = [23, 24, 25, 25, 25, 26, 27, 28, 29, 30, 31, 32]
    codes = ["", "", "", "A", "B"] + [""] * 7
    path = write_atoms(tmp_path / "fab.cif", peptide("AGLPSMWAGLPS", numbers, codes, "H"))
    return Protein.from_file(path)


def test_labels_of_a_plain_sequence():
    protein = Protein("ACD")
    assert protein.residue_labels == ("A1", "C2", "D3")
    assert protein.residue_label(2) == "D3"
    assert protein.chain is None and not protein.has_structure and protein.structure is None
    for position in (-1, 3, 1000):
        with pytest.raises(IndexError, match=rf"position {position} is out of range.*0 to 2"):
            protein.residue_label(position)
    for position in ("3", None, 1.5):
        with pytest.raises(IndexError, match=rf"position {position!r} is out of range.*whole num"):
            protein.residue_label(position)


def test_labels_follow_the_chain(numbered):
    assert numbered.residue_labels[:7] == ("A23", "G24", "L25", "P25A", "S25B", "M26", "W27")
    assert numbered.chain == "H" and numbered.has_structure
    assert len(set(numbered.residue_labels)) == len(numbered)


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("", ()),
        ("  ", ()),
        ("23", (0,)),
        ("A23", (0,)),
        ("a23", (0,)),
        ("25A", (3,)),
        ("25a", (3,)),
        ("P25A", (3,)),
        ("25", (2,)),
        ("32, 23", (0, 11)),
        ("23 24\n26;27", (0, 1, 5, 6)),
        ("24-26", (1, 2, 3, 4, 5)),
        ("24 - 26", (1, 2, 3, 4, 5)),
        ("24–26", (1, 2, 3, 4, 5)),
        ("G24-M26", (1, 2, 3, 4, 5)),
        ("25A-26", (3, 4, 5)),
        ("23-25, 24-25A, A23", (0, 1, 2, 3)),
        ("30-30", (9,)),
    ],
)
def test_positions_are_read_in_chain_numbering(numbered, text, positions):
    assert numbered.parse_positions(text) == positions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("22", r"no residue 22: the residues are numbered 23 to 32"),
        ("20-25", r"no residue 20 \(in '20-25'\): the residues are numbered 23 to 32"),
        ("G23", "'G23' names G at 23, but that residue is A23"),
        ("24-S26", "names S at 26, but that residue is M26"),
        ("27W", r"no residue 27W.*Residue 27 is W27: in a position the letter comes first"),
        ("A23G", r"no residue 23G.*'A25G' is a substitution"),
        ("26-24", "runs backwards"),
        ("hello", r"cannot read 'hello' as a position: write residue numbers.*'3-10, 25'"),
        ("23-", "cannot read"),
        ("2.5", "cannot read"),
        ("23-24-25", "cannot read"),
    ],
)
def test_unreadable_positions_say_what_is_accepted(numbered, text, message):
    with pytest.raises(ValueError, match=message):
        numbered.parse_positions(text)
    with pytest.raises(ValueError, match=message):
        numbered.parse_positions("24, " + text)


def test_negative_numbers(tmp_path):
    """Expression tags are often numbered below zero."""
    path = write_atoms(tmp_path / "tag.cif", peptide("AGLPS", [-2, -1, 0, 1, 2]))
    protein = Protein.from_file(path)
    assert protein.residue_labels == ("A-2", "G-1", "L0", "P1", "S2")
    assert protein.parse_positions("-2--1") == (0, 1)
    assert protein.parse_positions("A-2-P1") == (0, 1, 2, 3)
    assert protein.parse_positions("2 -1") == (1, 4)
    assert protein.parse_substitutions("G-1L") == {1: "L"}


def test_substitutions(numbered):
    assert numbered.parse_substitutions("A23G:M26L") == {0: "G", 5: "L"}
    assert numbered.parse_substitutions(" m26l, a23g ") == {0: "G", 5: "L"}
    assert list(numbered.parse_substitutions("M26L A23G")) == [0, 5]
    assert numbered.parse_substitutions("P25AW") == {3: "W"}
    assert numbered.parse_substitutions("L25W") == {2: "W"}
    assert numbered.parse_substitutions("A23A/A23A") == {0: "A"}
    assert numbered.parse_substitutions("") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("G23A", "'G23A' names G at 23, but that residue is A23"),
        ("A99G", "no residue 99 .in 'A99G'.: the residues are numbered 23 to 32"),
        ("23G", "cannot read '23G' as a substitution: write old letter.*'A25G:L30P'"),
        ("A23", "cannot read 'A23' as a substitution"),
        ("A23X", "'X' in, which is no amino acid"),
        ("A23*", "cannot read"),
        ("A23G:A23L", "changes residue A23 twice, to G and to L"),
        ("Ala23Gly", "cannot read"),
    ],
)
def test_wrong_substitutions(numbered, text, message):
    with pytest.raises(ValueError, match=message):
        numbered.parse_substitutions(text)


def test_only_text_is_parsed():
    protein = Protein("ACD")
    with pytest.raises(TypeError, match=r"expected text, not int.*write residue numbers"):
        protein.parse_positions(3)
    with pytest.raises(TypeError, match=r"expected text, not dict.*write old letter"):
        protein.parse_substitutions({0: "A"})


@given(st.lists(st.integers(0, 39), max_size=12))
def test_labels_read_back(positions):
    protein = Protein("ACDEFGHIKLMNPQRSTVWYXBZUOJ" + "ACDEFGHIKLMNPQ")
    text = ", ".join(protein.residue_label(i) for i in positions)
    assert protein.parse_positions(text) == tuple(sorted(set(positions)))
