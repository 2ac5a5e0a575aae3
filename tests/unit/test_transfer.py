"""Copies between the host and a GPU: that they are asked for in the right way, without a GPU."""

import copy

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from plmwidgets.models import load_model
from plmwidgets.models.masked_lm import Context, run_to_end
from plmwidgets.models.transfer import STEPS_AHEAD, Download, Pace, upload

CPU = torch.device("cpu")
SECOND = torch.device("cuda:1")
LAST = torch.device("cuda", max(0, torch.cuda.device_count() - 1))
SEQUENCE = "ACDEFGHIKLMNPQ"
CONTEXTS = [Context(SEQUENCE, (i,)) for i in range(6)]
WANTED = np.array([[i, 0] for i in range(6)])


class Copies(TorchDispatchMode):
    """Notes each copy between devices: from, to, whether from or to page-locked memory, or waiting.

    ``(device, device, locked, waits)``.
    """

    def __init__(self):
        super().__init__()
        self.made = []
        self._locked = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if kwargs.get("pin_memory"):
            self._locked.append(out.untyped_storage())
        if func is torch.ops.aten.copy_.default:
            here, waits = args[1], not (args[2] if len(args) > 2 else kwargs.get("non_blocking"))
        elif func is torch.ops.aten._to_copy.default:
            here, waits = args[0], not kwargs.get("non_blocking")
        else:
            return out
        if here.device != out.device:
            used = {here.untyped_storage()._cdata, out.untyped_storage()._cdata}
            locked = any(each._cdata in used for each in self._locked)
            self.made.append((str(here.device), str(out.device), locked, waits))
        return out


@pytest.fixture
def gpu(monkeypatch):
    """Tensors on GPUs that are not there, and what is asked of their events."""
    log = []

    class Event:
        made = 0

        def __init__(self, blocking=False):
            assert blocking, "who waits would keep a core busy"
            Event.made += 1
            self.number = Event.made

        def record(self, stream):
            log.append(("record", self.number, stream))

        def synchronize(self):
            log.append(("wait", self.number))

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"stream of {device}")
    with FakeTensorMode(), Copies() as copies:
        yield log, copies.made


@pytest.fixture
def model():
    """The demo, as if its device worked on by itself."""
    demo = copy.copy(load_model("demo", device="cpu"))
    demo.capabilities |= {"asynchronous"}
    return demo


@pytest.mark.parametrize("shape", [(3, 4), (0,), (2, 0)])
def test_on_a_cpu_arrays_go_there_and_back(shape):
    array = np.random.default_rng(0).integers(9, size=shape)
    there = upload(array, CPU)
    assert there.device == CPU and there.dtype == torch.int64
    np.testing.assert_array_equal(Download(there).wait(), array)


def test_on_a_cpu_nothing_is_paced():
    pace = Pace(CPU)
    for _ in range(5):
        pace.step()


def test_an_upload_is_queued_from_page_locked_memory(gpu):
    log, copies = gpu
    there = upload(np.arange(6).reshape(2, 3), SECOND)
    assert (there.device, there.shape, there.dtype) == (SECOND, (2, 3), torch.int64)
    assert copies == [("cpu", "cuda:1", True, False)]
    assert log == [], "the queue orders it before what uses it"


def test_a_download_is_queued_to_page_locked_memory_and_marked_on_its_own_device(gpu):
    log, copies = gpu
    download = Download(torch.empty(2, 3, device=SECOND, dtype=torch.float64))
    assert download._host.dtype == torch.float64
    assert copies == [("cuda:1", "cpu", True, False)]
    assert log == [("record", 1, "stream of cuda:1")], "nothing is waited for yet"


def test_values_are_read_after_the_wait_and_leave_page_locked_memory(gpu):
    log, _ = gpu
    download = Download(torch.empty(2, device=SECOND))

    class Landing:
        def numpy(self):
            log.append(("read",))
            return landed

    landed = np.ones(2)
    download._host = Landing()
    found = download.wait()
    assert log[1:] == [("wait", 1), ("read",)]
    np.testing.assert_array_equal(found, landed)
    assert not np.shares_memory(found, landed)


def test_a_pace_waits_for_the_step_before_the_last_ones(gpu):
    log, _ = gpu
    pace = Pace(SECOND)
    for _ in range(5):
        pace.step()
    recorded = [entry for entry in log if entry[0] == "record"]
    assert recorded == [("record", i, "stream of cuda:1") for i in range(1, 6)]
    waited = {log[i - 1][1]: entry[1] for i, entry in enumerate(log) if entry[0] == "wait"}
    assert waited == {step: step - STEPS_AHEAD for step in range(STEPS_AHEAD + 1, 6)}


def test_a_model_on_a_gpu_copies_without_waiting(model, gpu):
    log, copies = gpu
    model.device = SECOND
    ids, wanted = model._tokens_of(CONTEXTS, WANTED)
    assert ids.device == wanted.device == SECOND
    model._of_residues(torch.empty(6, 2, 20, device=SECOND), wanted)
    assert [entry[0] for entry in log] == ["record"]
    there, back = ("cpu", "cuda:1", True, False), ("cuda:1", "cpu", True, False)
    assert copies == [there, there, back]


@pytest.mark.parametrize("positions", [None, WANTED])
def test_an_asynchronous_model_says_once_that_all_is_queued_and_then_waits(
    model, positions, monkeypatch
):
    log = []

    class Noted(Download):
        def __init__(self, values):
            log.append("download")
            super().__init__(values)

        def wait(self):
            log.append("wait")
            return super().wait()

    class Paced(Pace):
        def step(self):
            log.append("paced")
            super().step()

    monkeypatch.setattr("plmwidgets.models.huggingface.Download", Noted)
    monkeypatch.setattr("plmwidgets.models.esm.Pace", Paced)
    steps = model.log_probability_steps(CONTEXTS, positions)
    while (share := next(steps)) < 1:
        log.append(share)
    assert log == ["paced", 1 / 3, "paced", 2 / 3, "paced", "download"]
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert log[-1] == "wait"
    plain = load_model("demo", device="cpu")
    np.testing.assert_array_equal(end.value.value, plain.log_probabilities(CONTEXTS, positions))


def test_every_step_of_a_pair_pass_is_paced(model, monkeypatch):
    paced = []
    monkeypatch.setattr(Pace, "step", lambda self: paced.append(id(self)))
    steps = model.pair_pass(SEQUENCE, np.arange(4))
    for count, _ in enumerate(steps, start=1):
        assert len(paced) == count
    assert len(set(paced)) == 1


def test_on_a_cpu_a_model_is_not_asynchronous_and_yields_after_each_layer():
    plain = load_model("demo", device="cpu")
    assert "asynchronous" not in plain.capabilities
    assert list(plain.log_probability_steps(CONTEXTS, WANTED)) == [1 / 3, 2 / 3, 1]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_many_copies_under_way_do_not_share_memory():
    arrays = [np.random.default_rng(i).normal(size=(50, 40, 20)) for i in range(40)]
    downloads = []
    for array in arrays:
        there = upload(array, LAST)
        downloads.append(Download(there[:, 1:-1]))
        there.zero_()  # queued behind the copy
    for array, download in zip(arrays, downloads, strict=True):
        np.testing.assert_array_equal(download.wait(), array[:, 1:-1])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_python_does_not_run_away_from_a_gpu():
    pace, values = Pace(LAST), torch.ones(4000, 4000, device=LAST)
    marks = []
    for _ in range(20):
        for _ in range(10):
            values = torch.tanh(values @ values)
        pace.step()
        marks.append(pace._marks[-1])
        assert all(mark.query() for mark in marks[:-STEPS_AHEAD])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_demo_on_a_gpu_equals_the_one_on_a_cpu():
    ours = load_model("demo", device=LAST)
    assert "asynchronous" in ours.capabilities
    found = run_to_end(ours.log_probability_steps(CONTEXTS, WANTED, "reference"))
    plain = load_model("demo", device="cpu").log_probabilities(CONTEXTS, WANTED)
    np.testing.assert_allclose(found, plain, atol=1e-3)
