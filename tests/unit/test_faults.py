"""Sick devices, full memory, numbers that are none: told in words, and nothing is lost by it."""

import itertools
import re

import numpy as np
import pytest
import torch
from toy_models import NanModel, ToyModel
from view_tools import SEQUENCE, wait_for

from plmwidgets.faults import device_failure, is_device_error, is_out_of_memory, memory_wanted
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.protein import Protein
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.scan.start import scan_pairs
from plmwidgets.service import ModelService, service_for
from plmwidgets.widgets.explorer import Explorer

CUDA_MEMORY = torch.OutOfMemoryError(
    "CUDA out of memory. Tried to allocate 20.50 GiB. GPU 0 has a total capacity of 79.11 GiB of "
    "which 1.25 GiB is free. Including non-PyTorch memory, this process has 77.85 GiB in use."
)
MPS_MEMORY = RuntimeError(
    "MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1.00 GB, max allowed: "
    "9.07 GB). Tried to allocate 512.00 MB on private pool."
)
ASSERTION = torch.AcceleratorError(
    "CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported",
)
DEVICE_ERRORS = [
    ASSERTION,
    RuntimeError("CUDA error: an illegal memory access was encountered\nCompile with ..."),
    RuntimeError("HIP error: unspecified launch failure"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling cublasSgemm"),
]


def really_too_large():
    """What torch and numpy themselves say on this machine's processor."""
    errors = []
    for library in (torch, np):
        try:
            library.empty(10**15)
        except (RuntimeError, MemoryError) as error:
            errors.append(error)
    return errors


def test_the_memory_that_was_wanted_is_read_from_what_libraries_say():
    of_torch, of_numpy = really_too_large()
    assert memory_wanted(of_torch) == "it needed 4e+06 GB more"
    assert memory_wanted(of_numpy) == "it needed 7.11 PiB more"
    assert memory_wanted(CUDA_MEMORY) == "it needed 20.50 GiB more, and 1.25 GiB was free"
    assert memory_wanted(MPS_MEMORY) == "it needed 512.00 MB more"
    assert memory_wanted(MemoryError()) == "it did not say how much it needed"
    refused = RuntimeError("CUDA error: out of memory")
    for error in (of_torch, of_numpy, CUDA_MEMORY, MPS_MEMORY, refused, MemoryError()):
        assert is_out_of_memory(error)
    assert not any(map(is_out_of_memory, [*DEVICE_ERRORS, ValueError("out of memory")]))


@pytest.mark.parametrize("error", [*really_too_large(), CUDA_MEMORY, MPS_MEMORY])
def test_the_batch_is_halved_down_to_one_and_then_the_need_is_told(error):
    class Greedy(ToyModel):
        tried = ()

        def log_probabilities(self, contexts, positions=None):
            self.tried = (*self.tried, len(contexts))
            if self.full:
                raise error
            return super().log_probabilities(contexts, positions)

    model = Greedy("greedy")
    model.full = False
    service = ModelService(model)
    contexts = [Context(SEQUENCE, (i,)) for i in range(len(SEQUENCE))] * 8
    service.log_probabilities(contexts)
    largest = max(model.tried)
    model.full, model.tried = True, ()
    with pytest.raises(ModelError, match=re.escape(f"22 residues ({memory_wanted(error)})")):
        service.log_probabilities([Context(SEQUENCE, (i, 3)) for i in range(3)] * 200)
    tried = list(model.tried)
    assert largest > 1 and tried[-1] == 1
    assert all(later <= max(1, before // 2) for before, later in itertools.pairwise(tried))
    model.full = False
    assert service.log_probabilities(contexts[:3]).shape == (3, 22, 20), "it works again"
    service.close()


def test_device_errors_are_told_from_others():
    assert all(map(is_device_error, DEVICE_ERRORS))
    others = [ValueError("CUDA error"), RuntimeError("shapes differ"), ModelError("MPS failed")]
    assert not any(map(is_device_error, others))
    words = str(device_failure(ToyModel(), ASSERTION))
    assert "CUDA error: device-side assert triggered." in words
    assert "asynchronously" not in words and "restart the kernel" in words


class Breaking(ToyModel):
    """Its device fails at the n-th call."""

    def __init__(self, error, after, revision="1"):
        super().__init__("breaking", revision=revision)
        self.error, self.left = error, after

    def log_probabilities(self, contexts, positions=None):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().log_probabilities(contexts, positions)


@pytest.mark.parametrize("error", DEVICE_ERRORS, ids=lambda error: str(error)[:24])
def test_a_scan_on_a_failing_device_goes_on_with_a_model_loaded_anew(tmp_path, error):
    protein, sick = Protein(SEQUENCE), Breaking(error, after=12, revision=tmp_path.name)
    other = ToyModel("bystander")
    scan = scan_pairs(protein, sick, store=tmp_path / "scan.zarr")
    with pytest.raises(ModelError, match=r"device of breaking \(cpu\) failed.*restart the kernel"):
        scan.wait(30)
    assert scan.progress.status is ScanStatus.FAILED
    assert "restart the kernel" in scan.progress.message
    done = scan.pairs_computed
    kept = scan.log_probabilities.copy()
    assert 0 < done < scan.pairs_total
    assert service_for(other).log_probabilities([Context(SEQUENCE)]).shape == (1, 22, 20)

    well = ToyModel(
        "breaking", revision=tmp_path.name
    )  # the same model, loaded anew while the sick one is still held
    again = scan_pairs(protein, well, store=tmp_path / "scan.zarr")
    again.wait(30)
    assert again.progress.status is ScanStatus.FINISHED
    computed = [context for call in well.calls for context in call]
    assert len(computed) < scan.pairs_total + 23, "what was stored is not computed again"
    there = np.isfinite(kept)
    np.testing.assert_array_equal(again.log_probabilities[there], kept[there])
    whole = scan_pairs(protein, ToyModel("breaking", revision=f"{tmp_path.name} whole"))
    whole.wait(30)
    np.testing.assert_array_equal(again.log_probabilities, whole.log_probabilities)

    sick.left = 10**9  # the device has recovered
    scan.resume()
    scan.wait(30)
    np.testing.assert_array_equal(scan.log_probabilities, whole.log_probabilities)


def test_the_views_live_on_when_the_device_fails():
    explorer = Explorer(Protein(SEQUENCE), Breaking(ASSERTION, after=0))
    wait_for(lambda: explorer.distributions.error)
    assert "device-side assert" in explorer.distributions.error
    explorer.model.left = 10**9
    explorer.selection.masked = {3}
    wait_for(lambda: explorer.distributions.prediction is not None)
    assert explorer.distributions.prediction["masked"] == [3]
    assert explorer.distributions.error == ""
    explorer.close()


def test_nan_stops_a_scan_naming_model_type_and_pair(tmp_path):
    protein = Protein(SEQUENCE)
    scan = scan_pairs(protein, NanModel(bad_position=21), store=tmp_path / "scan.zarr")
    told = r"nan-toy \(float32\) returned NaN .* positions (\d+), 21 masked \(0-based\)"
    with pytest.raises(ModelError, match=told) as caught:
        scan.wait(30)
    partner = int(re.search(told, str(caught.value))[1])
    assert scan.progress.status is ScanStatus.FAILED
    assert np.isnan(scan.log_probabilities[partner, 21]).all(), "it is not taken as a result"
    assert not np.isnan(scan.single.log_probabilities).any()


@pytest.mark.parametrize(
    ("dtype", "precisions", "precision", "words"),
    [
        ("float16", ("reference",), None, r"\(float16\).*load the model with dtype='float32'"),
        ("float32", ("reference", "preview"), "preview", r"'preview'\).*precision='reference'"),
        ("float32", ("final", "reference"), None, r"'final'\).*precision='reference'"),
        ("float32", ("final", "reference"), "reference", r"\(float32\).*weights are damaged"),
    ],
)
def test_the_advice_on_nan_fits_the_arithmetic(dtype, precisions, precision, words):
    class Precise(NanModel):
        capabilities = frozenset({"precision"})

        def log_probability_steps(self, contexts, positions, precision):
            yield from ()
            return self.log_probabilities(contexts, positions)

    model = Precise(bad_position=1)
    model.precisions = precisions
    model.identity = type(model.identity)("nan-toy", "1", dtype)
    service = ModelService(model)
    with pytest.raises(ModelError, match=words):
        service.submit([Context(SEQUENCE, (1, 2))], precision=precision).result(5)
    service.close()
