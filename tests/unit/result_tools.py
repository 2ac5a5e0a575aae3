"""Scans of a short protein with numbers at random, for the tests of results."""

import numpy as np
from scipy.special import log_softmax

from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.single import SingleScan

SEQUENCE = "MKTAYIAKQR"
LENGTH = len(SEQUENCE)
PROVENANCE = {
    "model": "toy",
    "identity": {"checkpoint": "toy", "revision": "1", "dtype": "float32"},
}


def log_probabilities(dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    single = log_softmax(2 * rng.normal(size=(LENGTH, 20)), -1)
    pair = log_softmax(single[:, None] + 0.7 * rng.normal(size=(LENGTH, LENGTH, 20)), -1)
    pair[np.arange(LENGTH), np.arange(LENGTH)] = np.nan
    return single.astype(dtype), pair.astype(dtype)


def scan_of(protein):
    single, pair = log_probabilities()
    return PairScan(protein, SingleScan(protein, single, PROVENANCE), pair, PROVENANCE)


def half_of(protein):
    """A scan of which the pairs among the first four residues are computed."""
    single, pair = log_probabilities()
    pair[4:], pair[:, 4:] = np.nan, np.nan
    return PairScan(protein, SingleScan(protein, single, PROVENANCE), pair, PROVENANCE)
