"""The fused kernels: interpreted against PyTorch's own operations, and compiled for real GPUs."""

import json
import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from plmwidgets.models import Context, fusion, layers, load_model
from plmwidgets.models.layers import Buffers, Norm, Rotation

pytest.importorskip("triton")

from plmwidgets.models import kernels

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
FLOAT32, FLOAT16, BFLOAT16 = torch.float32, torch.float16, torch.bfloat16
ROUNDING = {FLOAT32: 2e-6, FLOAT16: 2e-3, BFLOAT16: 2e-2}
SEQUENCE = "MKWAYIGKQRHCSF"


def random(*shape, dtype=FLOAT32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator).to(DEVICE, dtype)


def assert_close(found, true, dtype):
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), true.float(), rtol=0, atol=ROUNDING[dtype] * 4)


@pytest.fixture(params=[8, 320, 480, 1280])
def width(request):
    return request.param


def norm_of(width, bias=True):
    return Norm(random(width) + 1, random(width, seed=1) if bias else None, 1e-5)


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT16, BFLOAT16])
@pytest.mark.parametrize("bias", [True, False])
def test_norm(width, dtype, bias):
    by, x = norm_of(width, bias), random(3, width, seed=2) * 5 + 7
    found = kernels.norm(x, by.weight, by.bias, by.epsilon, dtype)
    assert_close(found, by(x).to(dtype), dtype)


def test_norm_of_every_other_row(width):
    by, x = norm_of(width), random(6, width, seed=2)
    found = kernels.norm(x[::2], by.weight, by.bias, by.epsilon, FLOAT32)
    assert_close(found, by(x[::2]), FLOAT32)


@pytest.mark.parametrize(
    ("stream", "product"), [(FLOAT32, FLOAT32), (FLOAT32, FLOAT16), (BFLOAT16, BFLOAT16)]
)
def test_add_norm_changes_the_stream_and_returns_its_norm(width, stream, product):
    by, update = norm_of(width), random(3, width, dtype=product, seed=3)
    x = random(3, width, dtype=stream, seed=2)
    true = x.float() + 0.25 * update.float()
    found = kernels.add_norm(
        x, update, by.weight, by.bias, share=0.25, epsilon=by.epsilon, dtype=product
    )
    assert_close(x, true, stream)
    assert_close(found, by(true), product)


HEADS, HEAD_WIDTH = 3, 8


def table(*lead):
    """Angles that differ at every place, as a `Rotation` keeps them."""
    return Rotation(random(*lead, HEAD_WIDTH // 2, seed=4) * 9, HEADS, FLOAT32)


@pytest.mark.parametrize(
    ("lead", "angles"),
    [
        ((2, 5), (5,)),  # whole contexts: by token
        ((2, 5), (2, 5)),  # wanted rows: each its own token
        ((2, 5), (2, 1)),  # rows of pairs: by the first residue
        ((5,), (5,)),
    ],
)
@pytest.mark.parametrize(("given", "wanted"), [(FLOAT32, FLOAT16), (FLOAT16, FLOAT16)])
def test_rotation(lead, angles, given, wanted):
    rotation = table(*angles)
    # As in a layer: rows of queries, keys and values side by side.
    projected = random(*lead, 3, HEADS, HEAD_WIDTH, dtype=given, seed=5)
    before = projected.clone()
    keys = projected[..., 1, :, :]
    true = rotation(keys.clone(), "out", wanted, Buffers(DEVICE)).clone()
    found = kernels.rotate(keys, rotation.cos, rotation.sin, wanted)
    assert_close(found, true, wanted)
    assert (found.data_ptr() == keys.data_ptr()) == (given == wanted)
    changed = (projected != before).flatten(-2).any(-1)
    assert not changed[..., [0, 2]].any(), "queries or values were touched"


# In whole models


@pytest.fixture
def fused(monkeypatch):
    """Let layers use the kernels wherever they compute, and count how often."""
    used = []

    def choose(x):
        if x.dtype == torch.float64:
            return None
        used.append(x.shape)
        return kernels

    monkeypatch.setattr(layers, "fused", choose)
    return used


@pytest.mark.parametrize("checkpoint", ["tiny_esm2", "tiny_esm1b", "tiny_esmc"])
@pytest.mark.parametrize(("precision", "tolerance"), [("reference", 1e-5), ("final", 1e-2)])
def test_passes_are_those_of_plain_layers(checkpoint, precision, tolerance, request, monkeypatch):
    model = load_model(request.getfixturevalue(checkpoint), device=str(DEVICE))
    monkeypatch.setattr(model, "precisions", ("reference", "final"))
    contexts = [Context.of(SEQUENCE, [4, 7]), Context.of(SEQUENCE, [2, 9])]
    positions = np.array([[4, 7], [2, 9]])

    def results():
        *_, pairs = steps_of(model.pair_pass(SEQUENCE, np.arange(6), precision))
        return (
            model.log_probabilities(contexts, None, precision),
            model.log_probabilities(contexts, positions, precision),
            pairs,
        )

    monkeypatch.setattr(layers, "fused", lambda x: None)
    plain = results()
    used = request.getfixturevalue("fused")
    for found, true in zip(results(), plain, strict=True):
        np.testing.assert_allclose(found, true, atol=tolerance)
    assert len(used) > 15


def steps_of(steps):
    while True:
        try:
            yield next(steps)
        except StopIteration as end:
            yield end.value
            return


def test_exact_numbers_are_never_fused():
    x = torch.zeros(2, 8, dtype=torch.float64, device=DEVICE)
    assert fusion.fused(x) is None


# Where they can be used


@pytest.mark.parametrize("types", fusion._TYPES)
def test_kernels_are_right_here(types):
    # Rounding alone, of numbers up to about 6.
    assert fusion.largest_error(kernels, DEVICE, *types) < 4 * ROUNDING[types[1]]


@pytest.mark.parametrize("types", fusion._TYPES)
@pytest.mark.parametrize("wrong", ["norm", "stream", "rotation"])
def test_wrong_kernels_are_found_out(wrong, types):
    tolerance = fusion._TOLERANCES[types[1]]

    def add_norm(stream, *args, **options):
        found = kernels.add_norm(stream, *args, **options)
        if wrong == "stream":
            stream[1, 3] += 2 * tolerance
        return found + 2 * tolerance if wrong == "norm" else found

    def rotate(*args):
        return kernels.rotate(*args) + (2 * tolerance if wrong == "rotation" else 0)

    bad = SimpleNamespace(add_norm=add_norm, rotate=rotate)
    assert fusion.largest_error(bad, DEVICE, *types) > tolerance


@pytest.fixture
def fresh(monkeypatch):
    monkeypatch.setattr(fusion, "_tried", {})


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (RuntimeError("Failed to find C compiler.\nMore."), r"Failed to find C compiler\."),
        (ModuleNotFoundError("No module named 'triton'"), "No module named 'triton'"),
        (AssertionError(), "AssertionError"),
    ],
)
@pytest.mark.usefixtures("fresh")
def test_kernels_that_fail_are_left_alone(failure, words, monkeypatch):
    def fail(*args):
        raise failure

    monkeypatch.setattr(fusion, "largest_error", fail)
    x = SimpleNamespace(device=torch.device("cuda:0"), dtype=FLOAT32)
    with pytest.warns(UserWarning, match=rf"slower .*\({words}\): they need Triton") as caught:
        assert fusion.fused(x) is None
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is said once
        assert fusion.fused(x) is None


@pytest.mark.usefixtures("fresh")
def test_wrong_kernels_are_not_used(monkeypatch):
    monkeypatch.setattr(fusion, "largest_error", lambda *args: float("nan"))
    x = SimpleNamespace(device=torch.device("cuda:0"), dtype=FLOAT32)
    with pytest.warns(UserWarning, match="wrong there by nan"):
        assert fusion.fused(x) is None


@pytest.mark.usefixtures("fresh")
def test_right_kernels_are_used(monkeypatch):
    monkeypatch.setattr(fusion, "largest_error", lambda *args: 1e-6)
    x = SimpleNamespace(device=torch.device("cuda:0"), dtype=FLOAT32)
    assert fusion.fused(x) is kernels


@pytest.mark.parametrize(
    "full",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("Triton Error [CUDA]: out of memory"),
    ],
)
@pytest.mark.usefixtures("fresh")
def test_a_full_memory_says_nothing_of_the_kernels(full, monkeypatch):
    def fail(*args):
        raise full

    x = SimpleNamespace(device=torch.device("cuda:0"), dtype=FLOAT32)
    with monkeypatch.context() as patch:
        patch.setattr(fusion, "largest_error", fail)
        with pytest.raises(type(full)):
            fusion.fused(x)
    monkeypatch.setattr(fusion, "largest_error", lambda *args: 0.0)
    assert fusion.fused(x) is kernels


# Compiled

COMPILE = """
import json
import re
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from plmwidgets.models import kernels

def accesses(kernel, capability, signature, **constants):
    # As at a launch where all numbers and addresses are multiples of 16.
    aligned = [name for name, kind in signature.items() if kind[0] in "*i"]
    places = {(kernel.arg_names.index(name),): [["tt.divisibility", 16]] for name in aligned}
    signature = signature | dict.fromkeys(constants, "constexpr")
    source = ASTSource(kernel, signature=signature, constexprs=constants, attrs=places)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32),
                          options={"num_warps": kernels._warps(constants["block"])})
    assert len(made.asm["cubin"]) > 1000
    return sorted(set(re.findall(r"(?:ld|st)[.]global[.:a-z0-9]*", made.asm["ptx"])))

numbers = {"share": "fp32", "epsilon": "fp32"}
found = {}
for capability in (75, 80, 90):
    for stream, product in (("fp32", "fp16"), ("fp32", "fp32"), ("bf16", "bf16")):
        types = {"x": stream, "update": product, "weight": stream, "bias": stream, "out": product}
        pointers = {name: "*" + kind for name, kind in types.items()}
        strides = dict.fromkeys(("x_stride", "update_stride", "width"), "i32")
        found[f"norm {capability} {stream} {product}"] = accesses(
            kernels._norm_rows, capability, pointers | strides | numbers,
            adds=True, biased=True, block=2048)
        types = {"x": product, "cos": stream, "sin": stream, "out": product}
        pointers = {name: "*" + kind for name, kind in types.items()}
        places = ("x_stride", "out_stride", "inner", "outer_angles", "inner_angles", "pairs")
        found[f"rotate {capability} {stream} {product}"] = accesses(
            kernels._rotate_rows, capability, pointers | dict.fromkeys(places, "i32"),
            half=32, block=1024)
print(json.dumps(found))
"""


def test_kernels_compile_for_gpus(tmp_path):
    """To machine code of Turing, Ampere and Hopper, by Triton's own assembler: no GPU is needed."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment |= {"TRITON_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 18
    for kernel, accesses in found.items():
        assert accesses, kernel
        assert all(".v4." in access for access in accesses), f"{kernel}: not 16 bytes at a time"
