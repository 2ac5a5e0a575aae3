"""Fit a contact head on the attention of the demo model, as ESM's were fitted (Rao et al. 2021).

A logistic regression, with an L1 penalty, from the corrected attention maps of all heads to the
planted contacts, on a few sequences of the family. It is judged on other sequences of the family:
these have the same contacts, so that this says nothing about proteins with others.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from build_family import DEMO, letters
from safetensors.torch import save_file
from scipy.optimize import minimize
from structure_file import read_sequence

from plmwidgets.models import Context, load_model
from plmwidgets.models.attention import corrected
from plmwidgets.models.masked_lm import AttentiveMaskedLM
from plmwidgets.models.potts import PottsModel

SEED, HELD_OUT_SEED = 31, 32
SEQUENCES, HELD_OUT = 20, 10
PENALTY = 0.15  # as ESM's: the sum of the losses counts this much against the sum of the weights
SEPARATION = 3  # from where contacts are planted


def channels(model: AttentiveMaskedLM, sequences: list[str]) -> np.ndarray:
    """Corrected attention of all pairs far enough apart, (sequences, pairs, layers * heads)."""
    found = torch.from_numpy(model.attentions([Context.of(each) for each in sequences]))
    maps = corrected(found + found.mT).flatten(1, 2)
    i, j = np.triu_indices(maps.shape[-1], SEPARATION)
    return maps[..., i, j].transpose(1, 2).double().numpy()


def fit(features: np.ndarray, touches: np.ndarray) -> np.ndarray:
    """Weights, and the bias behind them, of an L1-penalised logistic regression."""
    width = features.shape[1]

    def loss(split: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias = split[:width] - split[width:-1], split[-1]
        odds = features @ weight + bias
        gap = 1 / (1 + np.exp(-odds)) - touches
        value = PENALTY * (np.logaddexp(0, odds) - touches * odds).sum() + split[:-1].sum()
        slope = PENALTY * (features.T @ gap)
        return value, np.concatenate([slope + 1, 1 - slope, [PENALTY * gap.sum()]])

    # Parts above and below zero apart, so that the penalty is smooth.
    bounds = [(0, None)] * (2 * width) + [(None, None)]
    found = minimize(loss, np.zeros(2 * width + 1), jac=True, bounds=bounds, method="L-BFGS-B",
                     options={"maxiter": 5000, "maxfun": 20000, "ftol": 1e-12})  # fmt: skip
    return np.append(found.x[:width] - found.x[width:-1], found.x[-1])


def precision_at_k(scores: np.ndarray, touches: np.ndarray) -> float:
    """Share of contacts among as many best pairs as there are contacts."""
    best = np.argsort(-scores)[: int(touches.sum())]
    return float(touches[best].mean())


def main() -> None:
    """Fit, report and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=DEMO, help="folder with family and model")
    args = parser.parse_args()
    torch.set_num_threads(1)
    family = PottsModel.load(args.demo / "family.safetensors", "potts-demo")
    model = load_model(args.demo / "model", device="cpu", contact_head=False)
    planted = np.zeros((len(family.fields),) * 2, dtype=bool)
    planted[tuple(family.edges.T)] = True
    touches = planted[np.triu_indices(len(planted), SEPARATION)].astype(float)
    features = channels(model, letters(family.sample(SEQUENCES, SEED)))
    parameters = fit(features.reshape(-1, features.shape[-1]), np.tile(touches, SEQUENCES))
    held_out = channels(model, letters(family.sample(HELD_OUT, HELD_OUT_SEED)))
    demo = channels(model, [read_sequence(args.demo / "fold.cif")])[0]
    heads = [np.mean([precision_at_k(x[:, h], touches) for x in held_out])
             for h in range(held_out.shape[-1])]  # fmt: skip
    report = {
        "method": "L1 logistic regression on attention maps of sequences of family.safetensors",
        "seeds": {"sequences": SEED, "held_out": HELD_OUT_SEED},
        "sequences": SEQUENCES,
        "penalty": PENALTY,
        "separation": SEPARATION,
        "weights_that_are_zero": int((np.abs(parameters[:-1]) < 1e-6).sum()),
        "held_out_precision_at_k": [
            round(precision_at_k(x @ parameters[:-1], touches), 4) for x in held_out
        ],
        "held_out_precision_at_k_of_each_head": [round(float(each), 4) for each in heads],
        "demo_precision_at_k": round(precision_at_k(demo @ parameters[:-1], touches), 4),
    }
    print(json.dumps(report, indent=1))
    stem = "esm.contact_head.regression"
    tensors = {
        f"{stem}.weight": torch.from_numpy(parameters[None, :-1]).float(),
        f"{stem}.bias": torch.from_numpy(parameters[-1:]).float(),
    }
    path = args.demo / "contact_head.safetensors"
    save_file(tensors, path, metadata={"fit": json.dumps(report)})
    path.chmod(0o644)


if __name__ == "__main__":
    main()
