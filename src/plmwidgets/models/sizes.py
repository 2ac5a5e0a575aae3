"""How much work goes through a model together, by the kind of device."""

from dataclasses import dataclass
from typing import Final

import torch


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of work.

    Attributes
    ----------
    rows : int
        Rows that go through a feed-forward block together.
    contexts, step_work : int, float
        Contexts of a superposed pass that go through a layer together, and multiplications in
        which they do, both at most.
    tile_rows, tile_scores : int
        Rows that a tile of a superposed pass holds, and attention scores of one head, both at most.
    """

    rows: int
    contexts: int
    step_work: float
    tile_rows: int
    tile_scores: int


CPU: Final = Sizes(rows=2**10, contexts=8, step_work=5e9, tile_rows=2**30, tile_scores=2**23)
"""Small: what is between two products stays in the cache. A step takes about 50 ms."""
GPU: Final = Sizes(rows=2**14, contexts=64, step_work=2e11, tile_rows=2**15, tile_scores=2**25)
"""Large: a product keeps all processors busy for longer than Python needs to ask for it."""


def sizes_on(device: torch.device) -> Sizes:
    """Return the sizes for a device."""
    return CPU if device.type == "cpu" else GPU
