"""What a page says of the selection, read strictly: it is checked before anything believes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PageState:
    """A selection as a page tells of it; positions are 0-based, in range, and whole numbers."""

    masked: list[int]
    substitutions: dict[int, str]
    focus: int | None
    pair: tuple[int, int] | None
    clock: int


def read_state(state: Any, length: int) -> PageState:
    """Read the state of a selection in a protein of `length` residues.

    Raises
    ------
    ValueError
        If anything is missing, of another kind, or out of range, saying what.
    """
    if not isinstance(state, Mapping):
        raise _refusal("it", "an object")
    pairs = _list(state, "substitutions", length)
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise _refusal("substitutions", "a list of [position, letter]")
    if not all(isinstance(letter, str) and len(letter) == 1 for _, letter in pairs):
        raise _refusal("substitutions", "of single letters")
    focus, pair, clock = (state.get(name) for name in ("focus", "pair", "clock"))
    if pair is not None and not (isinstance(pair, list) and len(pair) == 2):
        raise _refusal("pair", "two positions, or none")
    if type(clock) is not int or clock < 0:
        raise _refusal("clock", "a whole number")
    chosen = None
    if pair is not None:
        chosen = _position("pair", pair[0], length), _position("pair", pair[1], length)
        if chosen[0] == chosen[1]:
            raise _refusal("pair", "two different positions")
    return PageState(
        [_position("masked", i, length) for i in _list(state, "masked", length)],
        {_position("substitutions", i, length): letter for i, letter in pairs},
        None if focus is None else _position("focus", focus, length),
        chosen,
        clock,
    )


def _list(state: Mapping[str, Any], name: str, most: int) -> list[Any]:
    found = state.get(name)
    if not isinstance(found, list) or len(found) > most:
        raise _refusal(name, f"a list of at most {most}")
    return found


def _position(name: str, value: Any, length: int) -> int:
    if type(value) is not int or not 0 <= value < length:  # True is no position
        raise _refusal(name, f"whole numbers from 0 to {length - 1}")
    return value


def _refusal(name: str, wanted: str) -> ValueError:
    return ValueError(f"the page sent a selection that makes no sense: {name} must be {wanted}")
