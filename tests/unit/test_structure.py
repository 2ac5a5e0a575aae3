"""Rhodopsin, placing chains on sequences, maps, the text for viewers."""

import biotite.structure as struc
import nglview.datafiles
import numpy as np
import pytest
from biotite.structure.io.pdbx import CIFFile, get_structure
from structure_inputs import (
    OPSIN,
    chain,
    cif,
    joined,
    pick,
    raw_rhodopsin,
    read,
    rhodopsin,
    with_ligands,
    without,
    write,
)

from plmwidgets.structure import Structure
from plmwidgets.structure.geometry import beta_carbons, coordinates_of


@pytest.fixture(scope="module")
def raw():
    return raw_rhodopsin()


@pytest.fixture(scope="module")
def opsin():
    return rhodopsin()


def test_residues_with_unregistered_names_are_told():
    with pytest.warns(UserWarning, match=r"LRT 296 as K, YPL 322 as C, YPL 323 as C"):
        Structure.from_file(nglview.datafiles.PDB)


def test_rhodopsin_is_read_whole_and_matches_uniprot(opsin):
    assert opsin.sequence == opsin.observed == OPSIN
    assert len(opsin) == 348
    assert opsin.chain == ""
    assert opsin.numbers == tuple((i, "") for i in range(1, 349))
    assert opsin.resolved.all()
    assert not np.isin(opsin.atoms.element, ["H", "D"]).any()


def test_rhodopsin_distances_and_contacts_equal_biotite_on_the_raw_file(opsin, raw):
    ca = raw[(raw.atom_name == "CA") & (raw.res_id > 0)]
    expected = struc.distance(ca.coord[:, None], ca.coord[None, :])
    np.testing.assert_allclose(opsin.distance_map("CA"), expected, atol=1e-4)

    has_cb = raw[(raw.atom_name == "CB") & (raw.res_id > 0)]
    where = has_cb.res_id - 1
    assert len(where) == 348 - OPSIN.count("G")
    expected = struc.distance(has_cb.coord[:, None], has_cb.coord[None, :]) < 8
    assert (opsin.contact_map()[np.ix_(where, where)] == expected).all()
    assert (np.triu(opsin.contact_map(), 6) == 1).sum() == 664


def test_rebuilt_beta_carbons_lie_on_the_real_ones(opsin):
    n, ca, c, cb = (coordinates_of(opsin.atoms, name, 348) for name in ("N", "CA", "C", "CB"))
    off = np.linalg.norm(beta_carbons(n, ca, c) - cb, axis=1)
    assert np.isnan(off).sum() == OPSIN.count("G")
    assert np.nanmedian(off) < 0.15
    assert np.nanmax(off) < 0.7
    # The trap: with the reference atoms in the other order it lands on the wrong side.
    assert np.nanmedian(np.linalg.norm(beta_carbons(c, ca, n) - cb, axis=1)) > 2
    bond = np.linalg.norm(opsin.cb - opsin.ca, axis=1)[np.isnan(off)]
    np.testing.assert_allclose(bond, 1.522, atol=1e-6)


def test_a_missing_backbone_atom_leaves_the_beta_carbon_unknown():
    n, ca, c = np.zeros((1, 3)), np.array([[1.46, 0, 0]]), np.array([[np.nan] * 3])
    assert np.isnan(beta_carbons(n, ca, c)).all()


@pytest.fixture
def piece(tmp_path, raw):
    return read(write(tmp_path, "x.cif", cif(without(chain(raw, 41, 100, start=900), 930, 931))))


def test_numbers_play_no_part_in_the_placement(piece):
    placed = piece.align_to(OPSIN)
    assert placed.sequence == OPSIN
    resolved = [*range(40, 70), *range(72, 100)]
    assert np.flatnonzero(placed.resolved).tolist() == resolved
    np.testing.assert_array_equal(placed.ca[resolved], piece.ca)
    assert placed.numbers[40] == (900, "") and placed.numbers[70:72] == ((930, ""), (931, ""))
    assert placed.numbers[0] == (860, "") and placed.numbers[-1] == (1207, "")
    assert len(set(placed.numbers)) == 348


def test_residues_outside_the_sequence_are_dropped(piece):
    placed = piece.align_to(OPSIN[50:90])
    assert placed.resolved.sum() == 38
    assert placed.numbers[0] == (910, "")
    assert set(placed.atoms.position.tolist()) == set(np.flatnonzero(placed.resolved).tolist())


def test_an_expression_tag_is_not_scattered_over_the_sequence(tmp_path, raw):
    """The tag's M and G also occur far upstream; letters in a row are needed to place a piece."""
    tagged = joined(
        pick(chain(raw, 1, 60, start=1), 1, 3), chain(raw, 101, 160, start=10)
    )  # M, G, then residues 101 on
    found = read(write(tmp_path, "x.cif", cif(tagged))).align_to(OPSIN)
    assert np.flatnonzero(found.resolved).tolist() == list(range(100, 160))


def test_single_differences_are_told(piece):
    mutant = OPSIN[:45] + "W" + OPSIN[46:]
    with pytest.warns(UserWarning, match=r"1 of 58 residues: position 46 is W.*L905") as seen:
        placed = piece.align_to(mutant)
    assert seen[0].filename == __file__
    assert placed.observed[45] == OPSIN[45] and placed.sequence[45] == "W"


def test_a_sequence_that_does_not_fit_is_refused(piece):
    rng = np.random.default_rng(4)
    letters = np.array(list(OPSIN[40:100]))
    letters[rng.choice(60, 15, replace=False)] = "W"
    with pytest.raises(ValueError, match=r"does not fit chain 'A' of x.cif: 7\d\.\d%.*position \d"):
        piece.align_to("".join(letters))
    with pytest.raises(ValueError, match=r"only \d+ of 58 residues can be aligned|% of the"):
        piece.align_to("".join(rng.permutation(list(OPSIN))))
    with pytest.raises(ValueError, match="does not fit"):
        piece.align_to("W" * 80)


def test_the_text_for_viewers_numbers_residues_by_position(tmp_path, raw):
    atoms, rest = with_ligands(raw)
    atoms.res_id += 400
    atoms.ins_code[atoms.res_id == 405] = "C"
    path = write(tmp_path, "x.cif", cif(joined(atoms, *rest)))
    placed = read(path).align_to(OPSIN[4:40])
    again = CIFFile.deserialize(placed.to_cif())
    found = get_structure(again, model=1)
    assert set(found.chain_id) == {"A"} and not found.hetero.any()
    assert set(found.ins_code) == {""}
    assert (found.res_id - 1).tolist() == placed.atoms.position.tolist()
    assert sorted(set(found.res_id.tolist())) == list(range(6, 27))
    assert found.atom_name.tolist() == atoms.atom_name.tolist()
    assert found.element.tolist() == atoms.element.tolist()
    np.testing.assert_allclose(found.coord, atoms.coord)
    table = again.block["atom_site"]
    for kind in ("seq_id", "asym_id", "atom_id", "comp_id"):
        label, auth = (table[f"{prefix}_{kind}"].as_array(str) for prefix in ("label", "auth"))
        assert label.tolist() == auth.tolist()
    # NGL.js fails without this table.
    components = again.block["chem_comp"]
    assert set(components["id"].as_array(str)) == set(atoms.res_name)
    # It is itself a structure file that reads back the same.
    (tmp_path / "y.cif").write_text(placed.to_cif())
    np.testing.assert_allclose(read(tmp_path / "y.cif").ca, placed.ca[placed.resolved])


def test_structures_are_values(tmp_path, raw):
    path = write(tmp_path, "x.cif", cif(chain(raw, 10, 30)))
    moved = chain(raw, 10, 30)
    moved.coord += 1
    one, two = read(path), read(path)
    other = read(write(tmp_path, "y.cif", cif(moved)))
    assert one == two and hash(one) == hash(two)
    assert one != other and one != "x"
    for values in (one.ca, one.cb, one.atoms.coord, one.atoms.res_name, one.resolved):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = values[1]


def test_options_of_the_maps(piece):
    with pytest.raises(ValueError, match="unknown atom 'CG': use 'CB' or 'CA'"):
        piece.distance_map("CG")
    for cutoff in (0, -1, np.nan, np.inf, "8", None, True):
        with pytest.raises(ValueError, match="distance in Å above 0"):
            piece.contact_map(cutoff)


def test_the_cutoff_is_strict(piece):
    exact = float(piece.distance_map()[3, 9])
    assert piece.contact_map(exact)[3, 9] == 0
    assert piece.contact_map(np.nextafter(exact, 99))[3, 9] == 1
