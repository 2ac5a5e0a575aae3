"""A model whose contact head is easy to recompute, for the tests of contact recovery."""

import numpy as np
from toy_models import ToyModel

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQ"


class ContactToy(ToyModel):
    """Contacts show when both residues are visible, the more the more of all are."""

    capabilities = frozenset({"contacts"})

    def __init__(self, name="contact toy", jump_at=None, **kwargs):
        super().__init__(name, **kwargs)
        self.jump_at = jump_at  # so many visible, and all contacts are there at once
        self.seen = []

    def contacts_of(self, context):
        length = len(context.sequence)
        base = np.random.default_rng(length).random((length, length))
        visible = np.ones(length)
        visible[list(context.masked)] = 0
        share = visible.mean()
        if self.jump_at is not None:
            share = float(visible.sum() >= self.jump_at)
        return ((base + base.T) / 2 * np.outer(visible, visible) * share).astype(np.float32)

    def contact_probabilities(self, contexts):
        self.seen.extend(contexts)
        return np.stack([self.contacts_of(context) for context in contexts])

    def contact_probability_steps(self, contexts):
        if self.fails_with is not None:
            raise self.fails_with
        yield 0.5
        return self.contact_probabilities(contexts)
