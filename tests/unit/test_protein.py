"""Proteins as values, with and without a structure."""

import copy
import pickle
import subprocess
import sys
import warnings
from importlib import resources

import nglview.datafiles
import numpy as np
import pytest
from structure_inputs import peptide, write_atoms

from plmwidgets.protein import Protein
from plmwidgets.structure import Structure


@pytest.fixture
def numbered(tmp_path):
    """Twelve residues numbered 23, 24, 25, 25A, 25B, 26, ... 32, with a letter at each."""
    numbers = [23, 24, 25, 25, 25, 26, 27, 28, 29, 30, 31, 32]
    codes = ["", "", "", "A", "B"] + [""] * 7
    path = write_atoms(tmp_path / "fab.cif", peptide("AGLPSMWAGLPS", numbers, codes, "H"))
    return Protein.from_file(path)


def test_rhodopsin():
    with pytest.warns(UserWarning, match=r"read by their atoms"):
        protein = Protein.from_file(nglview.datafiles.PDB)
    assert protein.name == "md_1u19"
    assert len(protein) == 348
    assert protein.residue_label(295) == "K296"  # the residue that binds retinal
    assert protein.parse_positions("K296, C110, C187") == (109, 186, 295)
    # Its disulphide bridge 110-187 is a contact.
    assert protein.contact_map()[109, 186] == 1
    assert protein.distance_map("CA")[109, 186] == pytest.approx(5.6, abs=1.0)


def test_maps_of_a_straight_chain(numbered):
    """Neighbours are 3.8 Å apart: below 8 Å lie two residues on either side."""
    separation = np.abs(np.subtract.outer(range(12), range(12)))
    np.testing.assert_allclose(numbered.distance_map("CA"), 3.8 * separation, atol=1e-4)
    np.testing.assert_array_equal(numbered.contact_map(), (separation <= 2).astype(float))
    np.testing.assert_array_equal(numbered.contact_map(4, "CA"), (separation <= 1).astype(float))
    assert numbered.contact_map().dtype == np.float64


def test_maps_need_a_structure():
    for call in (Protein("ACD").contact_map, Protein("ACD").distance_map):
        with pytest.raises(ValueError, match=r"has no structure.*with_structure"):
            call()


def test_options_for_the_wrong_kind_of_file(tmp_path):
    path = write_atoms(tmp_path / "x.cif", peptide("AGLPS"))
    with pytest.raises(ValueError, match=r"x.cif is a structure: use chain="):
        Protein.from_file(path, entry=0)
    with pytest.raises(ValueError, match=r"has no protein chain 'B'.*are 'A'"):
        Protein.from_file(path, chain="B")
    with pytest.raises(ValueError, match=r"no model 2"):
        Protein.from_file(path, model=2)


def test_a_sequence_can_be_given_with_the_file(tmp_path):
    path = write_atoms(tmp_path / "x.cif.gz.cif", peptide("AGLPSMWA"))
    protein = Protein.from_file(path, sequence="ww aglpsmwa gg", name="mine")
    assert protein.sequence == "WWAGLPSMWAGG"
    assert protein.residue_labels[:3] == ("W-1", "W0", "A1")
    assert np.isnan(protein.contact_map()[0]).all()
    with pytest.raises(ValueError, match=r"does not fit chain 'A' of x.cif.gz.cif"):
        Protein.from_file(path, sequence="WWWWWWWWWWWW")


def test_a_structure_can_be_attached(tmp_path):
    path = write_atoms(tmp_path / "x.cif", peptide("AGLPSMWA", range(40, 48)))
    plain = Protein("MAGLPSMWAM", name="mine")
    protein = plain.with_structure(path)
    assert protein.sequence == plain.sequence and protein.name == "mine"
    assert protein.residue_labels[1] == "A40" and plain.residue_labels[1] == "A2"
    assert protein.chain == "A"
    assert protein == plain.with_structure(Structure.from_file(path))
    assert Protein("MAGLPSMWAM", "mine", Structure.from_file(path)) == protein
    assert protein != plain
    with pytest.raises(ValueError, match=r"does not fit"):
        Protein("PPPPPPGGGGGG").with_structure(path)
    with pytest.raises(ValueError, match=r"no protein chain 'Q'"):
        plain.with_structure(path, chain="Q")


@pytest.mark.parametrize("sequence", ["ACGT" * 5, "acgu" * 6, "ACGTN" * 4])
def test_a_sequence_of_nucleotides_is_warned_of(sequence):
    with pytest.warns(UserWarning, match="DNA or RNA: these models read proteins") as told:
        assert Protein(sequence, name="gene").sequence == sequence.upper()
    assert "gene" in str(told[0].message) and told[0].filename == __file__


@pytest.mark.parametrize("sequence", ["ACGT" * 4 + "ACG", "ACGT" * 5 + "K", "AG" * 9])
def test_a_short_or_other_sequence_is_not(sequence):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Protein(sequence)


def test_proteins_are_values(tmp_path, numbered):
    path = write_atoms(tmp_path / "fab.cif", peptide("AGLPSMWAGLPS"))
    renumbered = Protein.from_file(path)
    assert renumbered.sequence == numbered.sequence and renumbered != numbered
    assert Protein("ACD") == Protein("acd") and Protein("ACD") != Protein("ACD", name="x")
    assert len({Protein("ACD"), Protein("A C D"), numbered, copy.copy(numbered)}) == 2
    assert pickle.loads(pickle.dumps(numbered)) == numbered
    with pytest.raises(AttributeError):
        numbered.sequence = "A"


def test_repr(numbered):
    assert repr(Protein("MKT", name="x")) == "<Protein 'x': 3 residues, M1 to T3; no structure>"
    assert repr(numbered) == (
        "<Protein 'fab': 12 residues, A23 to S32; structure: chain 'H', 12 of 12 residues resolved>"
    )


def test_the_demo_is_read_from_the_package(monkeypatch, tmp_path):
    (tmp_path / "demo").mkdir()
    write_atoms(tmp_path / "demo" / "fold.cif", peptide("AGLPS"))
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    demo = Protein.demo()
    assert (demo.name, demo.sequence, demo.chain) == ("demo", "AGLPS", "A")
    assert demo.residue_labels[0] == "A1"


def test_importing_protein_loads_neither_biotite_nor_torch():
    code = (
        "import sys, plmwidgets.protein as p; p.Protein('ACD').parse_positions('1-2');"
        "heavy = {'biotite', 'torch', 'scipy', 'requests', 'pandas'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
