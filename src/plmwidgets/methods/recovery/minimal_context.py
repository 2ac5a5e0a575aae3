"""The least that a model must see to know a residue."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets._numbers import as_whole
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.recovery.minimal_search import MinimalSearch
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM, default_precision
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.background import RunControl
from plmwidgets.scan.progress import ScanProgress
from plmwidgets.scan.start import position_of, provenance_of
from plmwidgets.service import service_for


@dataclass(frozen=True, slots=True)
class Step:
    """What a step of the search did, and what the model believes after it.

    Attributes
    ----------
    action : str
        ``"start"`` (all is hidden), ``"show"`` or ``"hide"``.
    position : int or None
        Which residue, 0-based.
    log_probabilities : ndarray, shape (20,)
        At the target; natural.
    context : tuple of int
        What is visible then, in the order in which it was shown.
    """

    action: str
    position: int | None
    log_probabilities: NDArray[np.float64]
    context: tuple[int, ...]


def minimal_context(
    protein: Protein | str,
    model: MaskedLM | str,
    position: int | str,
    *,
    criterion: str | float = "argmax",
    limit: int = 30,
    candidates: int = 100,
) -> "MinimalContext":
    """Search the smallest set of visible residues from which the model recovers a hidden one.

    Greedy: all is hidden at first, then the residue is shown that helps most, until the criterion
    holds; at last, what is not needed any more is hidden again, one after the other. The result
    has no residue to spare, but it need not be the smallest set that there is: that would take
    2^(L-1) passes to know. Returns at once and computes in the background.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
    position : int or str
        The residue, 0-based, or text in the chain's numbering, such as ``"A25"``.
    criterion : "argmax" or float
        When the residue counts as recovered: the wild type is the likeliest of the twenty, or its
        probability is at least this number.
    limit : int
        Give up when so many residues are visible.
    candidates : int
        The first step tries every residue; the later ones only so many, those that helped most in
        the first.

    Returns
    -------
    MinimalContext

    Raises
    ------
    ModelError
        If the model cannot take this sequence.
    IndexError, ValueError
        If there is no such position, it holds none of the twenty amino acids, or an option makes
        no sense.

    Examples
    --------
    >>> from plmwidgets import Protein, minimal_context
    >>> found = minimal_context(Protein.demo(), "demo", 10)
    >>> found.wait(quiet=True)
    >>> found.recovered
    True
    """
    protein, model = as_protein(protein), as_model(model)
    model.check_sequence(protein.sequence)
    if not isinstance(position, str) and as_whole(position) is None:
        raise ValueError(
            f"position is one residue, 0-based, or text such as 'A25', not {position!r}"
        )
    wanted = position_of(protein, position)
    if protein.wild_type[wanted] < 0:
        raise ValueError(
            f"{protein.residue_label(wanted)} is none of the twenty amino acids, so no "
            "context recovers it"
        )
    if not (isinstance(criterion, str) and criterion == "argmax"):
        if isinstance(criterion, bool) or not isinstance(criterion, Real):
            raise ValueError(f"the criterion is 'argmax' or a probability, not {criterion!r}")
        if not 0 < criterion < 1:
            raise ValueError(
                f"as a probability the criterion lies between 0 and 1, not {criterion}"
            )
    most, tried = as_whole(limit, least=0), as_whole(candidates, least=1)
    if most is None or tried is None:
        raise ValueError(
            "limit is a whole number, 0 or more, and candidates one, 1 or more, not "
            f"{limit!r} and {candidates!r}"
        )
    result = MinimalContext(
        protein,
        wanted,
        provenance_of(model, default_precision(model)),
        criterion=criterion,
        limit=min(most, len(protein) - 1),
        candidates=tried,
    )
    result.attach(MinimalSearch(result, service_for(model)))
    result.start()
    return result


class MinimalContext(RunControl):
    """What of a protein a model must see to know a residue; made by `minimal_context`.

    Attributes
    ----------
    protein : Protein
    position : int
        The residue to recover, 0-based.
    criterion : "argmax" or float
    limit, candidates : int
    provenance : dict
    trace : list of Step
    complete : bool
        Whether the search has ended, with success or not.
    passes : int
        Contexts that the model was asked about.
    """

    _again = "call minimal_context(protein, model, position) again"

    def __init__(
        self,
        protein: Protein,
        position: int,
        provenance: Mapping[str, Any],
        *,
        criterion: str | float,
        limit: int,
        candidates: int,
    ) -> None:
        self.protein = protein
        self.position = position
        self.criterion = criterion
        self.limit = limit
        self.candidates = candidates
        self.provenance = dict(provenance)
        self.trace: list[Step] = []
        self.complete = False
        self.passes = 0
        self._run: MinimalSearch

    def attach(self, run: MinimalSearch) -> None:
        """Let the controls drive a search."""
        self._run = run

    def __repr__(self) -> str:
        labels = self.protein.residue_labels
        state = "found" if self.recovered else "not recovered"
        if not self.complete:
            state = "searching"
        shown = ", ".join(labels[i] for i in sorted(self.context)) or "nothing"
        return (
            f"MinimalContext({self.protein.name}, {labels[self.position]} from {shown}; {state}, "
            f"greedy, {self.passes} passes of {self.provenance.get('model', 'unknown model')})"
        )

    @property
    def progress(self) -> ScanProgress:
        """How far the search is; it may end at any step."""
        return self._run.progress

    @property
    def context(self) -> tuple[int, ...]:
        """The visible residues so far, 0-based, in the order in which they were shown."""
        return self.trace[-1].context if self.trace else ()

    @property
    def recovered(self) -> bool:
        """Whether the model recovers the residue from what is visible."""
        return bool(self.trace) and self.satisfies(self.trace[-1].log_probabilities)

    @property
    def probability(self) -> float:
        """Probability of the wild type from what is visible; NaN before the first step."""
        return float(np.exp(self.log_p(self.trace[-1].log_probabilities))) if self.trace else np.nan

    @property
    def gains(self) -> NDArray[np.float64]:
        """Return what each residue of the context added to log p of the wild type when shown.

        Returns
        -------
        ndarray of float64, shape (L,)
            Nats, given what was visible before it; NaN for all others. To colour views by.
        """
        found = np.full(len(self.protein), np.nan)
        for before, after in zip(self.trace, self.trace[1:], strict=False):
            if after.action == "show" and after.position in self.context:
                gain = self.log_p(after.log_probabilities) - self.log_p(before.log_probabilities)
                found[after.position] = gain
        return found

    def to_pandas(self) -> pd.DataFrame:
        """Return the steps of the search.

        Returns
        -------
        DataFrame
            ``action`` ("start", "show", "hide"), ``position`` (0-based) and ``label`` of the
            residue, ``visible`` (how many are), ``p_wild_type``, ``most_probable`` and
            ``recovered``, after the step.
        """
        labels = self.protein.residue_labels
        rows = [
            {
                "action": step.action,
                "position": step.position,
                "label": "" if step.position is None else labels[step.position],
                "visible": len(step.context),
                "p_wild_type": float(np.exp(self.log_p(step.log_probabilities))),
                "most_probable": AMINO_ACIDS[int(np.argmax(step.log_probabilities))],
                "recovered": self.satisfies(step.log_probabilities),
            }
            for step in self.trace
        ]
        columns = ["action", "position", "label", "visible", "p_wild_type", "most_probable"]
        return pd.DataFrame(rows, columns=[*columns, "recovered"]).astype({"position": "Int64"})

    def apply(self, selection: Any) -> None:
        """Hide everything but the context in a `Selection`, and put the residue into focus."""
        shown = set(self.context)
        with selection.group():
            selection.masked = [i for i in range(len(self.protein)) if i not in shown]
            selection.focus = self.position

    # What the search asks and puts in

    def log_p(self, log_probabilities: NDArray[np.float64]) -> float:
        """Return log p of the wild type."""
        return float(log_probabilities[self.protein.wild_type[self.position]])

    def satisfies(self, log_probabilities: NDArray[np.float64]) -> bool:
        """Return whether a distribution at the residue meets the criterion."""
        wild_type = self.log_p(log_probabilities)
        if isinstance(self.criterion, str):
            return wild_type >= float(log_probabilities.max())
        return bool(np.exp(wild_type) >= self.criterion)

    def merit(self, log_probabilities: NDArray[np.float64]) -> tuple[bool, float]:
        """Return what to choose by: whether the criterion holds, then log p of the wild type."""
        return self.satisfies(log_probabilities), self.log_p(log_probabilities)

    def record(
        self, action: str, position: int | None, log_probabilities: NDArray[np.float64], passes: int
    ) -> None:
        """Take a step of the search."""
        shown = self.context
        if action == "show" and position is not None:
            shown = (*shown, position)
        elif action == "hide":
            shown = tuple(p for p in shown if p != position)
        self.passes += passes
        self.trace.append(Step(action, position, log_probabilities, shown))
