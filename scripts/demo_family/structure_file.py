"""Write and read the demo fold as mmCIF."""

from pathlib import Path

import biotite.structure as struc
import numpy as np
import torch
from backbone import ATOMS, place_beta
from biotite.sequence import ProteinSequence
from biotite.structure.io import pdbx

BLOCK = "plmwidgets_demo"
CONTACT_CUTOFF, CONTACT_SEPARATION = 8.0, 3


def write_fold(path: Path, sequence: str, backbone: np.ndarray) -> None:
    """Write chain A, residues 1..L, from coordinates (L, 5, 3) of N, CA, C, O, CB.

    Glycine has no CB. Helices and strands, as P-SEA finds them, and the sequence are written as
    well: viewers and readers otherwise have to guess them.
    """
    names = [ProteinSequence.convert_letter_1to3(letter) for letter in sequence]
    array = struc.AtomArray(len(ATOMS) * len(sequence))
    centred = backbone - backbone[:, 1].mean(axis=0)
    array.coord = centred.reshape(-1, 3).round(3).astype(np.float32)
    array.chain_id[:] = "A"
    array.res_id = np.repeat(np.arange(1, len(sequence) + 1), len(ATOMS))
    array.res_name = np.repeat(names, len(ATOMS))
    array.atom_name = np.tile(ATOMS, len(sequence))
    array.element = np.array([name[0] for name in array.atom_name])
    array.set_annotation("occupancy", np.ones(len(array)))
    array.set_annotation("b_factor", np.zeros(len(array)))
    array = array[(array.res_name != "GLY") | (array.atom_name != "CB")]

    file = pdbx.CIFFile()
    pdbx.set_structure(file, array, data_block=BLOCK)
    block = file[BLOCK]
    block["entry"] = pdbx.CIFCategory({"id": BLOCK})
    block["entity"] = pdbx.CIFCategory({"id": "1", "type": "polymer"})
    block["struct_asym"] = pdbx.CIFCategory({"id": "A", "entity_id": "1"})
    kinds = sorted(set(names))
    # NGL does not read a structure without this table.
    block["chem_comp"] = pdbx.CIFCategory(
        {
            "id": kinds,
            "type": ["PEPTIDE LINKING" if k == "GLY" else "L-PEPTIDE LINKING" for k in kinds],
        }
    )
    block["entity_poly"] = pdbx.CIFCategory(
        {
            "entity_id": "1",
            "type": "polypeptide(L)",
            "pdbx_seq_one_letter_code": sequence,
            "pdbx_seq_one_letter_code_can": sequence,
            "pdbx_strand_id": "A",
        }
    )
    _write_secondary_structure(block, struc.annotate_sse(array), names)
    file.write(path)


def _write_secondary_structure(block: pdbx.CIFBlock, sse: np.ndarray, names: list[str]) -> None:
    starts = np.flatnonzero(np.r_[True, sse[1:] != sse[:-1]])
    ends = np.r_[starts[1:], len(sse)] - 1
    helices = [(s, e) for s, e in zip(starts, ends, strict=True) if sse[s] == "a"]
    strands = [(s, e) for s, e in zip(starts, ends, strict=True) if sse[s] == "b"]

    def limits(segments: list[tuple[int, int]]) -> dict[str, list[str]]:
        columns: dict[str, list[str]] = {}
        for side, k in (("beg", 0), ("end", 1)):
            residues = [str(segment[k] + 1) for segment in segments]
            for scheme in ("label", "auth"):
                columns[f"{side}_{scheme}_asym_id"] = ["A"] * len(segments)
                columns[f"{side}_{scheme}_comp_id"] = [names[segment[k]] for segment in segments]
                columns[f"{side}_{scheme}_seq_id"] = residues
            columns[f"pdbx_{side}_PDB_ins_code"] = ["?"] * len(segments)
        return columns

    if helices:  # a table has one row at least
        block["struct_conf"] = pdbx.CIFCategory(
            {
                "conf_type_id": ["HELX_P"] * len(helices),
                "id": [f"HELX_P{k + 1}" for k in range(len(helices))],
                "pdbx_PDB_helix_id": [f"H{k + 1}" for k in range(len(helices))],
                **limits(helices),
                "pdbx_PDB_helix_class": ["1"] * len(helices),
                "pdbx_PDB_helix_length": [str(e - s + 1) for s, e in helices],
            }
        )
    if strands:
        block["struct_sheet_range"] = pdbx.CIFCategory(
            {
                "sheet_id": ["S"] * len(strands),
                "id": [str(k + 1) for k in range(len(strands))],
                **limits(strands),
            }
        )


def read_backbone(path: Path) -> np.ndarray:
    """Coordinates (L, 5, 3) of N, CA, C, O, CB; every CB is rebuilt from N, CA, C."""
    array = pdbx.get_structure(pdbx.CIFFile.read(path), model=1)
    backbone = np.stack(
        [array[array.atom_name == name].coord for name in ATOMS[:-1]], axis=1
    ).astype(np.float64)
    nitrogen, alpha, carbon, _ = torch.as_tensor(backbone).unbind(dim=1)
    beta = place_beta(nitrogen, alpha, carbon)
    return np.concatenate([backbone, beta.numpy()[:, None]], axis=1)


def read_sequence(path: Path) -> str:
    """One letter a residue."""
    array = pdbx.get_structure(pdbx.CIFFile.read(path), model=1)
    return "".join(map(ProteinSequence.convert_letter_3to1, struc.get_residues(array)[1]))


def beta_distances(backbone: np.ndarray) -> np.ndarray:
    """CB-CB distances in Å, (L, L)."""
    beta = backbone[:, ATOMS.index("CB")]
    return np.linalg.norm(beta[:, None] - beta[None, :], axis=-1)


def contacts(backbone: np.ndarray) -> np.ndarray:
    """Find the planted contacts, 0-based pairs i < j three or more apart with CB < 8 Å: (K, 2)."""
    i, j = np.nonzero(np.triu(beta_distances(backbone) < CONTACT_CUTOFF, CONTACT_SEPARATION))
    return np.stack([i, j], axis=1)


def phi_angles(path: Path) -> np.ndarray:
    """Backbone phi in degrees, (L,); NaN at the first residue."""
    array = pdbx.get_structure(pdbx.CIFFile.read(path), model=1)
    return np.degrees(struc.dihedral_backbone(array)[0]).astype(np.float64)


def secondary_structure(path: Path) -> np.ndarray:
    """P-SEA's letters: a for helix, b for strand, c for the rest, (L,)."""
    return struc.annotate_sse(pdbx.get_structure(pdbx.CIFFile.read(path), model=1))
