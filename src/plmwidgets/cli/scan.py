"""Scan all pairs of masks of the proteins in a file, into stores that can be gone on with.

The same command goes on where the last one stopped, whatever stopped it. Ctrl-C and SIGTERM end it
after the work in hand (exit status 130 or 143); a second one at once.
"""

import argparse
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plmwidgets.cli.records import Record, part_of, records_of

if TYPE_CHECKING:
    from plmwidgets.cli.watch import Stop
    from plmwidgets.models.masked_lm import MaskedLM
    from plmwidgets.protein import Protein

HELP = "scan all pairs of the proteins in a file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("file", type=Path, help="FASTA (all entries), PDB, mmCIF or BinaryCIF")
    parser.add_argument("--model", required=True, help="what load_model takes, such as esm2-8m")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument(
        "--store",
        metavar="PATH",
        help="where to keep the scan; for a file of several proteins, the folder of NAME.zarr each",
    )
    action.add_argument(
        "--plan", action="store_true", help="only say what time, memory and disk it would take"
    )
    parser.add_argument("--record", metavar="NAME", help="only this FASTA entry: name or index")
    parser.add_argument("--chain", help="which chain of a structure")
    parser.add_argument(
        "--part",
        metavar="K/N",
        help="only the K-th of N shares of the proteins: one for each task of an array job",
    )
    parser.add_argument(
        "--positions", metavar="TEXT", help='only pairs among these, such as "3-40, 52"'
    )
    parser.add_argument(
        "--windows",
        action="store_true",
        help="cut proteins beyond the model's length into overlapping windows; the store is then a "
        "folder with one for each window, which scan_windows opens",
    )
    parser.add_argument("--method", choices=("exact", "superposed"), default="exact")
    parser.add_argument("--precision", choices=("reference", "final", "preview"))
    parser.add_argument("--device", help="such as cuda:1 (default: the best there is)")
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16", "float16"), help="of the weights"
    )
    parser.add_argument(
        "--backend",
        choices=["ray"],
        help="use the model that plmwidgets serve holds, with all its replicas",
    )
    parser.add_argument(
        "--memory", metavar="SIZE", help='stream weights that need more, such as "16 GB"'
    )


@dataclass(frozen=True, slots=True)
class Job:
    """One scan: of a protein, or of a window of one."""

    name: str
    protein: "Protein"
    store: str


def run(options: argparse.Namespace) -> int:
    """Scan, or plan, one protein after the other; return the exit status."""
    from plmwidgets.cli.watch import Stop
    from plmwidgets.models import load_model

    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        records = records_of(options.file, options.record, options.chain)
        alone = len(records) == 1
        records = part_of(records, options.part)
        if not records:
            print(f"there is no protein for part {options.part}")
            return 0
        model = load_model(
            options.model,
            options.device,
            options.dtype,
            options.memory,
            backend=options.backend,
        )
        with Stop() as stop:
            return _work_on(records, alone, model, options, stop)


def _work_on(
    records: list[Record],
    alone: bool,
    model: "MaskedLM",
    options: argparse.Namespace,
    stop: "Stop",
) -> int:
    from plmwidgets.scan.places import inside

    work: Callable[[Job, MaskedLM, dict[str, Any], Stop], None] = _plan if options.plan else _scan
    settings = {name: getattr(options, name) for name in ("positions", "method", "precision")}
    folder, failed = str(options.store), []
    for record in records:
        store = folder if alone else str(inside(folder, f"{record.name}.zarr"))
        try:
            for job in _jobs(record, model, store, options):
                if not stop.signal:
                    work(job, model, settings, stop)
        except (MemoryError, OSError, RuntimeError, ValueError) as error:
            _complain(f"{record.name}: {error if str(error) else type(error).__name__}")
            failed.append(record.name)
        if stop.signal:
            _say("stopped: the same command goes on from here")
            return stop.exit_status
    if failed and len(records) > 1:
        _complain(f"{len(failed)} of {len(records)} proteins failed: {', '.join(failed)}")
    return 1 if failed else 0


def _jobs(record: Record, model: "MaskedLM", store: str, options: argparse.Namespace) -> list[Job]:
    from plmwidgets.scan.windows import window_store, windows_of

    protein = record.read()
    limit = model.max_length
    if not options.windows or limit is None or len(protein) <= limit:
        return [Job(record.name, protein, store)]
    if options.positions is not None:
        raise ValueError("--positions cannot be cut into --windows: leave one of them away")
    return [
        Job(f"{record.name} {window.first + 1}-{window.last + 1}", window.protein, place)
        for window in windows_of(protein, limit)
        for place in [window_store(store, window)]
    ]


def _plan(job: Job, model: "MaskedLM", settings: dict[str, Any], stop: "Stop") -> None:
    from plmwidgets.scan.plan import plan_scan

    _say(f"{job.name}:\n{plan_scan(job.protein, model, **settings)}")


def _scan(job: Job, model: "MaskedLM", settings: dict[str, Any], stop: "Stop") -> None:
    from plmwidgets.cli.watch import watch
    from plmwidgets.scan.progress import ScanStatus
    from plmwidgets.scan.start import prepare_pairs

    scan = prepare_pairs(job.protein, model, job.store, **settings)
    if scan.progress.status is ScanStatus.FINISHED:
        _say(f"{job.name}: complete already, {scan.pairs_total:,} pairs in {job.store}")
        return
    if scan.progress.done:
        _say(f"{job.name}: going on from {scan.progress.done:,} of {scan.pairs_total:,} pairs")
    scan.start()
    watch(scan, job.name, stop)
    progress = scan.progress
    if stop.signal and progress.status is not ScanStatus.FINISHED:
        # Blocks that were not whole yet are not stored.
        _say(f"{job.name}: stopped at about {progress.done:,} of {progress.total:,} pairs")
        return
    _say(f"{job.name}: {progress}, in {progress.elapsed:,.1f} s")
    _say(f"  open it in Python: plmwidgets.PairScan.load({job.store!r})")


def _say(line: str) -> None:
    print(line, flush=True)  # a log is read while the job runs


def _complain(line: str) -> None:
    print(f"plmwidgets: {line}", file=sys.stderr, flush=True)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Say it without the place in the code, which tells nothing in a shell."""
    _complain(f"warning: {message}")
