"""Plans of pair scans against the scans: time, peak memory and store, each case in a process.

The goal is a factor of two, either way. Of two long proteins only the plan itself is measured: how
long it takes and how far memory rises while it is made.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before torch is loaded, as the package sets it: threads that spin make a busy machine crawl.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from harness.models import random_network, random_sequence, wrap
from harness.report import Report, parser
from superposed_speed import peak_memory

from plmwidgets.models import load_model
from plmwidgets.protein import Protein
from plmwidgets.scan.plan import plan_scan
from plmwidgets.scan.start import scan_pairs

FACTOR = 2.0


@dataclass(frozen=True)
class Case:
    """A scan to plan, and to run unless it is too long."""

    shape: str
    length: int
    method: str
    run: bool = True
    quick: bool = True

    def __str__(self) -> str:
        return f"{self.shape}, L = {self.length}, {self.method}"


CASES = (
    Case("demo", 64, "exact"),
    Case("demo", 64, "superposed"),
    Case("8M", 128, "exact"),
    Case("8M", 128, "superposed"),
    Case("8M", 363, "superposed", quick=False),
    Case("8M", 2000, "exact", run=False),
    Case("8M", 2000, "superposed", run=False),
    Case("650M", 2000, "exact", run=False),
)


def measure(case: Case, folder: Path) -> dict[str, Any]:
    """Plan and run one case in this process."""
    if case.shape == "demo":
        protein, model = Protein.demo(), load_model("demo")
    else:
        protein = Protein(random_sequence(case.length))
        model = wrap(random_network(case.shape), case.shape)
    before, began = peak_memory(), time.perf_counter()
    plan = plan_scan(protein, model, method=case.method)
    found: dict[str, Any] = {
        "plan_seconds": time.perf_counter() - began,
        "plan_bytes": peak_memory() - before,
        "seconds": [plan.seconds],
        "bytes": [plan.host_bytes],
        "store_bytes": [plan.store_bytes],
        "store_files": [plan.store_files],
    }
    if case.run:
        began = time.perf_counter()
        scan_pairs(protein, model, folder / "scan.zarr", method=case.method).wait()
        files = [path for path in folder.rglob("*") if path.is_file()]
        found["seconds"].append(time.perf_counter() - began)
        found["bytes"].append(peak_memory())
        found["store_bytes"].append(sum(path.stat().st_size for path in files))
        found["store_files"].append(len(files))
    return found


def in_a_process(index: int, threads: int) -> dict[str, Any]:
    """Measure a case where nothing else has grown the process."""
    asked = [sys.executable, __file__, "--case", str(index), "--threads", str(threads)]
    done = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def against(values: list[float], scale: float) -> str:
    """Show what was planned, what came, and their ratio."""
    planned = values[0] / scale
    if len(values) == 1:
        return f"{planned:,.4g}"
    return f"{planned:,.4g} / {values[1] / scale:,.4g} = {values[0] / values[1]:.2f}"


def main(arguments: argparse.Namespace) -> None:
    report = Report("Plans against scans (planned / measured)", arguments)
    rows = []
    for index, case in enumerate(CASES):
        if arguments.quick and not case.quick:
            continue
        found = in_a_process(index, arguments.threads)
        report.figures(str(case), **found)
        rows.append(
            {
                "case": str(case),
                "seconds": against(found["seconds"], 1),
                "peak MB": against(found["bytes"], 1e6),
                "store MB": against(found["store_bytes"], 1e6),
                "files": against(found["store_files"], 1),
                "planning s": f"{found['plan_seconds']:.1f}",
                "planning MB": f"{found['plan_bytes'] / 1e6:.0f}",
            }
        )
        report.text(f"{case} measured")
        for what in ("seconds", "bytes", "store_bytes"):
            if case.run:
                ratio = found[what][0] / found[what][1]
                report.goal(f"{case}: {what}, off by", max(ratio, 1 / ratio), FACTOR, False)
    report.table(rows)
    report.finish()


if __name__ == "__main__":
    made = parser(__doc__)
    made.add_argument("--case", type=int, help=argparse.SUPPRESS)
    options = made.parse_args()
    if options.case is None:
        main(options)
    else:
        torch.set_num_threads(options.threads)
        with tempfile.TemporaryDirectory() as place:
            print(json.dumps(measure(CASES[options.case], Path(place))))
