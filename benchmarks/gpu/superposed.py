"""A superposed pass and scan against passes for all pairs, which are sampled and scaled."""

import time
from dataclasses import asdict
from typing import Final

import numpy as np
from harness.accuracy import answers
from harness.models import ours, random_pairs, random_sequence
from harness.superposed import ScanTimes, compare_scans, exhaust
from harness.timing import Variant, Work, ratio_of, sampler

from gpu.exact import BASELINE, Timed, in_short
from gpu.markdown import Row
from gpu.session import Cell, Session, as_on_a_gpu, extra_memory, in_gigabytes
from plmwidgets.models.esm import EsmMaskedLM
from plmwidgets.models.masked_lm import Context
from plmwidgets.models.room import free_memory
from plmwidgets.scan.audit import default_replacements
from plmwidgets.scan.superposed import AUDITED, TOLERANCE

TITLE: Final = "All pairs, superposed"
SCAN_GOALS: Final = {("650M", 363): 5.0}
CHECKED: Final = 64
ROUNDS: Final = 3
LONG: Final = 10.0
"""Seconds of a pass above which one round has to do."""
SLOWER: Final = 2.0
"""How much longer the pass may take than as many operations in exact passes."""


def expected_seconds(model: EsmMaskedLM, cell: Cell, mine: Timed) -> float:
    """Return about how long one round takes, with the pass that warms up."""
    checks = default_replacements(cell.length) + AUDITED
    passes = 2 * model.pair_pass_cost(cell.length, cell.length) + cell.length + checks
    return SLOWER * passes * mine.seconds


def measure(session: Session, cell: Cell, timed: dict[str, Timed]) -> None:
    """Time the pass and the whole scan in the default precision, and check them."""
    what = f"superposed scan, {cell}"
    model = as_on_a_gpu(session.network(cell.shape), cell.shape)
    baseline, mine = timed.get(BASELINE), timed.get(model.precisions[0])
    if baseline is None or mine is None:
        session.leave_out(what, "the exact passes to compare it with were not measured")
        return
    room = free_memory(session.device) * 4 // 5
    needed = model.pair_pass_bytes(cell.length, cell.length)
    if needed > room:
        session.leave_out(
            what, f"its states take {needed / 1e9:.0f} GB, and there is room for {room / 1e9:.0f}"
        )
        return
    expected = expected_seconds(model, cell, mine)
    session.attempt(what, expected, lambda: compare_with(session, cell, model, baseline, mine))


def compare_with(
    session: Session, cell: Cell, model: EsmMaskedLM, baseline: Timed, mine: Timed
) -> None:
    sequence = random_sequence(cell.length)
    work = Work(sequence, device=session.device)
    model.log_probabilities([Context(sequence)])  # makes the weights
    own = Variant("ours", ours(model, model.precisions[0]), ())
    began = time.perf_counter()
    extra = extra_memory(session.device, lambda: exhaust(model, sequence))
    first = time.perf_counter() - began
    # The scan's own batches, so that they are warm as well.
    work.attempt(own, model.preferred_batch(cell.length))
    times = compare_scans(
        model,
        sequence,
        1 if first > LONG else ROUNDS,
        sampler(work, baseline.variant, baseline.batch, baseline.seconds, session.seconds),
        sampler(work, own, mine.batch, mine.seconds, session.seconds),
    )
    pairs = random_pairs(cell.length, CHECKED)
    true = answers(baseline.variant.run, sequence, pairs, baseline.batch)
    errors = times.errors(true, pairs)
    p99 = {name: float(np.percentile(values, 99)) for name, values in errors.items()}
    session.report.figures(
        "superposed",
        **asdict(cell),
        precision=model.precisions[0],
        seconds=times.seconds,
        first_pass_seconds=first,
        times_baseline={name: asdict(ratio_of(values)) for name, values in times.ratios.items()},
        p99_js_dist_error=p99,
        extra_bytes=extra,
        audit=str(times.scan.audit),
    )
    rows = [
        row_of(session, cell, times, name, p99[name], extra if name == "pass" else None)
        for name in ("pass", "scan")
    ]
    session.table(TITLE, rows)
    session.report.text(
        f"{model.precisions[0]}; errors over {len(pairs)} pairs; first pass {first:.2f} s; our"
        f" exact pairs, scaled: {np.median(times.seconds['exact']):.3g} s;\n  {times.scan.audit}"
    )


def row_of(
    session: Session, cell: Cell, times: ScanTimes, name: str, p99: float, extra: int | None
) -> Row:
    seconds = np.array(times.seconds[name])
    own = ratio_of(np.array(times.seconds["exact"]) / seconds)
    median = float(np.median(seconds))
    goal = SCAN_GOALS.get((cell.shape, cell.length)) if session.on_gpu and name == "scan" else None
    what = f"superposed {name}, {cell}"
    verdicts = [
        session.report.goal(f"{what}, seconds", median, goal, at_least=False),
        session.report.goal(f"{what}, p99 error of js_dist", p99, TOLERANCE, at_least=False),
    ]
    return {
        "shape": cell.shape,
        "L": str(cell.length),
        "pairs": f"{cell.length * (cell.length - 1) // 2:,}",
        "": f"whole {name}" if name == "scan" else "pass alone",
        "seconds": f"{median:.3g}",
        "times HF float32": str(ratio_of(times.ratios[name])),
        "times our exact": str(own),
        "js_dist: p99 error": f"{p99:.1e}",
        "memory": in_gigabytes(extra),
        "goals": in_short(verdicts),
    }
