"""A made-up chain of helices and coil, for pictures of a 3D view of any length."""

import tempfile
from pathlib import Path

import torch
from backbone import build
from structure_file import write_fold

from plmwidgets import Protein

HELIX = (-62.0, -43.0)


def made_up_protein(sequence: str) -> Protein:
    """Return a protein with helices of 14 residues, joined by turns of 4 in random directions."""
    generator = torch.Generator().manual_seed(5)
    coil = torch.rand(len(sequence), 2, generator=generator) * 110 + torch.tensor([-150.0, 60.0])
    in_helix = torch.arange(len(sequence)) % 18 < 14
    torsions = torch.where(in_helix[:, None], torch.tensor(HELIX), coil).double().deg2rad()
    backbone = build(torsions[None, :, 0], torsions[None, :, 1])[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made_up.cif"
        write_fold(path, sequence, backbone.numpy())
        return Protein.from_file(path)
