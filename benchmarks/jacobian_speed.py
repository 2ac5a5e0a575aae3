"""A whole categorical Jacobian: ours against a plain loop over transformers at its best batch.

Random weights; the scores are compared with the definition, computed from the loop's logits.
"""

import argparse
import time
from typing import Any

import numpy as np
import torch
from harness.models import Floats, pass_flops, random_network, random_sequence, wrap
from harness.report import Report, add_shape, parser
from harness.timing import ratio_of

from plmwidgets import jacobian
from plmwidgets.models.esm import EsmMaskedLM
from plmwidgets.models.masked_lm import Context

GOALS = {128: 1.15}
LARGEST_ERROR = 1e-4
BATCHES = (4, 8, 10, 16, 20, 40)


def main() -> None:
    """Measure each length."""
    made = parser(__doc__)
    add_shape(made, (128,))
    made.add_argument("--rounds", type=int, default=5)
    arguments = made.parse_args()
    report = Report("Speed of a categorical Jacobian", arguments)
    network = random_network(arguments.shape)
    model = wrap(network, arguments.shape)
    rows = [measure(report, arguments, length, network, model) for length in arguments.lengths]
    report.table(rows)
    report.finish()


def measure(
    report: Report, arguments: argparse.Namespace, length: int, network: Any, model: EsmMaskedLM
) -> dict[str, str]:
    sequence = random_sequence(length)
    ids = mutants(model, sequence)
    batch = best_batch(network, model, ids)
    times: dict[str, list[float]] = {"HF float32": [], "ours": []}
    random = np.random.default_rng(0)
    for _ in range(2 if arguments.quick else arguments.rounds):
        for name in random.permutation(list(times)).tolist():
            began = time.perf_counter()
            if name == "ours":
                found = jacobian(sequence, model, precision="reference")
                found.wait(quiet=True)
            else:
                tensor = plain_loop(network, model, ids, batch)
            times[name].append(time.perf_counter() - began)
    ratio = ratio_of(np.array(times["HF float32"]) / np.array(times["ours"]))
    expected = definition(tensor.reshape(length, 20, length, 20))
    error = float(np.abs(found.contacts().to_numpy() - expected).max() / np.abs(expected).max())
    what = f"categorical Jacobian, L={length}"
    goal = GOALS.get(length) if arguments.shape == "8M" else None
    speed = report.goal(f"{what}, times HF float32", ratio, goal)
    accuracy = report.goal(
        f"{what}, largest error of a score over the largest score", error, LARGEST_ERROR, False
    )
    seconds = {name: float(np.median(values)) for name, values in times.items()}
    report.figures(
        what,
        shape=arguments.shape,
        length=length,
        batches={"HF float32": batch, "ours": model.preferred_batch(length)},
        seconds=seconds,
        gflops=20 * length * pass_flops(arguments.shape, length) / seconds["ours"] / 1e9,
        times_baseline=ratio,
        error=error,
    )
    return {
        "L": str(length),
        "HF batch": str(batch),
        "HF s": f"{seconds['HF float32']:.1f}",
        "our batch": str(model.preferred_batch(length)),
        "ours s": f"{seconds['ours']:.1f}",
        "times HF float32": str(ratio),
        "speed": speed,
        "error": f"{error:.1e}",
        "accuracy": accuracy,
    }


def mutants(model: EsmMaskedLM, sequence: str) -> torch.Tensor:
    """Token ids of all substitutions, (20 L, T): those of a residue one after the other."""
    tokens = model.tokens
    letters = torch.from_numpy(tokens.columns)
    wild = torch.from_numpy(tokens.encode([Context(sequence)])[0])
    ids = wild.repeat(20 * len(sequence), 1)
    for n in range(len(sequence)):
        ids[20 * n : 20 * n + 20, n + tokens.prefix] = letters
    return ids


def plain_loop(network: Any, model: EsmMaskedLM, ids: torch.Tensor, batch: int) -> Floats:
    """Return the logits of all residues in twenty columns, (20 L, L, 20)."""
    columns = torch.from_numpy(model.tokens.columns)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(ids), batch):
            some = ids[start : start + batch]
            logits = network(input_ids=some, attention_mask=torch.ones_like(some)).logits
            parts.append(logits[:, 1:-1, columns].numpy())
    return np.concatenate(parts)


def best_batch(network: Any, model: EsmMaskedLM, ids: torch.Tensor) -> int:
    """Return the batch that makes the loop's passes cheapest."""
    times = {}
    for batch in BATCHES:
        plain_loop(network, model, ids[:batch], batch)
        tried = []
        for _ in range(3):
            began = time.perf_counter()
            plain_loop(network, model, ids[: 2 * max(BATCHES)], batch)
            tried.append(time.perf_counter() - began)
        times[batch] = min(tried)
    return min(times, key=lambda batch: times[batch])


def definition(tensor: Floats) -> Floats:
    """Scores of the whole tensor at once, (L, L)."""
    centred = tensor.astype(np.float64)
    for axis in range(4):
        centred -= centred.mean(axis=axis, keepdims=True)
    norms = np.linalg.norm((centred + centred.transpose(2, 3, 0, 1)) / 2, axis=(1, 3))
    np.fill_diagonal(norms, 0)
    scores = norms - np.outer(norms.sum(1), norms.sum(0)) / norms.sum()
    np.fill_diagonal(scores, 0)
    return (scores + scores.T) / 2


if __name__ == "__main__":
    main()
