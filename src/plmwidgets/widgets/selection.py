"""The state that all views of a protein share: masks, substitutions, focus, pair, pointer."""

import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import traitlets as t

from plmwidgets.models.masked_lm import Context
from plmwidgets.protein import Protein, as_protein
from plmwidgets.widgets.page_state import PageState, read_state
from plmwidgets.widgets.throttle import Throttle

MAX_HISTORY = 200
ECHO_SECONDS = 0.1
MOST_AHEAD = 10**6
"""Steps of the clock that a page may be ahead of the kernel, which may have been busy for hours."""


class Selection(t.HasTraits):
    """What a person has chosen in a protein; views follow it and change it.

    Assign from Python as from a view: ``selection.masked = {3, 7}``. Positions are 0-based.

    Parameters
    ----------
    protein : Protein or str

    Attributes
    ----------
    masked : frozenset of int
        Hidden positions; any iterable of positions, or text such as ``"3-10, A25"``, is accepted.
    substitutions : dict of int to str
        Residues replaced before the model looks; also text such as ``"A25G:L30P"``.
    focus : int or None
        The residue of interest.
    pair : tuple of (int, int) or None
        ``(i, j)``: the residue affected and the one hidden as well.
    hover : tuple of int
        Residues under the pointer: none, one, or the two of a map's cell.
    clock : int
        Grows by one with every change of the four above; observe it to hear of any change once.
    echo : int
        The clock as the views are told of it: at once for a change made in Python. Views on the
        page of a click know of it from each other; they are told a moment later, so that the
        model's answer comes first.

    Raises
    ------
    TraitError
        If a position is out of range or a letter is no amino acid; nothing is changed then.
    """

    masked = t.Any(frozenset())
    substitutions = t.Any({})
    focus = t.Any(None)
    pair = t.Any(None)
    hover = t.Any(())
    clock = t.Int(0)
    echo = t.Int(0)

    def __init__(self, protein: Protein | str) -> None:
        super().__init__()
        self.protein = as_protein(protein)
        self.id = uuid.uuid4().hex
        self._lock = threading.RLock()
        self._grouped = 0
        self._past: list[tuple[frozenset[int], dict[int, str]]] = []
        self._future: list[tuple[frozenset[int], dict[int, str]]] = []
        self._kept = (self.masked, self.substitutions)
        self._merging = False
        self._echo_soon = Throttle(self._echo, delay=ECHO_SECONDS)

    def __repr__(self) -> str:
        labels = self.protein.residue_labels
        masked = ", ".join(labels[i] for i in sorted(self.masked)) or "nothing"
        return f"Selection({self.protein.name}: {masked} masked)"

    @property
    def context(self) -> Context:
        """What a model is shown: the sequence with the masks and substitutions."""
        return Context.of(self.protein.sequence, self.masked, self.substitutions)

    @contextmanager
    def group(self) -> Iterator[None]:
        """Make several assignments one change: one redraw, one prediction, one step of undo."""
        with self._lock:
            self._grouped += 1
            before = self._snapshot()
            try:
                yield
            finally:
                self._grouped -= 1
                if self._grouped == 0 and self._snapshot() != before:
                    self._commit()

    def select_pair(self, i: int, j: int) -> None:
        """Mask two residues, to see how hiding `j` changes what the model believes about `i`."""
        with self.group():
            self.pair, self.masked, self.focus = (i, j), {i, j}, i  # the pair is checked first

    def clear(self) -> None:
        """Unmask everything and take all substitutions back."""
        with self.group():
            self.masked, self.substitutions, self.pair = (), {}, None

    def undo(self) -> None:
        """Take the last change of masks or substitutions back, if there is one."""
        self._step(self._past, self._future)

    def redo(self) -> None:
        """Make the change again that was taken back last, if there is one."""
        self._step(self._future, self._past)

    # What travels to the views and back

    def to_state(self) -> dict[str, Any]:
        """Return the state as the views hold it."""
        with self._lock:
            return {
                "masked": sorted(self.masked),
                "substitutions": [[i, letter] for i, letter in sorted(self.substitutions.items())],
                "focus": self.focus,
                "pair": None if self.pair is None else list(self.pair),
                "clock": self.clock,
                "can_undo": bool(self._past),
                "can_redo": bool(self._future),
            }

    def merge_state(self, state: Mapping[str, Any]) -> None:
        """Take over a state from a view, unless what holds is newer by the clock.

        Views send on their own, so that an older state may arrive after a newer one. Of two
        changes made at the same time the one from the view wins.

        Raises
        ------
        ValueError, TraitError
            If it is malformed; nothing is changed then.
        """
        with self._lock:
            said = self.check_state(state)
            if said.clock < self.clock:
                return
            self._merging = True
            try:
                with self.group():
                    self.masked = frozenset(said.masked)
                    self.substitutions = said.substitutions
                    self.focus, self.pair = said.focus, said.pair
                self.clock = max(said.clock, self.clock)
            finally:
                self._merging = False

    def check_state(self, state: Any) -> PageState:
        """Read a state from a view strictly; nothing is changed.

        Raises
        ------
        ValueError, TraitError
            If it is malformed, or its clock is further ahead than any page can be.
        """
        said = read_state(state, len(self.protein))
        self._letters(said.substitutions)
        if not self._is_credible(said.clock):
            raise ValueError(f"the page sent a selection of the far future: {said.clock}")
        return said

    def outrun(self, clock: Any) -> None:
        """Make every view return to what holds, also one whose clock had run ahead to `clock`."""
        with self._lock:
            self.clock = max(self.clock, clock if self._is_credible(clock) else 0) + 1
            self._echo()

    def _is_credible(self, clock: Any) -> bool:
        # A clock that a page could set at will would, at the end of the numbers, lock all out.
        return type(clock) is int and clock <= self.clock + MOST_AHEAD

    # Validation

    @t.validate("masked")
    def _validate_masked(self, proposal: Any) -> frozenset[int]:
        return self._positions(proposal["value"])

    @t.validate("hover")
    def _validate_hover(self, proposal: Any) -> tuple[int, ...]:
        values = tuple(proposal["value"])
        if len(values) > 2:
            raise t.TraitError(f"the pointer is on two residues at most, not on {len(values)}")
        self._positions(values)
        return tuple(int(v) for v in values)

    @t.validate("substitutions")
    def _validate_substitutions(self, proposal: Any) -> dict[int, str]:
        return self._letters(proposal["value"])

    @t.validate("focus")
    def _validate_focus(self, proposal: Any) -> int | None:
        return self._optional_position(proposal["value"])

    @t.validate("pair")
    def _validate_pair(self, proposal: Any) -> tuple[int, int] | None:
        return self._optional_pair(proposal["value"])

    def _positions(self, values: Iterable[int] | str) -> frozenset[int]:
        try:
            if isinstance(values, str):
                values = self.protein.parse_positions(values)
            return frozenset(Context.of(self.protein.sequence, values).masked)
        except (IndexError, OverflowError, TypeError, ValueError) as error:
            raise t.TraitError(str(error)) from None

    def _letters(self, values: Mapping[int, str] | str) -> dict[int, str]:
        try:
            if isinstance(values, str):
                values = self.protein.parse_substitutions(values)
            changes = dict(Context.of(self.protein.sequence, (), values).substitutions)
        except (AttributeError, IndexError, OverflowError, TypeError, ValueError) as error:
            raise t.TraitError(f"{error}") from None
        return {i: a for i, a in changes.items() if self.protein.sequence[i] != a}

    def _optional_position(self, value: Any) -> int | None:
        return None if value is None else next(iter(self._positions([value])))

    def _optional_pair(self, value: Any) -> tuple[int, int] | None:
        if value is None:
            return None
        if len(value) != 2 or len(self._positions(value)) != 2:
            raise t.TraitError(f"a pair is two different positions, not {value!r}")
        return int(value[0]), int(value[1])

    # Changes and their history

    @t.observe("masked", "substitutions", "focus", "pair")
    def _changed(self, _: Any) -> None:
        with self._lock:
            if not self._grouped:
                self._commit()

    def _snapshot(self) -> tuple[Any, ...]:
        return self.masked, self.substitutions, self.focus, self.pair

    def _commit(self) -> None:
        now = (self.masked, self.substitutions)
        if now != self._kept:
            self._past.append(self._kept)
            del self._past[:-MAX_HISTORY]
            self._future.clear()
            self._kept = now
        self.clock += 1
        if not self._merging:
            self._echo()
        else:
            self._echo_soon()

    def _echo(self) -> None:
        self.echo = self.clock

    def _step(self, source: list[Any], target: list[Any]) -> None:
        with self._lock:
            if not source:
                return
            masked, substitutions = source.pop()
            target.append(self._kept)
            self._kept = (masked, substitutions)
            with self.group():
                self.masked, self.substitutions, self.pair = masked, substitutions, None
