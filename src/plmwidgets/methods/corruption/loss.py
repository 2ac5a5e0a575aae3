"""What the training of a masked language model measures: its loss on the residues it must guess."""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from itertools import groupby
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets.methods.corruption.corruption import FATES, Corruption
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM, chosen_precision
from plmwidgets.scan.background import BackgroundRun, RunControl
from plmwidgets.scan.progress import ScanProgress
from plmwidgets.scan.run import SINGLES_AT_ONCE
from plmwidgets.scan.start import provenance_of
from plmwidgets.scan.stopping import result_of, work_through
from plmwidgets.service import ModelService, Priority, service_for

CHOSEN: Final = FATES[1:]
"""The fates that count in the loss."""


class CorruptionLoss(RunControl):
    """Cross-entropy and accuracy of a model on corrupted sequences, by what became of a residue.

    The loss of a chosen residue is -log p(x_i | what the model sees), x_i the residue that stood
    there, in nats, and p is normalised over the twenty amino acids (in training it is over the
    whole vocabulary; trained models give the rest next to nothing). Guessing blindly costs
    log 20 = 3.00 nats.

    Parameters
    ----------
    corruptions : sequence of Corruption
    provenance : dict
        ``model`` and ``identity``.

    Attributes
    ----------
    corruptions, provenance
        As above.
    losses : list of (ndarray of float64 or None)
        For each corruption a loss for each of its `chosen` residues; None while not computed.
    hits : list of (ndarray of bool or None)
        Whether the most probable amino acid is the right one.
    """

    title: ClassVar = "Loss"
    _again = "make it again with corruption_loss(corruptions, model)"

    def __init__(self, corruptions: "Iterable[Corruption]", provenance: dict[str, Any]) -> None:
        self.corruptions = tuple(corruptions)
        self.provenance = provenance
        self.losses: list[NDArray[np.float64] | None] = [None] * len(self.corruptions)
        self.hits: list[NDArray[np.bool_] | None] = [None] * len(self.corruptions)

    def __len__(self) -> int:
        return len(self.corruptions)

    def __repr__(self) -> str:
        table = self.by_fate()
        parts = [
            f"{fate} {row.loss:.2f} ({row.n:.0f})" for fate, row in table.iterrows() if row["n"]
        ]
        return (
            f"CorruptionLoss({self.done} of {len(self)} corruptions, model "
            f"{self.provenance.get('model', 'unknown')!r}; nats: {', '.join(parts) or 'none'})"
        )

    @property
    def done(self) -> int:
        """How many corruptions are computed."""
        return sum(loss is not None for loss in self.losses)

    @property
    def progress(self) -> ScanProgress:
        """How far the computation is."""
        if self._run is None:
            return ScanProgress.at_rest(self.done, len(self), "corruptions")
        return self._run.progress

    def put(self, k: int, log_probabilities: NDArray[np.floating[Any]]) -> None:
        """Take log p, shape (L, 20), of the context of corruption k."""
        corruption = self.corruptions[k]
        rows = log_probabilities[corruption.chosen].astype(np.float64)
        wanted = corruption.protein.wild_type[corruption.chosen]
        self.hits[k] = rows.argmax(axis=-1) == wanted
        self.losses[k] = -rows[np.arange(len(rows)), wanted]

    def to_pandas(self) -> pd.DataFrame:
        """One row a chosen residue of what is computed.

        Returns
        -------
        DataFrame
            ``draw`` (index of the corruption), ``rate``, ``protein``, ``position`` (0-based),
            ``label``, ``wild_type``, ``fate`` (categorical), ``shown`` (``_`` where hidden),
            ``loss`` (nats) and ``correct``.
        """
        tables = []
        for k, (corruption, loss, hit) in enumerate(
            zip(self.corruptions, self.losses, self.hits, strict=True)
        ):
            if loss is None:
                continue
            table = corruption.to_pandas().iloc[corruption.chosen].reset_index(names="label")
            table.insert(0, "draw", k)
            table.insert(1, "rate", corruption.rate)
            table.insert(2, "protein", corruption.protein.name)
            tables.append(table.assign(loss=loss, correct=hit))
        columns = ["draw", "rate", "protein", "position", "label"]
        columns += ["wild_type", "fate", "shown", "loss", "correct"]
        if not tables:
            return pd.DataFrame(columns=columns)
        return pd.concat(tables, ignore_index=True)[columns]

    def by_fate(self) -> pd.DataFrame:
        """Return the means over the chosen residues that are computed.

        Returns
        -------
        DataFrame, indexed by fate: ``masked``, ``random``, ``kept``, and ``all`` of them
            ``n`` (residues), ``loss`` (mean, nats) and ``accuracy`` (0 to 1), which are NaN where
            there is no residue. The loss of ``all`` is the loss of the training.
        """
        known = [k for k, loss in enumerate(self.losses) if loss is not None]
        empty: list[Any] = [np.zeros(0)]
        fates = np.concatenate(
            empty + [self.corruptions[k].fates[self.corruptions[k].chosen] for k in known]
        )
        loss = np.concatenate(empty + [self.losses[k] for k in known])
        hits = np.concatenate(empty + [self.hits[k] for k in known])
        rows = [fates == code for code in range(1, len(FATES))]
        rows.append(np.ones(len(fates), bool))
        return pd.DataFrame(
            {
                "n": [int(row.sum()) for row in rows],
                "loss": [loss[row].mean() if row.any() else np.nan for row in rows],
                "accuracy": [hits[row].mean() if row.any() else np.nan for row in rows],
            },
            index=pd.Index([*CHOSEN, "all"], name="fate"),
        )

    def attach(self, run: "CorruptionRun") -> None:
        """Let a run fill this."""
        self._run = run


class CorruptionRun(BackgroundRun):
    """Fills a `CorruptionLoss`; what is computed already is kept."""

    title: ClassVar = "loss"

    def __init__(self, loss: CorruptionLoss, service: ModelService, precision: str) -> None:
        self.loss = loss
        self.service = service
        self.precision = precision
        names = list(dict.fromkeys(one.protein.name for one in loss.corruptions))
        super().__init__(names[0], len(loss), "corruptions")

    def _work(self, stop: threading.Event) -> None:
        work_through(
            self._groups(),
            self._submit,
            lambda group, future: self._take(group, future, stop),
            self.service.lanes,
            stop,
        )

    def _groups(self) -> Iterator[list[int]]:
        """Cut what is missing into runs of equal length."""
        missing = [k for k, loss in enumerate(self.loss.losses) if loss is None]
        for _, some in groupby(missing, lambda k: len(self.loss.corruptions[k].fates)):
            alike = list(some)
            for start in range(0, len(alike), SINGLES_AT_ONCE):
                yield alike[start : start + SINGLES_AT_ONCE]

    def _submit(self, group: list[int]) -> "Future[NDArray[np.floating[Any]]]":
        contexts = [self.loss.corruptions[k].context for k in group]
        return self.service.submit(contexts, priority=Priority.BACKGROUND, precision=self.precision)

    def _take(self, group: list[int], future: "Future[Any]", stop: threading.Event) -> None:
        values = result_of(future, stop)
        with self._lock:
            for k, rows in zip(group, values, strict=True):
                self.loss.put(k, rows)
            self._observe_rate(self._units_done())
        self._notify()

    def _units_done(self) -> int:
        return self.loss.done

    def _is_complete(self) -> bool:
        return self._units_done() == self._total


def corruption_loss(
    corruptions: Corruption | Iterable[Corruption],
    model: MaskedLM | str,
    *,
    precision: str | None = None,
) -> CorruptionLoss:
    """Compute a model's training loss on corrupted sequences, split by fate.

    One pass a corruption, with a progress bar in a terminal. Interrupting it (Ctrl-C) stops the
    model and keeps nothing.

    Parameters
    ----------
    corruptions : Corruption or iterable of Corruption
        One draw or many, of one protein or of several.
    model : MaskedLM or str
        A loaded model, or what `load_model` takes.
    precision : str, optional
        As for `scan_pairs`.

    Returns
    -------
    CorruptionLoss

    Raises
    ------
    ModelError
        If the model cannot take one of the sequences.
    TypeError
        If what is given are no corruptions.
    ValueError
        If there are none.

    Examples
    --------
    >>> from plmwidgets import Protein, corrupt, corruption_loss
    >>> draws = [corrupt(Protein.demo(), seed=seed) for seed in range(20)]
    >>> table = corruption_loss(draws, "demo").by_fate()
    >>> list(table.index)
    ['masked', 'random', 'kept', 'all']
    """
    loss = prepare_loss(corruptions, model, precision=precision)
    loss.start()
    try:
        loss.wait()
    except KeyboardInterrupt:
        loss.cancel()  # or the model would go on for nobody
        raise
    return loss


def prepare_loss(
    corruptions: Corruption | Iterable[Corruption],
    model: MaskedLM | str,
    *,
    precision: str | None = None,
) -> CorruptionLoss:
    """Set up what `corruption_loss` starts; parameters and errors are the same."""
    given = [corruptions] if isinstance(corruptions, Corruption) else corruptions
    if not isinstance(given, Iterable):
        raise TypeError(f"expected what corrupt() returns, not {type(corruptions).__name__}")
    draws = list(given)
    for one in draws:
        if not isinstance(one, Corruption):
            raise TypeError(f"expected what corrupt() returns, not {type(one).__name__}")
    if not draws:
        raise ValueError("there is nothing to compute: give at least one corruption")
    model = as_model(model)
    for sequence in dict.fromkeys(one.protein.sequence for one in draws):
        model.check_sequence(sequence)
    precision = chosen_precision(model, precision)
    loss = CorruptionLoss(draws, provenance_of(model, precision))
    loss.attach(CorruptionRun(loss, service_for(model), precision))
    return loss
