"""One exact pass for a pair of hidden residues: speed, share of the peak, accuracy, memory."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import torch
from harness.accuracy import (
    LARGEST_ERROR,
    LARGEST_LOG_P_ERROR,
    LARGEST_P99,
    LEAST_SPEARMAN,
    Errors,
    answers,
    errors_of,
)
from harness.models import (
    Floats,
    Ints,
    Run,
    in_type,
    ours,
    pass_flops,
    published,
    random_pairs,
    random_sequence,
)
from harness.report import Report
from harness.timing import Variant, Work, compare, free, ratio_of

from gpu.markdown import Row
from gpu.session import Cell, Session, as_on_a_gpu, extra_memory, in_gigabytes
from plmwidgets.metrics import js_distance
from plmwidgets.models.masked_lm import Context

TITLE: Final = "One exact pass for two hidden residues"
BASELINE: Final = "HF float32"
HALF: Final = "HF float16"
ERROR_COLUMNS: Final = ("log p: max error", "js_dist: p99 error", "max error", "Spearman")
COLUMNS: Final = (
    *("shape", "L", "variant", "batch", "ms/pass", "of peak"),
    *(f"times {BASELINE}", f"times {HALF}", *ERROR_COLUMNS, "memory", "goals"),
)
PRODUCTS: Final = {"final": "float16", "reference": "float32", "preview": "bfloat16"}
"""What each precision of ours multiplies in."""
BATCHES: Final = {"cuda": (1, *(2**n for n in range(2, 11))), "cpu": (1, 4, 16)}
SHARE_GOALS: Final = {("650M", 363, "final"): 0.5}
CHECK_SECONDS: Final = 10.0
CHECKED: Final = (32, 256)
"""Fewest and most pairs whose answers are compared."""
TUNING: Final = 600
"""Passes of the baseline that take as long as trying out the batches of all variants, about."""


@dataclass(frozen=True)
class Timed:
    """A variant at its best batch, and seconds a pass."""

    variant: Variant
    batch: int
    seconds: float


class WhenAsked:
    """A way to run that makes its weights when it is first asked, and again after `release`."""

    def __init__(self, make: Callable[[], Run]) -> None:
        self._make = make
        self._run: Run | None = None

    def __call__(self, contexts: Sequence[Context], positions: Ints) -> Floats:
        """Return log-probabilities at positions, as every `Run`."""
        if self._run is None:
            self._run = self._make()
        return self._run(contexts, positions)

    def release(self) -> None:
        """Drop the weights and buffers."""
        self._run = None


def expected_seconds(session: Session, cell: Cell, rounds: int) -> float:
    """Return about how long `measure` takes, if float32 reaches half of its peak."""
    a_pass = pass_flops(cell.shape, cell.length) / (session.peaks["float32"] / 2)
    variants = 2 + len(PRODUCTS)
    return variants * rounds * session.seconds + 2 * CHECK_SECONDS + TUNING * a_pass


def measure(session: Session, cell: Cell, rounds: int) -> dict[str, Timed]:
    """Time all variants that fit the memory, and compare what they answer."""
    sequence = random_sequence(cell.length)
    variants = variants_of(session, cell)
    work = Work(sequence, device=session.device)
    batches, times = compare(variants, work, rounds, session.seconds)
    session.measure_peaks()
    timed = {
        variant.name: Timed(variant, batches[variant.name], float(np.median(times[variant.name])))
        for variant in variants
        if variant.name in batches
    }
    pairs, true = checked(timed.get(BASELINE), sequence)
    rows = []
    for variant in variants:
        row = dict.fromkeys(COLUMNS, "")
        row |= {"shape": cell.shape, "L": str(cell.length), "variant": variant.name}
        found = timed.get(variant.name)
        if found is None:
            session.report.figures("exact pass", **asdict(cell), variant=variant.name, batch=None)
            rows.append({**row, "goals": "no batch fits the memory"})
            continue
        share = pass_flops(cell.shape, cell.length) / found.seconds / session.peaks[variant.peak]
        ratios = {
            name: ratio_of(times[name] / times[variant.name])
            for name in (BASELINE, HALF)
            if name in timed and name != variant.name
        }
        errors = None
        if true is not None and variant.name != BASELINE:
            errors = errors_of(answers(variant.run, sequence, pairs, found.batch), true)
        extra = memory_of(session, work, found)
        session.report.figures(
            "exact pass",
            **asdict(cell),
            variant=variant.name,
            batch=found.batch,
            ms=1e3 * found.seconds,
            rounds_ms=1e3 * times[variant.name],
            share_of_peak=share,
            peak=session.peaks[variant.peak],
            times={name: asdict(ratio) for name, ratio in ratios.items()},
            errors=None if errors is None else asdict(errors),
            extra_bytes=extra,
        )
        row |= {
            "batch": str(found.batch),
            "ms/pass": f"{1e3 * found.seconds:.3g}",
            "of peak": f"{share:.0%}",
            "memory": in_gigabytes(extra),
            "goals": judge(session, cell, variant.name, share, errors),
        }
        row |= {f"times {name}": str(ratio) for name, ratio in ratios.items()}
        rows.append(row if errors is None else row | error_cells(errors))
    session.table(TITLE, rows)
    if true is not None:
        typical = np.median(js_distance(*true))
        session.report.text(
            f"errors over {len(pairs)} pairs, whose median js_dist is {typical:.3f}"
        )
    return timed


def variants_of(session: Session, cell: Cell) -> list[Variant]:
    """Return the network as the notebook runs it, in half precision, and ours."""
    network = session.network(cell.shape)
    model = as_on_a_gpu(network, cell.shape)
    tokens, batches = model.tokens, BATCHES[session.device.type]
    mine = sorted({*batches, model.preferred_batch(cell.length)})
    half = WhenAsked(lambda: by_torch_defaults(published(in_type(network, torch.float16), tokens)))
    variants = [
        Variant(BASELINE, published(network, tokens), batches),
        Variant(HALF, half, batches, "float16", half.release),
    ]
    for precision, product in PRODUCTS.items():
        run = our_run(session, cell, precision)
        variants.append(Variant(precision, run, mine, product, run.release))
    return variants


def by_torch_defaults(run: Run) -> Run:
    """Let float16 be added up in float16, and cuDNN attend: torch may, our encoders forbid it."""
    switches = torch.backends.cuda

    def switched(contexts: Sequence[Context], positions: Ints) -> Floats:
        sums, attention = (
            switches.matmul.allow_fp16_reduced_precision_reduction,
            switches.cudnn_sdp_enabled(),
        )
        switches.matmul.allow_fp16_reduced_precision_reduction = True
        switches.enable_cudnn_sdp(True)
        try:
            return run(contexts, positions)
        finally:
            switches.matmul.allow_fp16_reduced_precision_reduction = sums
            switches.enable_cudnn_sdp(attention)

    return switched


def our_run(session: Session, cell: Cell, precision: str) -> WhenAsked:
    """Return the package's exact forward in a precision, in a model of its own."""
    network = session.network(cell.shape)
    return WhenAsked(lambda: ours(as_on_a_gpu(network, cell.shape), precision))


def checked(baseline: Timed | None, sequence: str) -> tuple[Ints, tuple[Floats, Floats] | None]:
    """Return random pairs and the baseline's answers; fewer pairs where it is slow."""
    if baseline is None:
        return np.empty((0, 2), np.int64), None
    # A pair takes three passes: both residues together, and each alone.
    count = int(np.clip(CHECK_SECONDS / (3 * baseline.seconds), *CHECKED))
    pairs = random_pairs(len(sequence), count)
    return pairs, answers(baseline.variant.run, sequence, pairs, baseline.batch)


def memory_of(session: Session, work: Work, timed: Timed) -> int | None:
    """Return the most bytes that a batch takes beyond the weights; None on a CPU."""
    if not session.on_gpu:
        return None
    timed.variant.release()
    free(session.device)
    work.time(timed.variant, 1)  # makes the weights
    # Three times: when a shape comes again, a pass may be recorded as a CUDA graph.
    extra = extra_memory(session.device, lambda: work.time(timed.variant, timed.batch, 3))
    timed.variant.release()
    free(session.device)
    return extra


def judge(session: Session, cell: Cell, name: str, share: float, errors: Errors | None) -> str:
    """Record the goals of a variant; return the verdict."""
    goal = SHARE_GOALS.get((cell.shape, cell.length, name)) if session.on_gpu else None
    what = f"{name} pass, {cell}"
    verdicts = [session.report.goal(f"{what}, share of the peak", share, goal)]
    if errors is not None:
        # Pairs of a random network are too much alike to be ranked: see `trained.py`.
        verdicts += judge_errors(session.report, what, name, errors, ranks=False)
    return in_short(verdicts)


def judge_errors(report: Report, what: str, name: str, errors: Errors, *, ranks: bool) -> list[str]:
    """Record the goals of accuracy that a precision has; return their verdicts."""
    largest = LARGEST_LOG_P_ERROR if name == "reference" else None
    least = LEAST_SPEARMAN.get(name) if ranks else None
    p99, most = LARGEST_P99.get(name), LARGEST_ERROR.get(name)
    return [
        report.goal(f"{what}, largest error of log p", errors.max_log_p, largest, at_least=False),
        report.goal(f"{what}, p99 error of js_dist", errors.p99, p99, at_least=False),
        report.goal(f"{what}, largest error of js_dist", errors.max, most, at_least=False),
        report.goal(f"{what}, rank correlation of js_dist", errors.spearman, least),
    ]


def in_short(verdicts: Sequence[str]) -> str:
    """Return one verdict of several."""
    judged = [verdict for verdict in verdicts if verdict]
    missed = [verdict for verdict in judged if verdict.startswith("FAIL")]
    return "; ".join(missed) or ("PASS" if judged else "")


def error_cells(errors: Errors) -> Row:
    """Return the cells of a row that tell errors."""
    values = (errors.max_log_p, errors.p99, errors.max)
    cells = {name: f"{value:.1e}" for name, value in zip(ERROR_COLUMNS, values, strict=False)}
    return {**cells, ERROR_COLUMNS[-1]: f"{errors.spearman:.4f}"}
