"""How each number of a pair scan was obtained."""

from enum import IntEnum


class Origin(IntEnum):
    """How the distributions of a pair were obtained."""

    MISSING = 0
    ESTIMATED = 1
    """By a superposed pass."""
    EXACT = 2
    """By a pass of the model over this very context."""
