"""What unmasking revealed, step by step."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets._numbers import as_whole
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.known import check_origin
from plmwidgets.methods.unmasking.decoding import Step, UnmaskingPlan
from plmwidgets.models import as_model
from plmwidgets.protein import Protein, as_protein

if TYPE_CHECKING:
    from plmwidgets.models.masked_lm import MaskedLM


@dataclass(frozen=True, eq=False, repr=False)
class UnmaskingTrace:
    """Who was revealed in which step, as what and with what probability; made by `unmask`.

    Attributes
    ----------
    protein : Protein
        The wild type, L residues.
    plan : UnmaskingPlan
        Strategy, steps, temperature, seed and so on.
    steps : tuple of Step
        T of them.
    provenance : dict
        ``model`` and ``identity``.
    map_passes : int or None
        Passes that the given pair scan took; 0 where none was given, None where it is not known.
        They are shared by all traces that it guides, and not part of `passes`.
    forked_at : int or None
        The first step that is not that of the trace it was forked from.
    """

    protein: Protein
    plan: UnmaskingPlan
    steps: tuple[Step, ...]
    provenance: Mapping[str, Any]
    map_passes: int | None = 0
    forked_at: int | None = None
    _model: "MaskedLM | None" = field(default=None)

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        forked = "" if self.forked_at is None else f", forked at step {self.forked_at}"
        return (
            f"UnmaskingTrace({self.protein.name!r}, {self.plan.strategy}, "
            f"{_plural(len(self.plan.masked), 'residue')} in {_plural(len(self), 'step')} and "
            f"{_plural(self.passes, 'pass', 'passes')}, log-probability "
            f"{self.log_probability:.2f} nats, identity {self.identity:.0%}{forked}; "
            f"seed {self.plan.seed}, model {self.provenance.get('model', 'unknown')!r})"
        )

    @cached_property
    def sequence(self) -> str:
        """The sequence with all that was revealed, L letters."""
        return self.sequence_after(len(self.steps) - 1)

    def sequence_after(self, step: int, hidden: str | None = None) -> str:
        """Return the sequence after a step.

        Parameters
        ----------
        step : int
            0-based; -1 is before the first.
        hidden : str, optional
            One sign for residues that are hidden then; by default their wild type.

        Raises
        ------
        ValueError
            If there is no such step, or what is to stand for hidden residues is not one sign.
        """
        last = as_whole(step, least=-1)
        if last is None or last >= len(self.steps):
            raise ValueError(
                f"there is no step {step}: they are 0 to {len(self.steps) - 1}, and -1 is before "
                "the first"
            )
        if hidden is not None and (not isinstance(hidden, str) or len(hidden) != 1):
            raise ValueError(f"hidden= is one sign, such as '_', not {hidden!r}")
        letters = list(self.protein.sequence)
        if hidden is not None:
            for position in self.plan.masked:
                letters[position] = hidden
        for taken in self.steps[: last + 1]:
            for position, column in zip(taken.positions, taken.columns, strict=True):
                letters[position] = AMINO_ACIDS[column]
        return "".join(letters)

    @property
    def passes(self) -> int:
        """Forward passes of the model in all: one a step, and each probe of pair-guided steps."""
        return sum(step.passes for step in self.steps)

    @cached_property
    def log_probability(self) -> float:
        """Sum of log p of what was revealed, each as the model saw it at its step; nats."""
        return float(sum(step.log_probabilities.sum() for step in self.steps))

    @cached_property
    def identity(self) -> float:
        """Share of the revealed residues (0 to 1) that are the wild type; unknown ones are not."""
        masked = list(self.plan.masked)
        return float(np.mean([self.sequence[i] == self.protein.sequence[i] for i in masked]))

    @cached_property
    def step_of(self) -> NDArray[np.int64]:
        """In which step each residue was revealed, shape (L,); -1 where it was visible."""
        found = np.full(len(self.protein), -1)
        for index, step in enumerate(self.steps):
            found[step.positions] = index
        return found

    def to_pandas(self) -> pd.DataFrame:
        """Return one row a revealed residue, in the order of their revelation.

        Returns
        -------
        DataFrame, M rows
            ``position`` (0-based), ``label``, ``step`` (0-based), ``wild_type``, ``amino_acid``
            (what it was revealed as), ``matches`` (whether they are the same), ``probability`` and
            ``log_probability`` (nats) of that amino acid in the model's distribution at that step,
            and the ``entropy`` (bits) of the distribution.
        """
        positions = np.concatenate([step.positions for step in self.steps])
        columns = np.concatenate([step.columns for step in self.steps])
        log_p = np.concatenate([step.log_probabilities for step in self.steps])
        labels = np.array(self.protein.residue_labels, dtype=object)[positions]
        wild_type = np.array(list(self.protein.sequence), dtype=object)[positions]
        letters = np.array(list(AMINO_ACIDS), dtype=object)[columns]
        return pd.DataFrame(
            {
                "position": positions,
                "label": labels,
                "step": self.step_of[positions],
                "wild_type": wild_type,
                "amino_acid": letters,
                "matches": (wild_type == letters).astype(bool),
                "probability": np.exp(log_p),
                "log_probability": log_p,
                "entropy": np.concatenate([step.entropies[step.positions] for step in self.steps]),
            }
        )

    def per_step(self) -> pd.DataFrame:
        """Return one row a step.

        Returns
        -------
        DataFrame, T rows, indexed by ``step``
            ``revealed`` (labels, the first choice first), ``count``, ``hidden`` (how many still
            are, after it), ``entropy_left`` (bits: the sum over those of the entropy at this step),
            ``log_probability`` (nats, cumulative), ``identity`` (share of those revealed so far
            that are the wild type) and ``passes`` (cumulative).
        """
        table = self.to_pandas()
        labels = self.protein.residue_labels
        rows, left = [], len(self.plan.masked)
        for index, step in enumerate(self.steps):
            so_far = table[table["step"] <= index]
            left -= len(step.positions)
            after = step.entropies.copy()
            after[step.positions] = np.nan
            rows.append(
                {
                    "revealed": " ".join(labels[i] for i in step.positions),
                    "count": len(step.positions),
                    "hidden": left,
                    "entropy_left": float(np.nansum(after)),
                    "log_probability": float(so_far["log_probability"].sum()),
                    "identity": float(so_far["matches"].mean()),
                    "passes": sum(one.passes for one in self.steps[: index + 1]),
                }
            )
        return pd.DataFrame(rows, index=pd.RangeIndex(len(rows), name="step"))

    def fork(self, step: int, **changes: Any) -> "UnmaskingTrace":
        """Go on differently from a step: what was revealed before it stays.

        Parameters
        ----------
        step : int
            The first step to take anew, 0-based.
        **changes
            Of `unmask`: ``strategy``, ``seed``, ``steps`` or ``at_a_time`` (of what is hidden
            there), ``schedule``, ``temperature``, ``anneal``, ``top_p``, ``pairs``,
            ``order`` and ``threshold``. What is not stated stays, so that a fork without
            changes is the same trace (of a fork, from `forked_at` on).

        Returns
        -------
        UnmaskingTrace
            `passes` counts those of the steps that were kept as well.

        Raises
        ------
        ValueError
            If there is no such step, or as `unmask`.
        """
        from plmwidgets.methods.unmasking.unmask import fork

        return fork(self, step, self._model, **changes)

    def save(self, path: str | os.PathLike[str], replace: bool = False) -> None:
        """Write the trace as a numpy archive; `load` reads it.

        Parameters
        ----------
        path : path
            Ends in ``.npz``.
        replace : bool
            Overwrite a file of that name.

        Raises
        ------
        FileExistsError
            If there is such a file, unless it is to be replaced.
        OSError
            If it cannot be written there.
        ValueError
            If the name does not end in ``.npz``.
        """
        from plmwidgets.methods.unmasking.trace_files import write_trace

        write_trace(self, path, replace)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        protein: Protein | str | None = None,
        model: "MaskedLM | str | None" = None,
    ) -> "UnmaskingTrace":
        """Read what `save` wrote.

        Parameters
        ----------
        path : path
        protein : Protein or str, optional
            The protein with its structure and numbering, which are not saved; its sequence must
            be the same.
        model : MaskedLM or str, optional
            The model that it is of, to fork it.

        Raises
        ------
        FileNotFoundError
            If there is nothing at this path.
        ValueError
            If it is no such file, or of another sequence or model.
        """
        from plmwidgets.methods.unmasking.trace_files import read_trace

        found = read_trace(path)
        own = found.protein if protein is None else as_protein(protein)
        model = None if model is None else as_model(model)
        check_origin("trace", found.protein, found.provenance, own, model)
        return replace(found, protein=own, _model=model)


def _plural(count: int, one: str, more: str | None = None) -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"
