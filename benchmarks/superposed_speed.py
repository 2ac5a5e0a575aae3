"""All pairs by a superposed scan against one pass for every pair: speed, growth and memory.

Random weights. Passes for every pair are not run for all of them: batches of random pairs are
timed before and after each measurement, and scaled to all pairs.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
import torch
from harness.accuracy import answers
from harness.models import (
    Run,
    ours,
    published,
    random_network,
    random_pairs,
    random_sequence,
    wrap,
)
from harness.report import Report, add_shape, parser
from harness.superposed import compare_scans, exhaust
from harness.timing import Ratio, Variant, Work, ratio_of, sampler

from plmwidgets import scan_pairs
from plmwidgets.metrics import js_distance
from plmwidgets.models.esm import EsmMaskedLM
from plmwidgets.models.masked_lm import Context
from plmwidgets.scan.audit import REPLACED_FOR_EACH
from plmwidgets.scan.superposed import AUDITED, TOLERANCE

PASS_GOALS = {128: 24.0, 363: 65.0}
SCAN_GOALS = {128: 10.0, 363: 32.0}
MEMORY_LENGTH = 363
MEMORY_GOALS = {"exact": 1.0, "superposed": 4.0}  # GB
GROWTH = (32, 64, 128, 256, 512)
QUICK = 256  # residues at which the growth stops in a quick run
SHORT = 128  # residues up to which there are three rounds, and larger batches are tried
SAMPLE_SECONDS = 2.0
EXACT_SECONDS = 30.0
CHECKED = 64


def main() -> None:
    """Measure memory first, while this process is small."""
    made = parser(__doc__)
    add_shape(made, (128, 363))
    made.add_argument("--growth", type=int, nargs="*", default=list(GROWTH), metavar="LENGTH")
    made.add_argument("--memory-length", type=int, default=MEMORY_LENGTH)
    made.add_argument("--only-memory", choices=MEMORY_GOALS, help=argparse.SUPPRESS)
    arguments = made.parse_args()
    if arguments.only_memory:
        torch.set_num_threads(arguments.threads)
        print(json.dumps(memory_of(arguments)))
        return
    report = Report("Speed, growth and memory of a superposed scan", arguments)
    report_memory(report, arguments)
    network = random_network(arguments.shape)
    model = wrap(network, arguments.shape)
    baseline = published(network, model.tokens)
    pass_seconds = {
        length: report_speed(report, arguments, model, baseline, length)
        for length in arguments.lengths
    }
    report_growth(report, arguments, model, pass_seconds)
    report.finish()


# Speed


def report_speed(
    report: Report,
    arguments: argparse.Namespace,
    model: EsmMaskedLM,
    baseline: Run,
    length: int,
) -> float:
    """Compare the pass and the whole scan with passes for every pair; return seconds a pass."""
    sequence, short = random_sequence(length), length <= SHORT
    work, count = Work(sequence), length * (length - 1) // 2
    published_one = Variant("HF float32", baseline, (4, 8, 16, 32) if short else (2, 4, 8, 16))
    our_batches = (8, 16, 32, 64) if short else (4, 8, 16)
    our_one = Variant("reference", ours(model, "reference"), our_batches)
    exhaust(model, sequence[:SHORT])  # warm up
    rounds = 3 if short and not arguments.quick else 1
    samples = [
        sampler(work, variant, *best(work, variant), SAMPLE_SECONDS)
        for variant in (published_one, our_one)
    ]
    times = compare_scans(model, sequence, rounds, *samples)
    seconds, ratios, scan = times.seconds, times.ratios, times.scan
    pairs = random_pairs(length, CHECKED)
    assert scan.audit is not None
    true = answers(baseline, sequence, pairs)
    errors = times.errors(true, pairs)
    goals = {"pass": PASS_GOALS, "scan": SCAN_GOALS}
    rows = []
    for name, label in (("pass", "superposed pass"), ("scan", "superposed scan")):
        ratio, p99 = ratio_of(ratios[name]), float(np.percentile(errors[name], 99))
        goal = goals[name].get(length) if arguments.shape == "8M" else None
        what = f"{label}, L={length}"
        own = ratio_of(np.array(seconds["exact"]) / np.array(seconds[name]))
        rows.append(
            {
                f"L = {length}, {count:,} pairs": label,
                "seconds": f"{np.median(seconds[name]):.1f}",
                "times HF float32": str(ratio),
                "speed": report.goal(f"{what}, times HF float32", ratio, goal),
                "times our exact": str(own),
                "p99 |d js_dist|": f"{p99:.1e}",
                "accuracy": report.goal(f"{what}, p99 |d js_dist|", p99, TOLERANCE, at_least=False),
            }
        )
        record(report, arguments.shape, what, seconds[name], ratio, own, p99)
    exact = ratio_of(ratios["exact"])
    rows.append(
        {
            **dict.fromkeys(rows[0], ""),
            f"L = {length}, {count:,} pairs": "our exact pairs, scaled",
            "seconds": f"{np.median(seconds['exact']):.1f}",
            "times HF float32": str(exact),
        }
    )
    report.text("")
    report.table(rows)
    typical = np.median(js_distance(*true))
    report.text(
        f"{arguments.shape}, {rounds} rounds; errors over {len(pairs)} random pairs, whose median "
        f"js_dist is {typical:.3f}; the scan's own audit:\n  {scan.audit}"
    )
    report.figures(
        f"superposed scan, L={length}, audit",
        passes=scan.audit.passes,
        error_mean=scan.audit.error_mean,
        error_p99=scan.audit.error_p99,
        median_js_dist=typical,
    )
    return float(np.median(seconds["pass"]))


def best(work: Work, variant: Variant) -> tuple[int, float]:
    found = work.best_batch(variant)
    assert found is not None, "the smallest batch does not fit this machine's memory"
    return found


def record(
    report: Report,
    shape: str,
    what: str,
    seconds: Sequence[float],
    ratio: Ratio,
    own: Ratio,
    p99: float,
) -> None:
    report.figures(
        what,
        shape=shape,
        seconds=list(seconds),
        times_baseline=ratio,
        times_our_exact=own,
        p99_js_dist_error=p99,
    )


# Growth


def report_growth(
    report: Report,
    arguments: argparse.Namespace,
    model: EsmMaskedLM,
    known: dict[int, float],
) -> None:
    """Fit how work and time grow with the length; passes that are timed already are not rerun."""
    lengths = [n for n in arguments.growth if not (arguments.quick and n > QUICK)]
    if len(lengths) < 2:
        return
    seconds, passes, alone = [], [], []
    for length in lengths:
        if length not in known:
            sequence, times = random_sequence(length), []
            for _ in range(3 if length < SHORT else 1):
                began = time.perf_counter()
                exhaust(model, sequence)
                times.append(time.perf_counter() - began)
            known[length] = min(times)
        seconds.append(known[length])
        alone.append(model.pair_pass_cost(length, length))
        exact = min(round(REPLACED_FOR_EACH * length) + AUDITED, length * (length - 1) // 2)
        passes.append(alone[-1] + length + 1 + exact)
    columns = {
        "pass, seconds": (seconds, ".2f"),
        "pass, model passes": (alone, ",.0f"),
        "scan, model passes": (passes, ",.0f"),
        "exact scan, model passes": ([n * (n - 1) // 2 + n + 1 for n in lengths], ",.0f"),
    }
    rows = [
        {
            "growth": f"L = {length}",
            **{name: format(values[n], form) for name, (values, form) in columns.items()},
        }
        for n, length in enumerate(lengths)
    ]
    exponents = {
        name: float(np.polyfit(np.log(lengths), np.log(values), 1)[0])
        for name, (values, _) in columns.items()
    }
    fit = {name: f"L^{exponent:.2f}" for name, exponent in exponents.items()}
    report.text("")
    report.table([*rows, {"growth": "fitted", **fit}])
    report.text("a model pass is one over a context, whose time grows between L and L^2 itself")
    report.figures(
        "growth",
        shape=arguments.shape,
        lengths=lengths,
        exponents=exponents,
        **{name: values for name, (values, _) in columns.items()},
    )


# Memory


def report_memory(report: Report, arguments: argparse.Namespace) -> None:
    """Measure each scan in a process of its own."""
    rows = []
    for method, goal in MEMORY_GOALS.items():
        command = [sys.executable, __file__, "--only-memory", method]
        command += ["--shape", arguments.shape, "--threads", str(arguments.threads)]
        command += ["--memory-length", str(arguments.memory_length)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        extra = (found["peak"] - found["loaded"]) / 1e9
        what = f"peak extra memory, {method} scan, L={arguments.memory_length}"
        rows.append(
            {
                f"memory, L = {arguments.memory_length}": f"{method} scan",
                "loaded": f"{found['loaded'] / 1e9:.2f} GB",
                "peak": f"{found['peak'] / 1e9:.2f} GB",
                "extra": f"{extra:.2f} GB",
                "goal": report.goal(f"{what}, GB", extra, goal, at_least=False),
                "pairs": f"{found['pairs']:,} {found['kind']}",
            }
        )
        report.figures(what, shape=arguments.shape, **found)
    report.text("")
    report.table(rows)


def memory_of(arguments: argparse.Namespace) -> dict[str, int | str]:
    """Scan in this process; return bytes resident before, and the most there were."""
    model = wrap(random_network(arguments.shape), arguments.shape)
    model.log_probabilities([Context(random_sequence(16))])
    loaded = psutil.Process().memory_info().rss
    sequence = random_sequence(arguments.memory_length)
    if arguments.only_memory == "exact":
        # Its arrays are made at the start: the first seconds tell.
        scan = scan_pairs(sequence, model)
        try:
            scan.wait(EXACT_SECONDS)
        except TimeoutError:
            scan.cancel()
        kind = "computed of all"
    else:
        # The checks after the pass need less than the pass and only take time.
        scan = scan_pairs(sequence, model, method="superposed", replacements=0, audit=2)
        scan.wait()
        kind = "estimated or exact"
    return {"loaded": loaded, "peak": peak_memory(), "pairs": scan.pairs_computed, "kind": kind}


def peak_memory() -> int:
    """Most bytes that this process had resident."""
    # getrusage would do, but on Linux it counts the parent's memory before the program began.
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
