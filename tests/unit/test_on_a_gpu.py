"""What a GPU would be asked for, on a device that computes nothing.

PyTorch's fake tensors know shapes, types and where they lie, and refuse to mix devices as a GPU
does; what would make Python wait for the device is counted.
"""

from collections import Counter
from dataclasses import fields, is_dataclass, replace
from types import SimpleNamespace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode

from plmwidgets.models import graphs, layers, load_model, room, superposition
from plmwidgets.models.encoder import Encoder
from plmwidgets.models.layers import ARITHMETIC
from plmwidgets.models.masked_lm import run_to_end
from plmwidgets.models.room import Room
from plmwidgets.models.superposition import superposed_pass

LENGTH = 40


@pytest.fixture(scope="module")
def device():
    """Return a device of its own kind: this PyTorch may know no other than the CPU."""
    backend_registration._setup_privateuseone_for_python_backend("unreal")
    return torch.device("unreal:0")


@pytest.fixture(params=["tiny_esm2", "tiny_esm1b", "tiny_esmc"])
def model(request):
    return load_model(request.getfixturevalue(request.param), device="cpu")


@pytest.fixture(params=["final", "reference", "preview"])
def encoder(request, model, device):
    arithmetic, here = ARITHMETIC[request.param], model._encoder_in("reference")
    with FakeTensorMode() as mode:
        blocks = [faked(layer, mode).to(device, arithmetic) for layer in here.layers]
        yield Encoder(faked(here.ends, mode).to(device, arithmetic), blocks, device, arithmetic)


def faked(part, mode):
    """Return the same with fake tensors."""
    if isinstance(part, torch.Tensor):
        return mode.from_tensor(part)
    if not is_dataclass(part):
        return part
    return replace(part, **{f.name: faked(getattr(part, f.name), mode) for f in fields(part)})


PRODUCTS = ("addmm", "addmm_", "linear", "scaled_dot_product_attention")
SWEEPS = ("layer_norm", "to", "mul", "copy_", "addcmul_", "add_", "gelu", "silu", "mul_")


class Asked(TorchDispatchMode):
    """Counts what is asked of a device, and what goes between it and the host.

    A sweep reads and writes rows without multiplying matrices.
    """

    def __init__(self):
        super().__init__()
        self.operations = Counter()
        self.copies = 0
        self.swept = 0  # bytes

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        found = operation(*args, **(kwargs or {}))
        name, first = operation.overloadpacket.__name__, args[0] if args else None
        if not isinstance(first, torch.Tensor) or not isinstance(found, torch.Tensor):
            return found
        self.copies += first.device.type != found.device.type
        if name in PRODUCTS or (name in SWEEPS and found.dtype.is_floating_point):
            if name == "to" and found is first:
                return found
            self.operations[name] += 1
            if name in SWEEPS:
                self.sweep(*args, found)
        else:
            self.operations[name] += name == "_local_scalar_dense"
        return found

    def sweep(self, *moved):
        rows = [each for each in moved if isinstance(each, torch.Tensor) and each.ndim > 1]
        self.swept += sum(each.numel() * each.dtype.itemsize for each in rows)


def ids_on(device, *shape):
    return torch.zeros(*shape, dtype=torch.int64, device=device)


@pytest.mark.parametrize("pairs", [True, False])
def test_an_exact_pass_never_waits_for_the_device(encoder, device, pairs):
    ids = ids_on(device, 4, LENGTH)
    with Asked() as asked:
        tokens = ids_on(device, 4, 2) if pairs else None
        found = run_to_end(encoder.steps(ids, tokens))
    assert found.device == device
    assert found.shape == ((4, 2, 20) if pairs else (4, LENGTH, 20))
    assert found.dtype == torch.float32
    assert asked.copies == 0
    assert asked.operations["_local_scalar_dense"] == 0


class UnrealRoom(Room):
    """Keeps the states on the device, or all on the host."""

    def __init__(self, device, on_host):
        self.device = device
        self._on_host = on_host

    def make(self, shape, dtype):
        return torch.empty(*shape, dtype=dtype, device="cpu" if self._on_host else self.device)

    def store(self, tensor, part, values):
        tensor[part] = values


@pytest.mark.parametrize("on_host", [False, True])
def test_a_superposed_pass_waits_once_a_head_and_tile(encoder, device, on_host, monkeypatch):
    """Nothing else is read back before the end."""
    looked = []

    def look(total):
        assert total.device == device
        looked.append(1)
        return 1.0, 2.0

    monkeypatch.setattr(superposition, "_range_of", look)
    ids, tokens = ids_on(device, LENGTH), torch.arange(9, device=device)
    with Asked() as asked:
        steps = superposed_pass(encoder, ids, tokens, UnrealRoom(device, on_host))
        found = run_to_end(steps)
    assert found.shape == (9, 9, 20)
    assert found.device.type == "cpu"
    assert len(looked) == len(encoder.layers) * encoder.ends.heads
    assert asked.operations["_local_scalar_dense"] == 0
    if not on_host:
        assert asked.copies == 1  # the result


@pytest.fixture
def sweeps(monkeypatch):
    """Use kernels that compute nothing, but say what they move; returns whom they tell."""
    watching = []

    def moved(*rows):
        watching[-1].operations["fused"] += 1
        watching[-1].sweep(*rows)
        return rows[-1]

    def norm(x, weight, bias, epsilon, dtype):
        return moved(x, torch.empty(x.shape, dtype=dtype, device=x.device))

    def add_norm(stream, update, weight, bias, *, share, epsilon, dtype):
        out = torch.empty(stream.shape, dtype=dtype, device=stream.device)
        return moved(stream, update, stream, out)

    def rotate(x, cos, sin, dtype):
        return moved(x, torch.empty(x.shape, dtype=dtype, device=x.device))

    kernels = SimpleNamespace(norm=norm, add_norm=add_norm, rotate=rotate)
    monkeypatch.setattr(layers, "fused", lambda x: kernels)
    return watching


@pytest.fixture
def switches(monkeypatch):
    """What a session has turned on; returns how they stand by the end."""
    matmul, precision = torch.backends.cuda.matmul, torch.get_float32_matmul_precision()
    before = matmul.allow_fp16_reduced_precision_reduction, torch.backends.cuda.cudnn_sdp_enabled()
    matmul.allow_fp16_reduced_precision_reduction = True
    torch.set_float32_matmul_precision("high")
    torch.backends.cuda.enable_cudnn_sdp(True)
    yield lambda: (
        matmul.allow_fp16_reduced_precision_reduction,
        torch.get_float32_matmul_precision(),
        torch.backends.cuda.cudnn_sdp_enabled(),
    )
    matmul.allow_fp16_reduced_precision_reduction = before[0]
    torch.backends.cuda.enable_cudnn_sdp(before[1])
    torch.set_float32_matmul_precision(precision)


@pytest.mark.parametrize(
    ("precision", "kept"),
    [("final", (False, "high", False)), ("reference", (True, "highest", False))],
)
def test_products_are_as_exact_as_their_numbers(model, precision, kept, switches):
    here = model._encoder_in("reference")
    assert switches() == (True, "high", True)
    Encoder(here.ends, here.layers, torch.device("cuda:0"), ARITHMETIC[precision])
    assert switches() == kept


def test_room_is_left_for_what_a_pass_works_with(monkeypatch):
    monkeypatch.setattr(room, "free_memory", lambda device: 10 * 2**30)
    gpu = torch.device("cuda")
    beside = superposition.working_bytes(1280, gpu)
    assert 1.9 * 2**30 < beside < 2 * 2**30
    assert superposition.working_bytes(1280, torch.device("cpu")) == 0
    assert Room(gpu)._left == 8 * 2**30
    assert Room(gpu, beside=3 * 2**30)._left == 7 * 2**30
    assert Room(gpu, beside=11 * 2**30)._left == 0
    assert Room(gpu, memory=5, beside=3 * 2**30)._left == 5


def test_page_locked_memory_is_counted_as_pytorch_takes_it_and_given_back(monkeypatch):
    """In powers of two, and kept for later."""
    given_back, made = [], []
    monkeypatch.setattr(room, "free_memory", lambda device: 1000)
    monkeypatch.setattr(
        torch, "empty", lambda *shape, dtype, pin_memory: made.append(pin_memory) or shape
    )
    monkeypatch.setattr(
        torch.accelerator, "empty_host_cache", lambda: given_back.append("give back"), raising=False
    )
    waiting = SimpleNamespace(synchronize=lambda: given_back.append("wait"))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: waiting)
    unused = Room(torch.device("cuda"), memory=0)
    unused.give_back()
    assert given_back == []
    host = Room(torch.device("cuda"), memory=0)
    host.make((65,), torch.float32)  # 260 bytes: 512
    assert made == [True]
    assert host._host == 800 - 512
    monkeypatch.setattr(host, "_make_file", lambda *args: torch.zeros(65))
    host.make((65,), torch.float32)  # another 512 are not there
    assert made == [True]
    host.give_back()
    assert given_back == ["wait", "give back"]
    with graphs.recording:  # a collector of cycles may call it in the thread that records
        host.give_back()
    assert given_back == ["wait", "give back"]


def test_a_device_that_is_gone_takes_no_memory_back(monkeypatch):
    def fail(device):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch.cuda, "current_stream", fail)
    host = Room(torch.device("cpu"), memory=0)
    host._locked = True
    host.give_back()
    assert not graphs.recording.locked()


def of_a_layer(encoder, device, watching=()):
    """Kernels that a layer in the middle asks for, and bytes that sweeps move for each number."""
    counts = []
    for number in (2, 1):
        fewer = Encoder(encoder.ends, encoder.layers[:number], device, encoder.arithmetic)
        with Asked() as asked:
            watching += [asked] if isinstance(watching, list) else ()
            run_to_end(fewer.steps(ids_on(device, 4, LENGTH)))
        counts.append((sum(asked.operations.values()), asked.swept))
    (more, moved), (less, before) = counts
    return more - less, (moved - before) / (4 * LENGTH * encoder.layers[0].width)


def test_fused_layers_are_asked_for_less(encoder, device, monkeypatch, request):
    monkeypatch.setattr(layers, "fused", lambda x: None)
    plain, plain_bytes = of_a_layer(encoder, device)
    watching = request.getfixturevalue("sweeps")
    fused, fused_bytes = of_a_layer(encoder, device, watching)
    assert fused <= 13
    assert fused < plain
    assert fused_bytes <= plain_bytes
    if encoder.ends.inverse_frequencies is not None:
        assert fused_bytes < 0.7 * plain_bytes
