"""Run the benchmarks of the scan engine, one after the other, and sum up their goals.

The exit status is 0 whatever they find: they are measurements.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.report import parser

SCRIPTS = (
    "exact_speed",
    "superposed_speed",
    "superposed_accuracy",
    "metrics_speed",
    "jacobian_speed",
)


def main() -> None:
    """Run each script in a process of its own."""
    arguments = parser(__doc__).parse_args()
    began = time.perf_counter()
    records: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for script in SCRIPTS:
            path = Path(folder) / f"{script}.json"
            command = [sys.executable, str(Path(__file__).with_name(f"{script}.py"))]
            command += ["--threads", str(arguments.threads), "--json", str(path)]
            done = subprocess.run(command + ["--quick"] * arguments.quick, check=False)
            if done.returncode == 0:
                records[script] = json.loads(path.read_text())
    goals = [goal for record in records.values() for goal in record["goals"]]
    title = f"Goals: {sum(goal['met'] for goal in goals)} of {len(goals)} met"
    print(f"\n{title}\n{'=' * len(title)}")
    for goal in sorted(goals, key=lambda goal: goal["met"]):
        sign = ">=" if goal["at_least"] else "<="
        verdict = "PASS" if goal["met"] else "FAIL"
        print(f"{verdict}  {goal['what']}: {goal['value']:.3g} ({sign} {goal['goal']:g})")
    for script in SCRIPTS:
        if script not in records:
            print(f"FAIL  {script}.py ended with an error, see above")
    print(f"{(time.perf_counter() - began) / 60:.1f} minutes")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(records, indent=1) + "\n")


if __name__ == "__main__":
    main()
