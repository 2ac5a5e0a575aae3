"""`benchmarks/gpu_speed.py`, tried on a CPU with a tiny network: its figures, not its times."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
GPU = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    ],
)
VARIANTS = ["HF float32", "HF float16", "final", "reference", "preview"]


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def run(tmp_path, *options):
    """Run the script; return its record, its tables and what it printed."""
    command = [sys.executable, str(BENCHMARKS / "gpu_speed.py"), "--threads", "1", *options]
    command += ["--json", str(tmp_path / "gpu.json"), "--markdown", str(tmp_path / "gpu.md")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / "gpu.json").read_text())
    return record, (tmp_path / "gpu.md").read_text(), done.stdout


def named(record, name):
    return [figures for figures in record["figures"] if figures["name"] == name]


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", GPU])
def test_every_part_is_measured_and_judged(tmp_path, device):
    options = ["--device", device, "--shapes", "tiny", "--lengths", "20", "40"]
    record, tables, printed = run(tmp_path, *options, "--rounds", "2", "--seconds", "0.01")
    assert record["finished"]
    assert not named(record, "left out"), printed
    assert set(record["conditions"]["peaks"]) == {"float32", "float16", "bfloat16"}

    passes = named(record, "exact pass")
    asked = [(length, name) for length in (20, 40) for name in VARIANTS]
    assert [(each["length"], each["variant"]) for each in passes] == asked
    for each in passes:
        assert each["batch"] >= 1
        assert len(each["rounds_ms"]) == 2
        assert each["ms"] == pytest.approx(np.median(each["rounds_ms"]))
        operations = 2 * (24 * (each["length"] + 2) * 64**2 + 4 * (each["length"] + 2) ** 2 * 64)
        share = operations / (each["ms"] / 1e3) / each["peak"]
        assert each["share_of_peak"] == pytest.approx(share)
        assert (each["extra_bytes"] or 0) > 0 or device == "cpu"
        others = {"HF float32", "HF float16"} - {each["variant"]}
        assert set(each["times"]) == others
    errors = {(e["length"], e["variant"]): e["errors"] for e in passes}
    for length in (20, 40):
        assert errors[length, "HF float32"] is None
        # Rounding, in the order of what they compute in.
        off = [errors[length, name]["max_log_p"] for name in ("reference", "final", "preview")]
        assert 0 < off[0] < 2e-5 < off[1] < off[2] < 0.3

    (first, second) = named(record, "superposed")
    assert (first["length"], second["length"]) == (20, 40)
    for each in (first, second):
        assert each["precision"] == "final"
        assert {name: len(times) for name, times in each["seconds"].items()} == {
            name: 3 for name in ("pass", "scan", "exact")
        }
        assert each["p99_js_dist_error"]["pass"] < 0.02
    for each in named(record, "latency"):
        assert {name: len(times) for name, times in each["ms"].items()} == {
            "ours": 50,
            "HF float32": 50,
        }
    assert len(named(record, "latency")) == 2
    assert {(each["model"], each["variant"]) for each in named(record, "trained")} == {
        (model, name) for model in ("demo", "deep_model") for name in VARIANTS[2:]
    }

    goals = {goal["what"]: goal for goal in record["goals"]}
    for where in ("tiny, L = 20", "tiny, L = 40", "demo", "deep_model"):
        gates = [name for name in goals if where in name and "pass" in name]
        assert f"reference pass, {where}, largest error of log p" in gates
        assert f"final pass, {where}, p99 error of js_dist" in gates
        assert f"final pass, {where}, largest error of js_dist" in gates
        assert f"preview pass, {where}, p99 error of js_dist" in gates
        assert goals[f"reference pass, {where}, largest error of log p"]["met"]
    # Speed is judged on a GPU, at one shape; ranks where weights are trained.
    assert not any("share" in name or "seconds" in name for name in goals)
    assert {name for name in goals if "rank" in name} == {
        "final pass, demo, rank correlation of js_dist",
        "final pass, deep_model, rank correlation of js_dist",
    }

    met = sum(goal["met"] for goal in record["goals"])
    assert f"{met} of {len(goals)} goals were met." in tables
    assert "cut off" not in tables
    assert tables.count("| tiny | 40 |") == len(VARIANTS) + 1 + 2
    assert all(f"| {name} |" in tables for name in VARIANTS)
    widths = {
        line.count("|") for line in tables.splitlines() if line.startswith("| tiny | 20 | HF")
    }
    assert widths == {tables.splitlines()[6].count("|")}


def test_what_there_is_no_time_for_is_named(tmp_path):
    options = ("--device", "cpu", "--shapes", "tiny", "3B", "--lengths", "20", "363")
    record, tables, _ = run(tmp_path, *options, "--minutes", "0", "--seconds", "0.01")
    left_out = named(record, "left out")
    assert [each["what"] for each in left_out] == [
        "exact pass, 3B, L = 363",
        "trained models",
        "exact pass, tiny, L = 20",
        "exact pass, tiny, L = 363",
        "exact pass, 3B, L = 20",
    ]
    assert all("0 s are left" in each["why"] for each in left_out)
    assert tables.count("0 s are left") == 5
    assert record["finished"]
    assert record["goals"] == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_how_to_try_it(monkeypatch):
    import gpu_speed

    monkeypatch.setattr(sys, "argv", ["gpu_speed.py"])
    with pytest.raises(SystemExit, match=r"no device 'cuda:0' here.* --device cpu --shapes tiny"):
        gpu_speed.main()


def test_the_most_important_cells_come_first():
    from gpu_speed import FIRST, in_order

    default = in_order(["8M", "150M", "650M", "3B"], [76, 363, 1000])
    assert [str(cell) for cell in default[:3]] == ["650M, L = 363", "8M, L = 76", "8M, L = 363"]
    assert default == list(FIRST)
    assert {cell.length for cell in default[-4:]} == {1000}


def timed(monkeypatch, seconds):
    """Let passes take what a table says, by batch; what is missing does not fit the memory."""
    from harness.timing import Work

    tried = []

    def time(self, variant, batch, batches=1):
        if batch not in tried:
            tried.append(batch)
        if batch not in seconds:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return seconds[batch]

    monkeypatch.setattr(Work, "time", time)
    return Work("ACDE"), tried


def variant(batches, released=None, name="one"):
    from harness.timing import Variant

    kept = [] if released is None else released
    return Variant(name, lambda *_: None, batches, release=lambda: kept.append(name))


@pytest.mark.parametrize(
    ("seconds", "best", "tried"),
    [
        ({1: 8, 2: 5, 4: 3, 8: 2, 16: 1}, (16, 1), [1, 2, 4, 8, 16]),
        # Twice in vain; one that is hardly cheaper is in vain as well.
        ({1: 8, 2: 5, 4: 6, 8: 4.95, 16: 1}, (8, 4.95), [1, 2, 4, 8]),
        ({1: 8, 2: 5, 4: 6, 8: 4, 16: 3}, (16, 3), [1, 2, 4, 8, 16]),
        # Out of memory.
        ({1: 8, 2: 5}, (2, 5), [1, 2, 4]),
        ({}, None, [1]),
    ],
)
def test_larger_batches_are_tried_while_they_help_and_fit(monkeypatch, seconds, best, tried):
    work, asked = timed(monkeypatch, seconds)
    assert work.best_batch(variant((1, 2, 4, 8, 16))) == best
    assert asked == tried


def test_what_fits_no_batch_is_missing_and_the_others_are_timed(monkeypatch):
    from harness.timing import compare

    work, _ = timed(monkeypatch, {4: 0.1, 8: 0.05})
    released = []
    variants = [
        variant((4, 8, 16), released, "fits"),
        variant((32, 64), released, "too large"),
    ]
    batches, times = compare(variants, work, rounds=3)
    assert batches == {"fits": 8}
    assert {name: values.tolist() for name, values in times.items()} == {"fits": [0.05] * 3}
    assert {"fits", "too large"} == set(released)


def test_other_errors_are_no_reason_to_try_less(monkeypatch):
    from harness.timing import Work

    def time(*_):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(Work, "time", time)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        Work("ACDE").best_batch(variant((1, 2)))


def test_the_conditions_on_a_gpu_are_told(monkeypatch):
    from gpu.markdown import markdown
    from harness import conditions

    about = SimpleNamespace(name="Some GPU", major=9, minor=0, multi_processor_count=132, uuid="1")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: about)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (79e9, 80e9))
    monkeypatch.setattr(conditions, "_uses_kernels", lambda device: True)
    found = conditions.gpu_conditions(torch.device("cuda:0"))
    found |= {"date": "2026-11-22T00:00:00", "torch": "2", "transformers": "5"}
    everything = {**found, "peaks": {"float16": 7.5e14}}
    text = markdown(everything, {}, [], ["one cell: no time"], finished=True)
    assert text.startswith("## Some GPU, 2026-11-22\n\nSome GPU; 80 GB; capability 9.0; ")
    assert "; fused kernels; float32 products in 'highest' precision." in text
    assert "float16 750 TF/s" in text
    assert text.endswith("Left out:\n\n- one cell: no time\n")
    assert "cut off" in markdown(everything, {}, [], [], finished=False)


def test_memory_is_the_peak_of_a_run_beyond_what_was_there(monkeypatch):
    from gpu.session import extra_memory

    held = {"now": 100, "peak": 900}  # a peak of earlier

    def run():
        held["peak"] = max(held["peak"], held["now"] + 50)

    for name, stub in {
        "synchronize": lambda device: None,
        "memory_allocated": lambda device: held["now"],
        "max_memory_allocated": lambda device: held["peak"],
        "reset_peak_memory_stats": lambda device: held.update(peak=held["now"]),
    }.items():
        monkeypatch.setattr(torch.cuda, name, stub)
    assert extra_memory(torch.device("cuda"), run) == 50


def test_float16_is_added_up_as_torch_would():
    from gpu.exact import by_torch_defaults

    switches = torch.backends.cuda

    def state(*_):
        sums = switches.matmul.allow_fp16_reduced_precision_reduction
        return sums, switches.cudnn_sdp_enabled()

    sums, attention = state()
    try:
        # As an encoder in float16 does.
        switches.matmul.allow_fp16_reduced_precision_reduction = False
        switches.enable_cudnn_sdp(False)
        assert by_torch_defaults(state)([], np.empty((0, 2))) == (True, True)
        assert state() == (False, False)
    finally:
        switches.matmul.allow_fp16_reduced_precision_reduction = sums
        switches.enable_cudnn_sdp(attention)


class StubReport:
    def __init__(self):
        self.conditions, self.goals, self.kept, self.saved = {}, [], [], 0

    def figures(self, name, **values):
        self.kept.append({"name": name, **values})

    def text(self, line):
        pass

    def save(self):
        self.saved += 1


def test_a_part_that_fails_is_recorded_and_the_next_one_runs(capsys):
    from gpu.session import Session

    report = StubReport()
    session = Session(report, torch.device("cpu"), minutes=1, seconds=0, markdown=None)

    def too_large():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0")

    def broken():
        raise ZeroDivisionError("of a benchmark")

    assert session.attempt("large", 0, too_large) is None
    assert not session.failed
    assert session.attempt("broken", 0, broken) is None
    assert session.failed
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert session.attempt("good", 0, lambda: 7) == 7
    assert session.attempt("long", 3600, lambda: 7) is None
    assert [(each["what"], each["why"][:32]) for each in report.kept] == [
        ("large", "the memory does not suffice: it "),
        ("broken", "it failed: ZeroDivisionError: of"),
        ("long", "it would take about 3600 s, and "),
    ]
    assert report.saved >= 4


def test_a_copy_in_half_precision_is_what_would_be_loaded():
    from harness.models import in_type, random_network

    network = random_network("tiny")
    half = in_type(network, torch.float16)
    assert {weight.dtype for weight in half.parameters()} == {torch.float16}
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    assert half.esm.rotary_embeddings.inv_freq.dtype == torch.float32
    assert half.lm_head.decoder.weight is half.esm.embeddings.word_embeddings.weight
    for one, other in zip(network.parameters(), half.parameters(), strict=True):
        assert torch.equal(one.half(), other)


def test_random_weights_are_drawn_on_the_device_and_repeat():
    from harness.models import random_network

    first, second = (random_network("tiny", seed=3) for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    weight = first.esm.encoder.layer[0].intermediate.dense.weight
    # 0.045 at a width of 320, more where it is narrower.
    assert weight.std().item() == pytest.approx(0.045 * (320 / 64) ** 0.5, rel=0.03)
    assert random_network("tiny", device="meta").device.type == "meta"
