"""A pass of the network for a pair of hidden residues: ours against transformers' and fair-esm's.

Random weights; the accuracy of each variant is measured against transformers in float32.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from harness.accuracy import LARGEST_LOG_P_ERROR, LARGEST_P99, Errors, answers, errors_of
from harness.conditions import has_bfloat16
from harness.models import (
    SHAPES,
    Floats,
    Ints,
    Run,
    in_type,
    ours,
    pass_flops,
    published,
    random_network,
    random_pairs,
    random_sequence,
    wrap,
)
from harness.report import Report, add_shape, parser
from harness.timing import Ratio, Variant, Work, compare, gemm_peak, ratio_of

from plmwidgets.metrics import js_distance
from plmwidgets.models.masked_lm import Context
from plmwidgets.models.tokens import ResidueTokenizer

BASELINE = "HF float32"
FAIR_ESM = "fair-esm float32"
SPEED_GOALS = {76: {"reference": 1.30, "preview": 3.3}, 363: {"reference": 1.20, "preview": 2.7}}
CHECKED = 48
SHORT = 128  # residues up to which larger batches are tried


def main() -> None:
    """Measure each length."""
    made = parser(__doc__)
    add_shape(made, (76, 363))
    made.add_argument("--rounds", type=int, default=12)
    arguments = made.parse_args()
    report = Report("Speed of an exact pass", arguments)
    network = random_network(arguments.shape)
    model = wrap(network, arguments.shape)
    baseline = published(network, model.tokens)
    runs = {
        BASELINE: baseline,
        "HF bfloat16": published(in_type(network, torch.bfloat16), model.tokens),
        "reference": ours(model, "reference"),
        "preview": ours(model, "preview"),
    }
    try:
        runs[FAIR_ESM] = fair_esm(arguments.shape, model.tokens)
    except ImportError as error:
        report.text(f"fair-esm is left out: {error}")
    peaks = {dtype: gemm_peak(dtype) for dtype in ("float32", "bfloat16")}
    for length in arguments.lengths:
        measure(report, arguments, length, runs, peaks)
    report.figures("largest matrix products, operations a second", **peaks)
    report.finish()


def measure(
    report: Report,
    arguments: argparse.Namespace,
    length: int,
    runs: dict[str, Run],
    peaks: dict[str, float],
) -> None:
    sequence = random_sequence(length)
    variants = [
        Variant(name, run, batches_to_try(name, length), peak_of(name))
        for name, run in runs.items()
    ]
    rounds = arguments.rounds // 2 if arguments.quick else arguments.rounds
    batches, times = compare(variants, Work(sequence), rounds)
    for dtype, peak in list(peaks.items()):  # other work may have slowed the first one
        peaks[dtype] = max(peak, gemm_peak(dtype))
    pairs = random_pairs(length, CHECKED)
    true = answers(runs[BASELINE], sequence, pairs)
    typical = np.median(js_distance(*true))
    rows = []
    for variant in variants:
        name, seconds = variant.name, float(np.median(times[variant.name]))
        ratio = ratio_of(times[BASELINE] / times[name])
        rate = pass_flops(arguments.shape, length) / seconds
        share = rate / peaks[variant.peak]
        errors = (
            None if name == FAIR_ESM else errors_of(answers(variant.run, sequence, pairs), true)
        )
        report.figures(
            f"exact pass, {name}",
            shape=arguments.shape,
            length=length,
            batch=batches[name],
            ms=1e3 * seconds,
            gflops=rate / 1e9,
            share_of_peak=share,
            times_baseline=ratio,
            **(
                {}
                if errors is None
                else {"max_log_p_error": errors.max_log_p, "p99_js_dist_error": errors.p99}
            ),
        )
        rows.append(
            {
                f"L = {length}": name,
                "batch": str(batches[name]),
                "ms/pass": f"{1e3 * seconds:.2f}",
                "GF/s": f"{rate / 1e9:.0f}",
                "of peak": f"{share:.0%}",
                "times HF float32": str(ratio),
                **verdicts(report, arguments.shape, length, name, ratio, errors),
            }
        )
    report.text("")
    report.table(rows)
    report.text(
        f"{arguments.shape}, {rounds} rounds in random order; peak products: "
        + ", ".join(f"{dtype} {peak / 1e9:.0f} GF/s" for dtype, peak in peaks.items())
        + f"; errors over {len(pairs)} pairs, whose median js_dist is {typical:.3f}"
    )


def batches_to_try(name: str, length: int) -> Sequence[int]:
    mine = name in ("reference", "preview")
    if length <= SHORT:
        return (8, 16, 32, 64) if mine else (4, 8, 16, 32)
    return (4, 8, 16) if mine else (2, 4, 8, 16)


def peak_of(name: str) -> str:
    return "bfloat16" if name in ("preview", "HF bfloat16") else "float32"


def verdicts(
    report: Report,
    shape: str,
    length: int,
    name: str,
    ratio: Ratio,
    errors: Errors | None,
) -> dict[str, str]:
    """Return the cells of a row that judge it."""
    goals = SPEED_GOALS.get(length, {}) if shape == "8M" else {}
    speed = "" if name != "preview" or has_bfloat16() else "no bfloat16 here"
    if not speed:
        speed = report.goal(f"{name} pass, times HF float32, L={length}", ratio, goals.get(name))
    cells = {"speed": speed, "max |d log p|": "-", "p99 |d js_dist|": "-", "accuracy": ""}
    if errors is None:
        return cells
    cells["max |d log p|"] = f"{errors.max_log_p:.1e}"
    cells["p99 |d js_dist|"] = f"{errors.p99:.1e}"
    what = f"{name} pass, L={length}"
    if name == "reference":
        cells["accuracy"] = report.goal(
            f"{what}, max |d log p|", errors.max_log_p, LARGEST_LOG_P_ERROR, at_least=False
        )
    elif name == "preview":
        cells["accuracy"] = report.goal(
            f"{what}, p99 |d js_dist|", errors.p99, LARGEST_P99["preview"], at_least=False
        )
    return cells


def fair_esm(shape: str, tokens: ResidueTokenizer) -> Run:
    """Return the forward of the authors' own package, with its own random weights."""
    from esm.model.esm2 import ESM2

    layers, width, heads = SHAPES[shape]
    network: Any = ESM2(
        num_layers=layers, embed_dim=width, attention_heads=heads, alphabet="ESM-1b"
    )
    network.eval()
    columns = torch.from_numpy(tokens.columns)

    def run(contexts: Sequence[Context], positions: Ints) -> Floats:
        ids = torch.from_numpy(tokens.encode(contexts))
        with torch.inference_mode():
            logits = network(ids)["logits"]
            rows = torch.from_numpy(positions + tokens.prefix)
            chosen = logits[torch.arange(len(ids))[:, None], rows][..., columns]
            values: Floats = chosen.log_softmax(dim=-1).numpy()
            return values

    return run


if __name__ == "__main__":
    main()
