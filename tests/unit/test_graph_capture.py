"""How a GPU is asked to record a pass, and what is left when that fails."""

import threading
import time
from contextlib import contextmanager

import pytest
import torch

from plmwidgets.models import graphs


@pytest.fixture
def asked(monkeypatch):
    """What is asked of CUDA, in order; any of it may be made to fail."""
    log, fails = [], {}

    def note(name):
        log.append(name)
        if name in fails:
            raise fails[name]

    class Graph:
        def capture_begin(self, pool, capture_error_mode):
            assert pool == "pool"
            note(f"begin {capture_error_mode}")

        def capture_end(self):
            note("end")

    class Stream:
        device = torch.device("cuda:1")

        def __init__(self, name):
            self.name = name

        def wait_stream(self, other):
            note(f"{self.name} waits for {other.name}")

    @contextmanager
    def using(what):
        log.append(f"use {getattr(what, 'name', what)}")
        try:
            yield
        finally:
            log.append(f"leave {getattr(what, 'name', what)}")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream(f"main of {device}"))
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
    monkeypatch.setattr(graphs, "_spoiled", [])
    for name in ("_cuda_endAllocateToPool", "_cuda_releasePool"):
        monkeypatch.setattr(
            torch._C,
            name,
            lambda device, pool, name=name: note(f"{name} {device} {pool}"),
            raising=False,
        )
    monkeypatch.setattr(torch.cuda, "stream", using)
    monkeypatch.setattr(torch.cuda, "device", using)
    monkeypatch.setattr(
        torch._C, "_cuda_clearCublasWorkspaces", lambda: note("clear"), raising=False
    )
    return log, fails, note, Stream("side")


BEFORE = ["side waits for main of cuda:1", "use cuda:1", "use side", "compute", "clear"]


def test_a_pass_is_warmed_up_and_recorded_on_a_stream_of_its_own(asked):
    log, _, note, stream = asked
    graph, result = graphs.capture(lambda: note("compute") or "result", stream)
    assert result == "result"
    assert hasattr(graph, "capture_end")
    assert log == [
        *BEFORE,
        "begin thread_local",
        "compute",
        "end",
        "clear",
        "leave side",
        "leave cuda:1",
        "main of cuda:1 waits for side",
    ]
    assert not graphs.recording.locked()


@pytest.mark.parametrize("where", ["begin thread_local", "end", "compute"])
def test_what_fails_leaves_the_stream_and_ends_the_recording(where, asked):
    log, fails, note, stream = asked
    fails[where] = RuntimeError("not permitted")
    passes = []

    def compute():
        passes.append(1)
        if len(passes) == 2 or where != "compute":
            note("compute")

    with pytest.raises(RuntimeError, match="not permitted"):
        graphs.capture(compute, stream)
    released = ["_cuda_endAllocateToPool 1 pool", "_cuda_releasePool 1 pool", "clear"]
    left = ["leave side", "leave cuda:1", "main of cuda:1 waits for side"]
    assert log[-7:] == ["end", *released, *left]
    assert len(graphs._spoiled) == 1
    assert not graphs.recording.locked()


def test_what_fails_before_the_recording_leaves_the_stream_as_well(asked):
    log, *_, stream = asked

    def compute():
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        graphs.capture(compute, stream)
    assert log[-3:] == ["leave side", "leave cuda:1", "main of cuda:1 waits for side"]
    assert graphs._spoiled == []


def test_the_first_failure_is_told_not_what_it_leads_to(asked):
    _, fails, _, stream = asked
    fails["end"] = RuntimeError("capture was invalidated")
    passes = []

    def compute():
        passes.append(1)
        if len(passes) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        graphs.capture(compute, stream)


def test_one_graph_is_recorded_at_a_time(asked):
    *_, stream = asked
    inside, most = [], []

    def compute():
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.01)
        inside.pop()

    threads = [threading.Thread(target=graphs.capture, args=(compute, stream)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_goes_on_after_a_recording_that_failed():
    stream, passes = torch.cuda.Stream(), []

    def compute():
        passes.append(1)
        if len(passes) == 2:
            torch.cuda.synchronize()  # which cannot be recorded
        return torch.ones(3, device="cuda") * 2

    current = torch.cuda.current_stream()
    with pytest.raises(RuntimeError):
        graphs.capture(compute, stream)
    assert torch.cuda.current_stream() == current
    torch.cuda.empty_cache()  # fails while anything is recorded
    graph, result = graphs.capture(lambda: torch.ones(3, device="cuda") * 2, stream)
    graph.replay()
    assert result.tolist() == [2.0, 2.0, 2.0]
