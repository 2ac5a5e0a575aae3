"""The stream of layers: read ahead by a thread, at most two at a time."""

import gc
import threading

import pytest
import torch
from streaming_tools import (
    Layers,
    stream_threads,
    toy_layer,
    toy_stream,
)

from plmwidgets.models.layers import ARITHMETIC
from plmwidgets.models.streaming import LayerStream


def test_next_layer_is_read_when_the_one_before_is_dropped():
    layers = Layers()
    stream = toy_stream(layers)
    used = stream[0]
    layers.settle()
    assert layers.indices == [0, 1]
    # A second use of the stream meanwhile does not wait, and nothing is read ahead for it.
    other = stream[2]
    layers.settle()
    assert layers.indices == [0, 1, 2]
    del used
    layers.settle()
    assert layers.indices == [0, 1, 2, 3]
    del other
    layers.settle()
    assert layers.indices == [0, 1, 2, 3]
    assert stream[3] is not None
    layers.settle()
    assert layers.indices == [0, 1, 2, 3, 0]
    assert layers.most == 2


def test_arithmetics_share_a_thread():
    layers = Layers()
    before = len(stream_threads())
    stream = toy_stream(layers)
    doubled = stream.in_arithmetic(ARITHMETIC["double"])
    assert len(doubled) == len(stream) == 4
    assert len(stream_threads()) == before + 1
    assert doubled[0].out.weight.dtype == torch.float64
    assert stream[1].out.weight.dtype == torch.float32
    assert [layer.out.weight.dtype for layer in stream] == [torch.float32] * 4
    assert layers.most <= 2


def test_threads_may_share_a_stream():
    stream = LayerStream(numbered_layer, 5, torch.device("cpu"), ARITHMETIC["reference"])
    seen = []

    def passes():
        for _ in range(20):
            seen.append([float(layer.out.weight[0, 0]) for layer in stream])

    threads = [threading.Thread(target=passes) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert seen == [[0, 1, 2, 3, 4]] * 60


def numbered_layer(index):
    layer = toy_layer()
    layer.out.weight.fill_(index)
    return layer


def test_stream_ends_its_thread_with_its_last_user():
    gc.collect()
    before = len(stream_threads())
    stream = toy_stream(Layers())
    other = stream.in_arithmetic(ARITHMETIC["preview"])
    assert other[0] is not None
    del stream
    assert len(stream_threads()) == before + 1
    del other
    assert len(stream_threads()) == before


def test_only_single_layers_that_exist():
    stream = toy_stream(Layers())
    with pytest.raises(IndexError, match="no layer 4: there are 4"):
        stream[4]
    with pytest.raises(IndexError, match="no layer -1"):
        stream[-1]
    with pytest.raises(TypeError, match="one at a time"):
        stream[:2]


def test_error_reaches_who_asks_and_is_forgotten():
    faults = {2: OSError("damaged"), 0: MemoryError("full")}

    def read(index):
        if index in faults:
            raise faults[index]
        return toy_layer()

    layers = Layers(read)
    stream = toy_stream(layers)
    with pytest.raises(MemoryError, match="full"):
        stream[0]
    for _ in range(2):
        assert stream[1] is not None
        layers.settle()
        with pytest.raises(OSError, match="damaged"):
            stream[2]
    faults.clear()
    assert len(list(stream)) == 4
