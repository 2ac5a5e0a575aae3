"""Streamed models and layers that are counted, for the tests of streaming."""

import threading
import time
import weakref

import numpy as np
import torch

from plmwidgets.models import Context, load_model, pretrained
from plmwidgets.models.layers import ARITHMETIC, Layer, Linear, Norm
from plmwidgets.models.streaming import LayerStream

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQ"
CONTEXTS = [
    Context.of(SEQUENCE),
    Context.of(SEQUENCE, [2]),
    Context.of(SEQUENCE, [0, 7], {3: "W"}),
]
POSITIONS = np.array([[1, 2], [2, 5], [7, 0]])
KINDS = ["tiny_esm2", "tiny_esm1b", "tiny_esmc"]


def pair(folder, **arguments):
    """A model in memory, and the same streamed."""
    return (
        load_model(folder, device="cpu", **arguments),
        load_model(folder, device="cpu", memory="20 kB", **arguments),
    )


def superposed(model, precision=None):
    steps = model.pair_pass(SEQUENCE, np.array([0, 3, 9, 21]), precision)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


class Layers:
    """Makes layers, and knows which were made and how many there have been at once."""

    def __init__(self, read=None):
        self.read = read or (lambda index: toy_layer())
        self.indices, self.most = [], 0
        self._made = []

    def __call__(self, *arguments):
        layer = self.read(*arguments)
        self.indices.append(arguments[-1])
        self._made.append(weakref.ref(layer.out.weight))
        self.most = max(self.most, self.living)
        return layer

    @property
    def living(self):
        return sum(weight() is not None for weight in self._made)

    def settle(self):
        """Wait until the thread has read ahead as far as it will."""
        before = -1
        while before != len(self.indices):
            before = len(self.indices)
            time.sleep(0.05)


def toy_layer():
    norm, linear = Norm(torch.ones(4), None, 1e-5), Linear(torch.ones(4, 4), None)
    return Layer(2, norm, linear, None, None, linear, norm, linear, linear, False)


def toy_stream(layers, count=4):
    return LayerStream(layers, count, torch.device("cpu"), ARITHMETIC["reference"])


def stream_threads():
    return [t for t in threading.enumerate() if t.name == "plmwidgets-layers" and t.is_alive()]


def watched(monkeypatch):
    layers = Layers(pretrained.read_layer)
    monkeypatch.setattr(pretrained, "read_layer", layers)
    return layers
