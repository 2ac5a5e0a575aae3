"""One interactive context, of which all positions are wanted: how long a click waits for it."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

import numpy as np
from harness.models import Floats, published, random_sequence

from gpu.session import Cell, Session, as_on_a_gpu
from plmwidgets.models.masked_lm import Context

TITLE: Final = "One context, all positions"
CALLS: Final = 50
WARM_UP: Final = 5


def measure(session: Session, cell: Cell) -> None:
    """Time single contexts, ours in the default precision and transformers' in turn."""
    network = session.network(cell.shape)
    model = as_on_a_gpu(network, cell.shape)
    baseline = published(network, model.tokens)
    everywhere = np.arange(cell.length)[None]
    sequence = random_sequence(cell.length)
    ways: dict[str, Callable[[Context], Floats]] = {
        "ours": lambda context: model.log_probabilities([context]),
        "HF float32": lambda context: baseline([context], everywhere),
    }
    random = np.random.default_rng(0)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(WARM_UP + CALLS):
        context = Context(sequence, (int(random.integers(cell.length)),))
        for name, run in ways.items():
            began = time.perf_counter()
            run(context)
            times[name].append(1e3 * (time.perf_counter() - began))
    kept = {name: np.array(values[WARM_UP:]) for name, values in times.items()}
    session.report.figures(
        "latency", **asdict(cell), precision=model.precisions[0], calls=CALLS, ms=kept
    )
    median = {name: float(np.median(values)) for name, values in kept.items()}
    session.table(
        TITLE,
        [
            {
                "shape": cell.shape,
                "L": str(cell.length),
                "precision": model.precisions[0],
                "median": f"{median['ours']:.3g} ms",
                "p95": f"{np.percentile(kept['ours'], 95):.3g} ms",
                "HF float32": f"{median['HF float32']:.3g} ms",
            }
        ],
    )
