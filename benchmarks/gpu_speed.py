"""The engine on a GPU: passes, superposed scans and single contexts of ESM-2's shapes.

Random weights; needs nothing but the package. What matters most is measured first, and the files
are written after each part, so that a run that is cut off has lost nothing. Every part says if it
was left out and why: for want of time, of memory, or because it failed.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from gpu import exact, latency, superposed, trained
from gpu.session import Cell, Session
from harness.conditions import gpu_conditions
from harness.models import SHAPES
from harness.report import Report, parser

from plmwidgets.models.devices import choose_device

FIRST: Final = (
    Cell("650M", 363),
    Cell("8M", 76),
    Cell("8M", 363),
    Cell("150M", 363),
    Cell("150M", 76),
    Cell("650M", 76),
    Cell("3B", 363),
    Cell("3B", 76),
    Cell("8M", 1000),
    Cell("150M", 1000),
    Cell("650M", 1000),
    Cell("3B", 1000),
)
"""What matters most comes first; what is not in the list comes last."""
LATENCY_SECONDS: Final = 5.0
"""About what that part takes."""


def main() -> None:
    """Measure cell by cell; the exit status is 1 if a part failed."""
    made = parser(__doc__)
    made.set_defaults(threads=torch.get_num_threads())
    made.add_argument("--device", default="cuda")
    made.add_argument("--shapes", nargs="+", choices=SHAPES, default=["8M", "150M", "650M", "3B"])
    made.add_argument("--lengths", type=int, nargs="+", default=[76, 363, 1000])
    made.add_argument("--minutes", type=float, default=25.0, help="begin nothing that ends later")
    made.add_argument("--rounds", type=int, default=8)
    made.add_argument(
        "--seconds", type=float, default=0.4, help="how long each variant runs in a round"
    )
    made.add_argument("--markdown", type=Path, metavar="PATH", help="save the tables")
    arguments = made.parse_args()
    try:
        device = choose_device(arguments.device)
    except ValueError as error:
        raise SystemExit(
            f"{error} To try the script without a GPU: --device cpu --shapes tiny --lengths 20 40"
        ) from None
    torch.set_float32_matmul_precision("highest")  # some images change torch's default
    report = Report("Speed on a GPU", arguments)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        about = gpu_conditions(device)
        report.conditions.update(about)
        report.text("; ".join(f"{name} {value}" for name, value in about.items()))
    else:
        report.text("A trial of the script: its times say nothing about a GPU and are not judged.")
    session = Session(report, device, arguments.minutes, arguments.seconds, arguments.markdown)
    rounds = max(1, arguments.rounds // 2) if arguments.quick else arguments.rounds
    for number, cell in enumerate(in_order(arguments.shapes, arguments.lengths)):
        measure(session, cell, rounds)
        if number == 0:
            session.attempt("trained models", trained.EXPECTED, lambda: trained.measure(session))
    session.finish()
    raise SystemExit(session.failed)


def in_order(shapes: Sequence[str], lengths: Sequence[int]) -> list[Cell]:
    """Return the cells asked for, the most important first."""
    asked = [Cell(shape, length) for shape, length in itertools.product(shapes, lengths)]
    return sorted(asked, key=lambda cell: FIRST.index(cell) if cell in FIRST else len(FIRST))


def measure(session: Session, cell: Cell, rounds: int) -> None:
    """Measure the parts of a cell; those after the first need what it found."""
    timed = session.attempt(
        f"exact pass, {cell}",
        exact.expected_seconds(session, cell, rounds),
        lambda: exact.measure(session, cell, rounds),
    )
    if timed is None:
        return
    session.attempt(f"one context, {cell}", LATENCY_SECONDS, lambda: latency.measure(session, cell))
    superposed.measure(session, cell, timed)


if __name__ == "__main__":
    main()
