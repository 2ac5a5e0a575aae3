"""Recorded passes, with a recorder on the CPU that does what a CUDA graph does.

It notes every operation of a pass with the tensors that it was given, and repeats them on the same
memory: what a pass reads from elsewhere, or decides by what it computed, would be stale or refused.
"""

import gc
import warnings
import weakref

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from plmwidgets.models import Context, encoder, graphs, load_model

SEQUENCE = "MKWAYIGKQRHCSF"
HOST_READS = ("_local_scalar_dense", "nonzero", "_unique2", "item", "is_nonzero")


class Recorder(TorchDispatchMode):
    """Records operations, and repeats them on the memory that they used."""

    def __init__(self):
        super().__init__()
        self.calls = []
        self.replays = -1  # the first is a trial

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name = operation.overloadpacket.__name__
        if name in HOST_READS:
            raise RuntimeError(f"operation not permitted when stream is capturing: {name}")
        found = operation(*args, **(kwargs or {}))
        self.calls.append((operation, args, kwargs or {}, found))
        return found

    def replay(self):
        self.replays += 1
        for operation, args, kwargs, found in self.calls:
            inputs = {memory_of(tensor) for tensor in tensors_of((args, kwargs))}
            again = operation(*args, **kwargs)
            for kept, new in zip(tensors_of(found), tensors_of(again), strict=True):
                if memory_of(kept) not in inputs:  # no view, and not done in place
                    kept.copy_(new)


def tensors_of(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def memory_of(tensor):
    return tensor.untyped_storage().data_ptr()


@pytest.fixture
def recorders(monkeypatch):
    """Record on the CPU; returns all that was recorded."""
    made = []

    def capture(compute, stream):
        compute()
        with Recorder() as recorder:
            result = compute()
        made.append(recorder)
        return recorder, result

    monkeypatch.setattr(graphs, "new_stream", lambda device: None)
    monkeypatch.setattr(graphs, "capture", capture)
    # What a CPU does otherwise than a GPU: it counts equal rows, and looks at sums of attention.
    monkeypatch.setattr(encoder.Encoder, "_repeats", lambda *args: None)
    monkeypatch.setattr(encoder.Encoder, "_apart", lambda *args: False)
    return made


@pytest.fixture(params=["tiny_esm2", "tiny_esm1b", "tiny_esmc"])
def model(request, recorders):
    made = load_model(request.getfixturevalue(request.param), device="cpu")
    recording = made._encoder_in("reference")
    assert recording._recordings is None  # on a CPU
    recording._recordings = graphs.Recordings()
    yield made
    recording._recordings = None


def plain(model, *call):
    """The same without recordings."""
    recording = model._encoder_in("reference")
    kept, recording._recordings = recording._recordings, None
    found = model.log_probabilities(*call)
    recording._recordings = kept
    return found


def call(seed, length=14, count=3, pairs=True):
    random = np.random.default_rng(seed)
    sequence = "".join(random.choice(list(SEQUENCE), length))
    masks = np.stack([random.choice(length, 2, replace=False) for _ in range(count)])
    contexts = [Context.of(sequence, mask) for mask in masks.tolist()]
    return (contexts, masks) if pairs else (contexts, None)


@pytest.mark.parametrize("pairs", [True, False])
def test_recorded_passes_are_those_of_plain_ones(model, recorders, pairs):
    for seed in range(5):
        contexts, wanted = call(seed, pairs=pairs)
        found = model.log_probabilities(contexts, wanted)
        np.testing.assert_array_equal(found, plain(model, contexts, wanted))
    assert [recorder.replays for recorder in recorders] == [4]  # all but the first


def test_number_of_hidden_residues_may_change(model, recorders):
    """Token dropout counts them: on the device."""
    for masked in ([], [3], [3, 5, 7], range(14)):
        contexts = [Context.of(SEQUENCE, masked)]
        np.testing.assert_array_equal(
            model.log_probabilities(contexts), plain(model, contexts, None)
        )
    assert recorders[0].replays == 3


def test_shapes_do_not_disturb_each_other(model, recorders):
    """Nor does a longer pass between them, which takes larger buffers and other angles."""
    shapes = [{"length": 14}, {"length": 9}, {"length": 14, "count": 2}, {"length": 14, "pairs": 0}]
    for seed in range(3):
        for shape in shapes:
            contexts, wanted = call(seed, **shape)
            found = model.log_probabilities(contexts, wanted)
            np.testing.assert_array_equal(found, plain(model, contexts, wanted))
            plain(model, *call(seed, length=60, count=5))
    assert [recorder.replays for recorder in recorders] == [2] * 4


def test_recordings_share_no_memory_that_may_be_given_up(model, recorders):
    """The encoder makes its buffers and angles anew when they become too small."""
    for seed in range(3):
        plain(model, *call(seed))
        model.log_probabilities(*call(seed))
    recording = model._encoder_in("reference")
    shared = list(recording.buffers._kept.values())
    if (rotation := recording._rotation[1]) is not None:
        shared += [rotation.cos, rotation.sin]
    assert shared
    used = {
        memory_of(tensor)
        for _, args, kwargs, found in recorders[0].calls
        for tensor in tensors_of((args, kwargs, found))
    }
    assert used.isdisjoint(map(memory_of, shared))


def test_results_stay_when_the_next_come(model):
    calls = [call(seed) for seed in range(4)]
    found = [model.log_probabilities(*each) for each in calls]
    for values, each in zip(found, calls, strict=True):
        np.testing.assert_array_equal(values, plain(model, *each))


def test_long_passes_are_not_recorded(model, recorders, monkeypatch):
    monkeypatch.setattr(encoder, "LAUNCH_BOUND", 1.0)
    for seed in range(3):
        model.log_probabilities(*call(seed))
    assert recorders == []


def test_shapes_that_come_once_do_not_cost_a_recording(model, recorders, monkeypatch):
    monkeypatch.setattr(graphs, "MOST_RECORDINGS", 1)
    monkeypatch.setattr(graphs, "MOST_MET", 2)
    for length in (8, 8, 9, 10, 11, 8, 12, 8):
        model.log_probabilities(*call(0, length=length))
    assert [recorder.replays for recorder in recorders] == [3]
    assert len(model._encoder_in("reference")._recordings._met) == 2


def test_few_shapes_are_kept(model, recorders, monkeypatch):
    monkeypatch.setattr(graphs, "MOST_RECORDINGS", 2)
    for length in (8, 8, 9, 9, 10, 10, 9, 8):
        model.log_probabilities(*call(0, length=length))
    # That of 8 went, and was made again at the end.
    assert [recorder.replays for recorder in recorders] == [1, 2, 1, 1]


def test_a_model_with_recordings_goes_with_its_last_reference(tiny_esm2, recorders):
    """Its memory must not wait for the collector of cycles."""
    made = load_model(tiny_esm2, device="cpu")
    here = made._encoder_in("reference")
    other = encoder.Encoder(here.ends, here.layers, here.device, here.arithmetic)
    other._recordings = graphs.Recordings()
    ids = torch.full((1, 9), 5)
    for _ in range(3):
        for _ in other.steps(ids):
            pass
    assert recorders[0].replays == 2
    gone = weakref.ref(other)
    recorders.clear()
    gc.disable()
    try:
        del other
        assert gone() is None
    finally:
        gc.enable()


# Where recording fails


def failing(monkeypatch, *errors):
    """Let recording fail for some reasons, one after the other."""
    attempts = []

    def capture(compute, stream):
        attempts.append(1)
        raise errors[min(len(attempts), len(errors)) - 1]

    monkeypatch.setattr(graphs, "capture", capture)
    return attempts


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (RuntimeError("CUDA error: not permitted\nmore"), "CUDA error: not permitted"),
        (torch.OutOfMemoryError("CUDA out of memory."), "CUDA out of memory."),
        (ValueError(), "ValueError"),
    ],
)
def test_without_graphs_passes_are_plain(last, words, model, monkeypatch):
    attempts = failing(monkeypatch, RuntimeError("a moment ago"), RuntimeError("just now"), last)
    expected = [plain(model, *call(seed)) for seed in range(6)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [model.log_probabilities(*call(seed)) for seed in range(3)]
    with pytest.warns(UserWarning, match=f"slower .*: {words}$"):
        found.append(model.log_probabilities(*call(3)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found += [model.log_probabilities(*call(seed)) for seed in (4, 5)]
    np.testing.assert_array_equal(found, expected)
    assert len(attempts) == graphs.MOST_FAILURES


def test_a_recording_that_failed_once_is_made_the_next_time(model, recorders, monkeypatch):
    record = graphs.capture
    attempts = failing(monkeypatch, RuntimeError("somebody waited for the device"))
    for seed in range(2):
        model.log_probabilities(*call(seed))
    assert len(attempts) == 1
    monkeypatch.setattr(graphs, "capture", record)
    found = model.log_probabilities(*call(2))
    np.testing.assert_array_equal(found, plain(model, *call(2)))
    assert [recorder.replays for recorder in recorders] == [1]


@pytest.mark.parametrize("off", [0.2, float("nan")])
def test_a_recording_that_gives_other_numbers_is_not_used(off, model, recorders, monkeypatch):
    record = graphs.capture

    def capture(compute, stream):
        recorder, result = record(compute, stream)
        replay = recorder.replay
        monkeypatch.setattr(recorder, "replay", lambda: (replay(), result.view(-1)[3].add_(off)))
        return recorder, result

    monkeypatch.setattr(graphs, "capture", capture)
    expected = [plain(model, *call(seed)) for seed in range(4)]
    with pytest.warns(UserWarning, match="other numbers than the pass"):
        found = [model.log_probabilities(*call(seed)) for seed in range(4)]
    np.testing.assert_array_equal(found, expected)


# On a real GPU


@pytest.fixture
def on_gpu(tiny_esm2):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    return load_model(tiny_esm2, device="cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("pairs", [True, False])
def test_a_gpu_repeats_what_it_computed(on_gpu, pairs):
    made = on_gpu._encoder_in("final")
    calls = [call(seed, pairs=pairs) for seed in range(4)]
    found = [on_gpu.log_probabilities(*each, "final") for each in calls]
    assert len(made._recordings._recorded) == 1
    assert made._recordings._failures == 0
    made._recordings = None
    for values, each in zip(found, calls, strict=True):
        np.testing.assert_allclose(values, on_gpu.log_probabilities(*each, "final"), atol=1e-2)


def test_the_recorder_would_find_a_pass_that_reads_back():
    """What a pass must not do is refused here as by a GPU, or shows as a stale number."""
    x = torch.tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match="not permitted"), Recorder():
        float(x.sum())
    outside = [3.0]
    with Recorder() as recorder:
        result = x * outside[0]
    outside[0] = 5.0
    x += 1
    recorder.replay()
    assert result.tolist() == [6.0, 9.0]
