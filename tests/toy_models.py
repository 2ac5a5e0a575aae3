"""Small models for the tests: fast, deterministic, and able to misbehave on request."""

import threading
import time
import zlib

import numpy as np

from plmwidgets.models.masked_lm import Context, ModelIdentity


class ToyModel:
    """Log-probabilities that depend on the whole context in a way that is easy to recompute."""

    capabilities = frozenset()
    max_length = 500

    def __init__(self, name="toy", seconds=0.0, largest_batch=None, revision="1"):
        self.name = name
        self.identity = ModelIdentity(name, revision, "float32")
        self.seconds = seconds
        self.largest_batch = largest_batch
        self.fails_with = None
        self.calls = []
        self.threads = set()

    def check_sequence(self, sequence):
        pass

    def preferred_batch(self, length):
        return None

    def expected(self, context):
        """(L, 20) log-probabilities of one context."""
        key = repr((context.residues, context.masked)).encode()
        scores = np.random.default_rng(zlib.crc32(key)).normal(size=(len(context.sequence), 20))
        return (scores - np.log(np.exp(scores).sum(-1, keepdims=True))).astype(np.float32)

    def log_probabilities(self, contexts, positions=None):
        self.calls.append(list(contexts))
        self.threads.add(threading.get_ident())
        if self.fails_with is not None:
            raise self.fails_with
        if self.largest_batch is not None and len(contexts) > self.largest_batch:
            raise MemoryError("no room")
        time.sleep(self.seconds * len(contexts))
        values = np.stack([self.expected(c) for c in contexts])
        return values if positions is None else values[np.arange(len(values))[:, None], positions]


class ShapeModel(ToyModel):
    """One whose last bits depend on the shape of the batch and on the place in it."""

    def __init__(self, batch=16, **options):
        super().__init__("shape", **options)
        self.batch = batch

    def preferred_batch(self, length):
        return self.batch

    def log_probabilities(self, contexts, positions=None):
        values = super().log_probabilities(contexts, positions)
        rows = np.arange(len(contexts), dtype=np.float32)[:, None, None]
        return values + np.float32(1e-6) * (rows + 8 * len(contexts))


class GatedModel(ToyModel):
    """Waits at its gate after a number of passes."""

    def __init__(self, name, after):
        super().__init__(name)
        self.gate = threading.Event()
        self.after = after

    def log_probabilities(self, contexts, positions=None):
        if sum(map(len, self.calls)) >= self.after:
            self.gate.wait(20)
        return super().log_probabilities(contexts, positions)


class AsynchronousModel(ToyModel):
    """Notes when the work of a batch, named by its first masked position, is queued and waited for.

    Attributes
    ----------
    steps : int
        In a batch, the last of which says that all is queued.
    at : dict
        What to call at an event such as ``"wait 3"``; an error that it returns is raised.
    """

    capabilities = frozenset({"precision", "asynchronous"})
    precisions = ("reference",)

    def __init__(self, name="in flight", steps=1, revision="1"):
        super().__init__(name, revision=revision)
        self.steps = steps
        self.log = []
        self.at = {}

    def happens(self, what):
        self.log.append(what)
        action = self.at.get(what)
        if action is not None:
            error = action()
            if isinstance(error, Exception):
                raise error

    def log_probability_steps(self, contexts, positions=None, precision=None):
        first = contexts[0].masked[0] if contexts[0].masked else "none"
        try:
            for step in range(1, self.steps):
                self.happens(f"step {step} of {first}")
                yield step / self.steps
            self.happens(f"queue {first}")
            if self.steps:
                yield 1.0
            self.happens(f"wait {first}")
            return self.log_probabilities(contexts, positions)
        except GeneratorExit:
            self.log.append(f"drop {first}")
            raise


class NanModel(ToyModel):
    """Returns NaN once a chosen position is masked together with another one."""

    def __init__(self, bad_position, **kwargs):
        # Equal identities share a service, and so a model.
        super().__init__(name="nan-toy", revision=str(bad_position), **kwargs)
        self.bad_position = bad_position

    def expected(self, context):
        values = super().expected(context)
        if self.bad_position in context.masked and len(context.masked) > 1:
            values[:] = np.nan
        return values


def expected_pairs(model, sequence, positions=None):
    """The slow and obvious scan."""
    length = len(sequence)
    positions = range(length) if positions is None else positions
    pairs = np.full((length, length, 20), np.nan, np.float32)
    for i in positions:
        for j in positions:
            if i < j:
                both = model.expected(Context(sequence, (i, j)))
                pairs[i, j], pairs[j, i] = both[i], both[j]
    return pairs
