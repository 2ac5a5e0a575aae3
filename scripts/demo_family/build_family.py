"""Make the demo family: a Potts model on the contacts of the demo fold, and its own sequence.

Fields follow secondary structure and burial, couplings follow residue chemistry. Each contact's
strength is then adjusted until hiding one partner changes the other about equally on all contacts,
so that every planted contact can be seen in the exact pair map.
"""

import argparse
from pathlib import Path

import numpy as np
from chemistry import HELIX, HYDROPHOBICITY, STRAND, TURN, pair_preference, standardised
from structure_file import (
    beta_distances,
    contacts,
    phi_angles,
    read_backbone,
    secondary_structure,
    write_fold,
)

from plmwidgets.alphabet import AMINO_ACIDS, INDEX
from plmwidgets.models.potts import PottsModel

DEMO = Path(__file__).parents[2] / "src" / "plmwidgets" / "demo"

# Natural abundance in percent (UniProtKB/Swiss-Prot), softened below.
ABUNDANCE = dict(
    zip(
        "ALGVESIKRDTPNQFYMHCW",
        (8.3, 9.7, 7.1, 6.9, 6.7, 6.6, 5.9, 5.8, 5.5, 5.5, 5.4, 4.7, 4.1, 3.9, 3.9, 2.9, 2.4, 2.3,
         1.4, 1.1),
        strict=True,
    )
)  # fmt: skip
STRENGTH, STRENGTH_RANGE = 0.40, (0.25, 0.65)
MATCHING_ROUNDS, CALIBRATION_ROUNDS, CHAINS = 12, 6, 400


def burial_of(backbone: np.ndarray) -> np.ndarray:
    """0 (surface) to 1 (core) from the number of CB within 10 Å, (L,)."""
    near = (beta_distances(backbone) < 10.0).sum(axis=1)
    return np.clip((near - 8) / 10, 0, 1)


def composition(path: Path, burial: np.ndarray) -> np.ndarray:
    """Return the share of each amino acid wanted at each position, (L, 20)."""
    abundance = np.log([ABUNDANCE[letter] for letter in AMINO_ACIDS])
    preference = {"a": HELIX, "b": STRAND, "c": TURN}
    wish = np.empty((len(burial), len(AMINO_ACIDS)))
    for i, (kind, buried) in enumerate(zip(secondary_structure(path), burial, strict=True)):
        wish[i] = (
            0.3 * abundance
            + 0.3 * standardised(preference[kind])
            + (0.7 * buried - 0.25) * standardised(HYDROPHOBICITY)
        )
    # Glycine takes positive phi; asparagine and aspartate follow.
    for i in np.flatnonzero(phi_angles(path) > 0):
        wish[i, INDEX["G"]] += 1.2
        wish[i, INDEX["N"]] += 0.6
        wish[i, INDEX["D"]] += 0.4
    wish[0, INDEX["M"]] += 4.0
    share = np.exp(wish)
    return share / share.sum(axis=1, keepdims=True)


def js_distances(model: PottsModel, sequence: str) -> np.ndarray:
    """Exact directed JS distances, base 2: entry [i, j] is the effect on i of also hiding j."""
    one = np.exp(model.singles(sequence))[:, None]
    both = np.exp(model.pairs(sequence))
    middle = (one + both) / 2
    divergence = (one * np.log2(one / middle) + both * np.log2(both / middle)).sum(axis=-1) / 2
    return np.sqrt(np.clip(divergence, 0, 1))


def letters(columns: np.ndarray) -> list[str]:
    """Sequences as text."""
    return ["".join(AMINO_ACIDS[a] for a in row) for row in columns]


def contact_effects(model: PottsModel, sequences: list[str]) -> np.ndarray:
    """js_dist_avg of every contact in every sequence, (n, K)."""
    i, j = model.edges.T
    effects = []
    for sequence in sequences:
        directed = js_distances(model, sequence)
        effects.append((directed[i, j] + directed[j, i]) / 2)
    return np.array(effects)


def make_family(path: Path) -> PottsModel:
    """Couplings of about equal effect, and the fields that keep the wanted composition."""
    backbone = read_backbone(path)
    edges, burial = contacts(backbone), burial_of(backbone)
    share = composition(path, burial)
    shape = np.stack([pair_preference(float(burial[pair].mean())) for pair in edges])
    strength = np.full(len(edges), STRENGTH)
    fields, columns = np.log(share), None
    for outer in range(CALIBRATION_ROUNDS):
        for inner in range(MATCHING_ROUNDS):
            model = PottsModel(fields, edges, strength[:, None, None] * shape, name="potts-demo")
            seed = 1000 * outer + inner
            columns = model.sample(CHAINS, seed, sweeps=4, start=columns)
            counts = np.stack([np.bincount(column, minlength=20) for column in columns.T])
            observed = (counts + CHAINS * share * 0.05) / (CHAINS * 1.05)
            fields = fields + 0.3 * (np.log(share) - np.log(observed))
        effect = contact_effects(model, letters(columns[:40])).mean(axis=0)
        print(
            f"round {outer}: contact effects {effect.min():.3f} to {effect.max():.3f}", flush=True
        )
        strength = strength * (effect.mean() / effect) ** 0.7
        strength = np.clip(strength * STRENGTH / strength.mean(), *STRENGTH_RANGE)
    return model


def score(model: PottsModel, columns: np.ndarray) -> np.ndarray:
    """Unnormalised log-probability of sequences, (n,)."""
    total = model.fields[np.arange(columns.shape[1]), columns].sum(axis=1)
    for (i, j), block in zip(model.edges, model.couplings, strict=True):
        total += block[columns[:, i], columns[:, j]]
    return total


def choose_sequence(model: PottsModel) -> str:
    """Pick a probable sequence that starts with Met and shows its weakest contacts best."""
    columns = model.sample(2000, seed=7)
    columns = columns[columns[:, 0] == INDEX["M"]]
    likely = columns[score(model, columns).argsort()[::-1][: len(columns) // 4]]
    sequences = letters(likely)
    weakest = np.sort(contact_effects(model, sequences), axis=1)[:, :5].mean(axis=1)
    return sequences[int(weakest.argmax())]


def main() -> None:
    """Write family.safetensors and name the fold's residues."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=DEMO)
    args = parser.parse_args()
    fold = args.demo / "fold.cif"
    model = make_family(fold)
    model.save(args.demo / "family.safetensors", replace=True)
    (args.demo / "family.safetensors").chmod(0o644)
    sequence = choose_sequence(model)
    effect = contact_effects(model, [sequence])[0]
    print(f"L {len(sequence)}, K {len(model.edges)}, sequence {sequence}")
    print(f"js_dist_avg on its contacts: least {effect.min():.3f}, median {np.median(effect):.3f}")
    write_fold(fold, sequence, read_backbone(fold))


if __name__ == "__main__":
    main()
