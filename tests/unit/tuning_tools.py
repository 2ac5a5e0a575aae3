"""A short training, for the tests of fine-tuning."""

import numpy as np

from plmwidgets import fine_tune

QUICK = {"steps": 6, "batch": 4, "evaluate_every": 2, "seed": 3}
SEQUENCES = ["MKTAYIAKQRQISFVKSHFSRQ", "MKTAYIAKQRWISF", "GGLIEVQAPILSRVGDGT", "MKVLAAGWSTR"] * 2
HELD_OUT = ["MKTAYIAKQRQISFVK", "GLIEVQAPILSRVGDG"]


def finished(*arguments, **options):
    tuning = fine_tune(*arguments, **options)
    tuning.wait(timeout=120, quiet=True)
    return tuning


def adapter_of(tuning):
    return {name: w.numpy() for name, w in tuning.model.adapter.tensors.items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)
