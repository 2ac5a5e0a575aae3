"""Pasted sequences and FASTA files."""

import gzip

import numpy as np
import pytest

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.protein import Protein


def test_pasted_sequences_are_tidied():
    pasted = " mktay iakqr\n\tQISFV\r\nkshfs  "
    protein = Protein(pasted, name="pasted")
    assert protein.sequence == "MKTAYIAKQRQISFVKSHFS"
    assert len(protein) == 20
    assert protein.name == "pasted"
    assert Protein("A").name == "protein"


def test_placeholders_are_accepted_and_have_no_column():
    protein = Protein("AXBZUOJY")
    assert protein.sequence == "AXBZUOJY"
    assert protein.wild_type.tolist() == [0, -1, -1, -1, -1, -1, -1, 19]
    assert protein.wild_type.dtype == np.int64
    with pytest.raises(ValueError, match=r"read-only"):
        protein.wild_type[0] = 3


def test_every_amino_acid_has_its_column():
    assert Protein(AMINO_ACIDS).wild_type.tolist() == list(range(20))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the sequence is empty"),
        (" \n\t", "the sequence is empty"),
        ("ACD1EF", r"'1' at position 4 .counted from 1.*remove the numbers"),
        ("AC DE\nF5", r"'5' at position 6"),
        ("ACDE*", r"'\*' at position 5.*the '\*' at the end marks a stop codon, remove it"),
        ("AC*DE", r"'\*' at position 3.*stop codon"),
        ("AC-DE", "'-' at position 3.*gap"),
        ("AC.DE", r"'\.' at position 3.*gap"),
        ("AC<mask>DE", "'<' at position 3.*choose what to hide"),
        (">name\nACDE", r"'>' at position 1.*\.fasta file.*Protein.from_file"),
        ("ACßE", "'ß' at position 3"),
        ("AC\u017fE", "'\u017f' at position 3"),  # a long s, upper-cased an S
        ("AC\u0391E", "'\u0391' at position 3"),  # a Greek capital alpha
        ("AC?E", "write X"),
    ],
)
def test_other_signs_are_refused_with_their_position(text, message):
    with pytest.raises(ValueError, match=message):
        Protein(text)


@pytest.mark.parametrize("value", [None, 5, ["A", "C"], b"ACD", np.array(["A"])])
def test_other_types_are_refused(value):
    with pytest.raises(TypeError, match=r"sequence must be a string"):
        Protein(value)
    with pytest.raises(TypeError, match=r"name must be a string"):
        Protein("ACD", name=value)


def test_long_sequences_are_legal():
    protein = Protein("ACDEFGHIKL" * 2000)
    assert len(protein) == 20_000
    assert protein.residue_label(19_999) == "L20000"
    assert protein.parse_positions("1-20000") == tuple(range(20_000))


FASTA = """>sp|P02699|OPSD_BOVIN Rhodopsin OS=Bos taurus
mngtegpnfy
VPFSNKTGVV

>one first of two
ACDE
>one_more
FGHI*
>two words
KLMN
"""


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "family.fasta"
    path.write_text(FASTA)
    return path


@pytest.mark.parametrize(
    ("entry", "name", "sequence"),
    [
        (0, "sp|P02699|OPSD_BOVIN", "MNGTEGPNFYVPFSNKTGVV"),
        (1, "one", "ACDE"),
        (-1, "two", "KLMN"),
        (np.int64(1), "one", "ACDE"),
        ("P02699", "sp|P02699|OPSD_BOVIN", "MNGTEGPNFYVPFSNKTGVV"),
        ("sp|P02", "sp|P02699|OPSD_BOVIN", "MNGTEGPNFYVPFSNKTGVV"),
        ("one", "one", "ACDE"),
        ("two wor", "two", "KLMN"),
    ],
)
def test_fasta_entries(fasta, entry, name, sequence):
    protein = Protein.from_file(fasta, entry=entry)
    assert (protein.name, protein.sequence) == (name, sequence)
    assert Protein.from_file(str(fasta), entry=entry, name="mine").name == "mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"family.fasta holds 4 entries: choose one with entry=.*'one', 'one_more', 'two'"),
        ({"entry": 4}, "no entry 4: it holds 4, with indices 0 to 3"),
        ({"entry": True}, "entry=True: choose by index, a whole number from 0 to 3, or by name"),
        ({"entry": 1.0}, "entry=1.0: choose by index"),
        ({"entry": [1]}, r"entry=\[1\]: choose by index"),
        ({"entry": "three"}, "no entry named 'three'. It holds: 'sp|P02699"),
        ({"entry": "on"}, "several entries.*'one' .index 1., 'one_more' .index 2."),
        ({"entry": "one_more"}, r"entry 'one_more' of family.fasta:.*'\*' at position 5"),
        ({"entry": 1, "chain": "A"}, "chain= is for structures, but family.fasta is a FASTA file"),
        ({"entry": 1, "model": 2}, "model= is for structures"),
        ({"entry": 1, "sequence": "ACD"}, "sequence= is for structures"),
    ],
)
def test_fasta_mistakes(fasta, options, message):
    with pytest.raises(ValueError, match=message):
        Protein.from_file(fasta, **options)


def test_fasta_with_one_entry_needs_no_choice(tmp_path):
    path = tmp_path / "one.fa.gz"
    path.write_bytes(gzip.compress(b">x\nACD\nEFG\n"))
    assert Protein.from_file(path) == Protein("ACDEFG", name="x")


def test_files_that_are_no_fasta(tmp_path):
    plain, empty = tmp_path / "plain.fasta", tmp_path / "empty.faa"
    plain.write_text("ACDEFG\n")
    empty.write_text("\n")
    with pytest.raises(ValueError, match=r"plain.fasta is no FASTA file.*'ACDEFG'.*'>name'"):
        Protein.from_file(plain)
    with pytest.raises(ValueError, match=r"empty.faa is empty"):
        Protein.from_file(empty)
    with pytest.raises(FileNotFoundError, match=r"no file 'gone.fasta'"):
        Protein.from_file(tmp_path / "gone.fasta")
    with pytest.raises(ValueError, match=r"is a folder"):
        Protein.from_file(tmp_path)
    other = tmp_path / "notes.docx"
    other.write_text("hello")
    with pytest.raises(ValueError, match=r"must end in \.fasta.*\.pdb, .*\.bcif"):
        Protein.from_file(other)
