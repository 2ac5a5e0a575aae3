"""How much faster two replicas of a shared model scan than one, each with one thread.

A cluster with one replica and one with two are started in turn, and scan the same protein with a
random network of the 8M shape. Both scans must be equal bit for bit.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from harness.models import random_network, random_sequence
from harness.report import Report, add_shape, parser
from harness.timing import ratio_of
from transformers import AutoTokenizer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from serving import Serve

import plmwidgets as plm

GOAL = 1.7
SCAN = """
import sys, time
import numpy as np
import plmwidgets as plm
model, sequence, out = sys.argv[1:]
shared = plm.load_model(model, backend="ray")
plm.scan_pairs(sequence[:16], shared).wait()  # every replica has been at work once
began = time.perf_counter()
scan = plm.scan_pairs(sequence, shared)
scan.wait()
print(time.perf_counter() - began)
np.save(out, scan.log_probabilities)
"""


def timed(folder: Path, replicas: int, sequence: str) -> tuple[float, np.ndarray]:
    """Scan with so many replicas, in a process of its own; return seconds and the result."""
    model = str(folder / "model")
    served = Serve(folder, "--model", model, "--replicas", str(replicas), "--cpus", "1")
    try:
        served.wait_for("Ctrl-C ends it")
        out = folder / "result.npy"
        done = subprocess.run(
            [sys.executable, "-c", SCAN, model, sequence, str(out)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return float(done.stdout.split()[-1]), np.load(out)
    finally:
        served.end()
        time.sleep(1)


def main() -> None:
    made = parser(__doc__)
    add_shape(made, [96])
    arguments = made.parse_args()
    report = Report("Replicas of a shared model", arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random_network(arguments.shape).save_pretrained(folder / "model")
        demo = Path(plm.__file__).parent / "demo" / "model"
        AutoTokenizer.from_pretrained(demo).save_pretrained(folder / "model")
        for length in arguments.lengths:
            sequence = random_sequence(length)
            ratios = []
            for _ in range(1 if arguments.quick else 3):
                one, first = timed(folder, 1, sequence)
                two, second = timed(folder, 2, sequence)
                if not np.array_equal(first, second, equal_nan=True):
                    raise AssertionError("the scans differ")
                ratios.append(one / two)
                print(f"L = {length}: {one:.1f} s with one, {two:.1f} s with two", flush=True)
            what, ratio = f"two replicas over one, L = {length}", ratio_of(ratios)
            report.figures(what, ratios=ratios)
            verdict = report.goal(what, ratio, GOAL)
            report.table([{"": what, "speed": str(ratio), "goal": f">= {GOAL}x {verdict}"}])
    report.finish()


if __name__ == "__main__":
    main()
