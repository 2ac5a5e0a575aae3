"""The bundled demo: a fold, the family planted on it, and a model that has to have learned it."""

import json
from pathlib import Path

import biotite.structure as struc
import numpy as np
import pytest
from biotite.sequence import ProteinSequence
from biotite.structure.io import pdbx
from scipy.spatial.distance import jensenshannon

import plmwidgets
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.models import load_model
from plmwidgets.models.masked_lm import Context, MaskedLM
from plmwidgets.models.potts import PottsModel

DEMO = Path(plmwidgets.__file__).parent / "demo"
HELD_OUT_SEED = 20_260_101  # no script draws with it
CB_BOND, CB_ANGLE, CB_TORSION = 1.522, 1.927, -2.143


@pytest.fixture(scope="module")
def fold() -> struc.AtomArray:
    return pdbx.get_structure(pdbx.CIFFile.read(DEMO / "fold.cif"), model=1)


@pytest.fixture(scope="module")
def family() -> PottsModel:
    return PottsModel.load(DEMO / "family.safetensors", "potts-demo")


@pytest.fixture(scope="module")
def sequence(fold: struc.AtomArray) -> str:
    return "".join(map(ProteinSequence.convert_letter_3to1, struc.get_residues(fold)[1]))


def beta_carbons(fold: struc.AtomArray) -> np.ndarray:
    """CB atoms, rebuilt for glycine from the algorithm's bond, angle and dihedral."""
    result = []
    for residue in struc.residue_iter(fold):
        by_name = dict(zip(residue.atom_name, residue.coord.astype(float), strict=True))
        if residue.res_name[0] == "GLY":
            carbon, nitrogen, alpha = by_name["C"], by_name["N"], by_name["CA"]
            axis = (alpha - nitrogen) / np.linalg.norm(alpha - nitrogen)
            normal = np.cross(nitrogen - carbon, axis)
            normal /= np.linalg.norm(normal)
            by_name["CB"] = alpha + CB_BOND * (
                -np.cos(CB_ANGLE) * axis
                + np.sin(CB_ANGLE) * np.cos(CB_TORSION) * np.cross(normal, axis)
                + np.sin(CB_ANGLE) * np.sin(CB_TORSION) * normal
            )
        result.append(by_name["CB"])
    return np.array(result)


def js_map(model: MaskedLM, sequence: str) -> np.ndarray:
    """Directed JS distances by the protocol and scipy: [i, j] is the effect on i of hiding j."""
    length = len(sequence)
    every = np.arange(length)
    singles = [Context.of(sequence, (i,)) for i in every]
    one = np.exp(model.log_probabilities(singles, every[:, None])[:, 0].astype(float))
    i, j = np.triu_indices(length, 1)
    pairs = np.stack([i, j], axis=1)
    both = np.concatenate(
        [
            np.exp(
                model.log_probabilities([Context.of(sequence, p) for p in part], part).astype(float)
            )
            for part in np.array_split(pairs, 16)
        ]
    )
    directed = np.full((length, length), np.nan)
    with np.errstate(invalid="ignore"):  # scipy takes the root of -1e-17 for equal distributions
        directed[i, j] = np.nan_to_num(jensenshannon(both[:, 0], one[i], base=2, axis=1))
        directed[j, i] = np.nan_to_num(jensenshannon(both[:, 1], one[j], base=2, axis=1))
    return directed


def precision_at_k(directed: np.ndarray, edges: np.ndarray) -> float:
    i, j = np.triu_indices(len(directed), 1)
    best = np.argsort(-(directed[i, j] + directed[j, i]))[: len(edges)]
    planted = set(map(tuple, edges.tolist()))
    return sum((int(i[k]), int(j[k])) in planted for k in best) / len(edges)


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    off = ~np.eye(len(a), dtype=bool)
    return float(np.corrcoef(a[off], b[off])[0, 1])


@pytest.fixture(scope="module")
def held_out(family: PottsModel) -> list[str]:
    columns = family.sample(10, HELD_OUT_SEED, sweeps=200)
    return ["".join(AMINO_ACIDS[a] for a in row) for row in columns]


@pytest.fixture(scope="module")
def exact_maps(family: PottsModel, held_out: list[str]) -> list[np.ndarray]:
    return [js_map(family, sequence) for sequence in held_out]


def test_planted_contacts_are_those_of_the_fold(fold, family):
    beta = beta_carbons(fold)
    distance = np.linalg.norm(beta[:, None] - beta[None], axis=-1)
    expected = np.argwhere(np.triu(distance < 8.0, 3))
    np.testing.assert_array_equal(family.edges, expected)
    assert 0.6 <= len(expected) / len(beta) <= 1.8
    # None so near the cutoff that rounding of coordinates decides.
    assert np.abs(distance - 8.0).min() > 2e-3


def test_couplings_are_in_the_zero_sum_gauge_and_never_zero(family):
    np.testing.assert_allclose(family.couplings.sum(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(family.couplings.sum(axis=2), 0, atol=1e-9)
    assert np.sqrt((family.couplings**2).mean(axis=(1, 2))).min() > 0.2


def test_fold_has_a_helix_and_three_strands(fold):
    letters = "".join(struc.annotate_sse(fold))
    helices = [run for run in letters.replace("b", "c").split("c") if run]
    strands = [run for run in letters.replace("a", "c").split("c") if run]
    assert [len(run) >= 12 for run in helices] == [True]
    assert [len(run) >= 5 for run in strands] == [True] * 3


def test_fold_is_sound_chemistry(fold):
    by_name = {name: fold[fold.atom_name == name].coord.astype(float) for name in ("N", "CA", "C")}
    length = len(by_name["CA"])
    assert 60 <= length <= 70
    assert set(fold.chain_id) == {"A"}
    np.testing.assert_array_equal(np.unique(fold.res_id), np.arange(1, length + 1))
    assert set(fold.element) == {"N", "C", "O"}
    peptide = np.linalg.norm(by_name["N"][1:] - by_name["C"][:-1], axis=1)
    np.testing.assert_allclose(peptide, 1.329, atol=0.01)
    distance = np.linalg.norm(by_name["CA"][:, None] - by_name["CA"][None], axis=-1)
    assert distance[np.triu_indices(length, 2)].min() >= 3.6
    np.testing.assert_allclose(np.diag(distance, 1), 3.8, atol=0.05)
    phi, psi, omega = np.degrees(struc.dihedral_backbone(fold))
    np.testing.assert_allclose(np.abs(omega[:-1]), 180, atol=2)
    # Left-handed residues are few, and those are where a backbone allows them.
    positive = np.flatnonzero(phi[1:-1] > 0) + 1
    assert len(positive) <= 4
    assert np.all((phi[positive] > 30) & (phi[positive] < 110) & (np.abs(psi[positive]) < 80))


def test_strands_pair_at_hydrogen_bonding_distance(fold):
    alpha = fold[fold.atom_name == "CA"].coord.astype(float)
    letters = struc.annotate_sse(fold)
    strand = np.flatnonzero(letters == "b")
    distance = np.linalg.norm(alpha[:, None] - alpha[None], axis=-1)
    partner = np.array([min(distance[i, j] for j in strand if abs(i - j) > 2) for i in strand])
    paired = partner < 5.8
    assert paired.mean() > 0.75
    assert 4.4 < np.median(partner[paired]) < 5.3


def test_written_sequence_and_secondary_structure_agree_with_the_atoms(fold, sequence):
    block = pdbx.CIFFile.read(DEMO / "fold.cif").block
    assert block["entity_poly"]["pdbx_seq_one_letter_code_can"].as_item() == sequence
    assert "chem_comp" in block  # without it NGL cannot load the file
    helix = block["struct_conf"]
    letters = struc.annotate_sse(fold)
    start, end = (int(helix[f"{side}_auth_seq_id"].as_item()) for side in ("beg", "end"))
    assert set(letters[start - 1 : end]) == {"a"}
    assert len(block["struct_sheet_range"]["beg_auth_seq_id"].as_array()) == 3


def test_every_contact_of_the_demo_sequence_shows_exactly(family, sequence):
    directed = js_map(family, sequence)
    assert precision_at_k(directed, family.edges) == 1.0
    i, j = family.edges.T
    assert ((directed[i, j] + directed[j, i]) / 2).min() > 0.05


def test_every_contact_of_a_sampled_sequence_shows_exactly(family, exact_maps):
    assert np.mean([precision_at_k(m, family.edges) for m in exact_maps]) == 1.0


@pytest.mark.slow
def test_model_has_learned_the_contacts(family, held_out, exact_maps):
    model = load_model("demo", device="cpu")
    maps = [js_map(model, sequence) for sequence in held_out]
    precision = [precision_at_k(found, family.edges) for found in maps]
    correlation = [pearson(f, e) for f, e in zip(maps, exact_maps, strict=True)]
    assert np.mean(precision) >= 0.90, precision
    assert np.mean(correlation) >= 0.95, correlation


def test_contact_head_finds_the_contacts_in_other_sequences(family, held_out):
    model = load_model("demo", device="cpu")
    found = model.contact_probabilities([Context.of(sequence) for sequence in held_out])
    precision = [precision_at_k(each, family.edges) for each in found]
    assert np.mean(precision) >= 0.9, precision
    untrained = load_model(DEMO / "model", device="cpu", contact_head=True)
    found = untrained.contact_probabilities([Context.of(sequence) for sequence in held_out])
    assert np.mean([precision_at_k(each, family.edges) for each in found]) < 0.7


def test_demo_sequence_was_not_trained_on_and_starts_with_met(sequence, held_out):
    report = json.loads((DEMO / "training.json").read_text())
    assert report["demo_sequence_in_training"] is False
    assert sequence not in held_out
    assert sequence[0] == "M"


def test_bundle_is_small():
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) <= 3_000_000
