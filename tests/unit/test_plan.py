"""Plans against what scans then take: passes, files and bytes. Times are a benchmark's matter."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_models import ToyModel

from plmwidgets.models import load_model
from plmwidgets.models.masked_lm import ModelError
from plmwidgets.protein import Protein
from plmwidgets.scan import plan
from plmwidgets.scan.plan import plan_scan
from plmwidgets.scan.start import scan_pairs

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQ" * 3


def files_of(store):
    return [Path(folder, name) for folder, _, names in os.walk(store) for name in names]


@pytest.mark.parametrize("positions", [None, "3-30, 50"])
def test_the_passes_of_an_exact_scan_are_those_it_makes(positions):
    model = ToyModel(f"passes {positions}")
    planned = plan_scan(SEQUENCE, model, positions)
    model.calls.clear()
    scan_pairs(SEQUENCE, model, positions=positions).wait(30)
    assert planned.passes == sum(map(len, model.calls))
    assert planned.seconds > planned.passes * planned.seconds_a_pass > 0


@pytest.mark.parametrize("positions", [None, "3-30"])
def test_the_work_of_a_superposed_scan_is_what_it_reports(tiny_esm2, positions):
    planned = plan_scan(SEQUENCE, str(tiny_esm2), positions, method="superposed")
    scan = scan_pairs(SEQUENCE, str(tiny_esm2), positions=positions, method="superposed")
    scan.wait(60)
    assert planned.passes == pytest.approx(scan.audit.passes)
    assert planned.pairs == scan.pairs_total


@pytest.mark.parametrize("method", ["exact", "superposed"])
def test_the_store_is_as_large_as_planned(tmp_path, method):
    protein = Protein.demo()
    planned = plan_scan(protein, "demo", method=method)
    scan_pairs(protein, "demo", tmp_path / "store", method=method).wait(60)
    files = files_of(tmp_path / "store")
    assert sum(file.stat().st_size for file in files) == pytest.approx(
        planned.store_bytes, rel=0.15
    )
    assert len(files) == pytest.approx(planned.store_files, abs=4)


MEASURED = """
import sys
sys.path[:0] = [{tests!r}]
from toy_models import ToyModel
from plmwidgets.scan.plan import plan_scan
from plmwidgets.scan.start import prepare_pairs

def peak():
    # Not getrusage: that counts what the process was that started this one.
    lines = open("/proc/self/status").readlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

model, sequence = ToyModel("memory"), "MKTAYIAKQR" * 80
planned = plan_scan(sequence, model).host_bytes
before = peak()
scan = prepare_pairs(sequence, model, {store!r})
scan.values("js_dist")
print(planned - before, peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux")
def test_memory_grows_by_what_was_planned_within_a_factor_of_two(tmp_path):
    code = MEASURED.format(tests=str(Path(__file__).parents[1]), store=str(tmp_path / "store"))
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    planned, measured = map(int, found.stdout.split())
    assert measured > 100e6
    assert planned / 2 < measured < 2 * planned


def test_the_states_of_a_superposed_pass_are_those_it_makes(tiny_esm2, monkeypatch):
    from plmwidgets.models import room

    model, made = load_model(tiny_esm2), []
    make = room.Room.make

    def counted(self, shape, dtype):
        tensor = make(self, shape, dtype)
        made.append(tensor.nbytes)
        return tensor

    monkeypatch.setattr(room.Room, "make", counted)
    for _ in model.pair_pass(SEQUENCE, np.arange(40)):
        pass
    # A number more beside each head's values, a quarter of them here, are left out.
    assert sum(made) == pytest.approx(model.pair_pass_bytes(len(SEQUENCE), 40), rel=0.06)


def result_of(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_a_long_pass_is_timed_by_its_first_steps(monkeypatch):
    class Slow:
        taken = 0

        def log_probability_steps(self, contexts, positions, precision):
            for step in range(1, 101):
                self.taken = step
                yield step / 100

    now = iter(0.3 * tick for tick in range(1000))
    monkeypatch.setattr(plan.time, "perf_counter", lambda: next(now))
    model = Slow()
    steps = plan._some_steps(model, [], np.zeros((0, 2), np.int64), "reference")
    np.testing.assert_allclose(result_of(steps), [30.0])
    assert model.taken < 10


def test_a_slow_model_is_planned_from_two_batches():
    model = ToyModel("slow", seconds=0.3)
    planned = plan_scan(SEQUENCE, model)
    assert planned.seconds_a_pass >= 0.3
    assert sum(map(len, model.calls)) < 12


def test_a_plan_reads_well_and_refuses_what_a_scan_refuses(tiny_esm1b):
    planned = plan_scan(Protein(SEQUENCE, "mine"), ToyModel("reads"))
    text = repr(planned)
    assert "exact scan of 'mine': 66 residues, 2,145 pairs; reads on cpu" in text
    assert "2,212 passes" in text and "53 files" in text
    with pytest.raises(ModelError, match="at most 128 residues"):
        plan_scan(SEQUENCE * 3, str(tiny_esm1b))
    with pytest.raises(ModelError, match="no superposed pass"):
        plan_scan(SEQUENCE, ToyModel("no pass"), method="superposed")
    model = ToyModel("broken")
    model.fails_with = RuntimeError("broken")
    with pytest.raises(RuntimeError, match="broken"):
        plan_scan(SEQUENCE, model)
