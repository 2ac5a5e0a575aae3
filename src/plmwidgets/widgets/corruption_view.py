"""How a training example is made, what the model sees of it, and what it is to guess."""

import threading
from typing import Any, Final

import numpy as np
import pandas as pd
import traitlets as t

from plmwidgets._numbers import as_whole
from plmwidgets.methods.corruption.corruption import (
    FATES,
    RATE,
    RATE_DISTRIBUTIONS,
    Corruption,
    checked_split,
    corrupt,
    draw_rates,
    mean_rate,
    new_seed,
)
from plmwidgets.methods.corruption.loss import CorruptionLoss, prepare_loss
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.widgets.live import LivePrediction
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view import View, bundle, envelope, in_words

DRAWS: Final = 200
"""Draws of an average that the page asks for."""
MOST_DRAWS: Final = 10_000
BINS: Final = 40
_RATES: Final = 20_000
LABELS: Final = {
    "fixed": "fixed: BERT, ESM-2",
    "esm3": "ESM3: Beta(3, 9) or uniform",
    "cosine": "cosine: cos(πu/2)",
    "linear": "linear: 1 − u",
    "sqrt": "square root: 1 − √u",
    "square": "square: 1 − u²",
    "cubic": "cubic: 1 − u³",
}


class CorruptionView(View):
    """Draw training examples, see what becomes of each residue, and what it costs the model.

    The draw is put into the selection, as masks and substitutions, so that linked views show what
    the model makes of it.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str, optional
        Left out when `live` is given.
    rate, mask, random, span, rate_distribution, seed
        See `corrupt`.
    live : LivePrediction, optional
        A prediction that other views share.
    selection : Selection, optional
        Shared with other views; that of `live`, or its own, by default.
    presenter : bool
        Larger type.

    Attributes
    ----------
    rate : float
        Of the fixed distribution, 0 to 1; assignable, as are the next four.
    split : list of float
        Probabilities of masked, random and kept, whose sum is 1.
    span : int
        Length of the runs, 1 for residues chosen independently.
    rate_distribution : str
    seed : int
        Another seed is another draw: see `redraw`.
    corruption : Corruption
        What is shown.
    loss : CorruptionLoss or None
        Of what is shown; None until the model has answered.
    averaged : CorruptionLoss or None
        Of many draws with these settings, once `average` was called.
    """

    _bundle = t.Unicode(bundle("corruption_view"), read_only=True).tag(sync=True)
    rate = t.Float(RATE).tag(sync=True, page=True)
    split: t.List[Any] = t.List([0.8, 0.1, 0.1]).tag(sync=True, page=True)
    span = t.Int(1).tag(sync=True, page=True)
    rate_distribution = t.Unicode("fixed").tag(sync=True, page=True)
    seed = t.Int(0).tag(sync=True, page=True)
    fates = t.Any(None, read_only=True).tag(sync=True)
    shown = t.Unicode(read_only=True).tag(sync=True)
    facts = t.Dict(read_only=True).tag(sync=True)
    options = t.List([[name, LABELS[name]] for name in RATE_DISTRIBUTIONS], read_only=True).tag(
        sync=True
    )
    histogram = t.Any(None, read_only=True).tag(sync=True)
    true_p = t.Any(None, read_only=True).tag(sync=True)
    losses = t.Dict(read_only=True).tag(sync=True)
    pending = t.Bool(False).tag(sync=True)
    problem = t.Unicode().tag(sync=True)
    in_step = t.Bool(True, read_only=True).tag(sync=True)

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str | None = None,
        rate: float | None = None,
        *,
        mask: float = 0.8,
        random: float = 0.1,
        span: int | None = None,
        rate_distribution: str = "fixed",
        seed: int | None = None,
        live: LivePrediction | None = None,
        selection: Selection | None = None,
        presenter: bool = False,
    ) -> None:
        # What could not be made is closed as well.
        self._unsubscribe: Any = None
        self.loss: CorruptionLoss | None = None
        self.averaged: CorruptionLoss | None = None
        protein = as_protein(protein)
        corruption = corrupt(
            protein,
            rate,
            mask=mask,
            random=random,
            span=span,
            rate_distribution=rate_distribution,
            seed=seed,
        )
        if live is None:
            if model is None:
                raise TypeError("CorruptionView needs a model, or a LivePrediction to share")
            selection = Selection(protein) if selection is None else selection
            live = LivePrediction(protein, as_model(model), selection)
            self._at_close.append(live.close)
        self._live = live
        self._changing = threading.RLock()
        self.corruption = corruption
        self._ready = False
        super().__init__(protein, live.selection, presenter=presenter)
        self._refresh = Throttle(self._show_average, 0.1)
        with self.hold_trait_notifications():
            self.rate = RATE if rate is None else float(rate)
            self.split = [mask, random, max(0.0, 1 - mask - random)]
            self.span, self.rate_distribution = corruption.span, rate_distribution
            self.seed = corruption.seed
        self._ready = True
        for told in ("waiting", "error"):
            self.follow(live, told, self._show_live)
        self._show_live()
        self.follow(live, "prediction", self._show_loss)
        self.follow(self.selection, "clock", self._compare)
        self._redrawn()
        self._show_histogram()

    def redraw(self) -> None:
        """Draw another example with the same settings."""
        self.seed = new_seed()

    def apply(self) -> None:
        """Put the draw into the selection again, where masks were changed by hand."""
        context = self.corruption.context
        with self.selection.group():
            self.selection.masked = context.masked
            self.selection.substitutions = dict(context.substitutions)
            self.selection.pair = None

    def average(self, draws: int = DRAWS) -> CorruptionLoss:
        """Compute the loss of many draws with these settings, in the background.

        Parameters
        ----------
        draws : int
            1 to 10,000; their seeds follow on the one that is shown.

        Returns
        -------
        CorruptionLoss
            ``wait()`` for it; the view shows it as it comes.

        Raises
        ------
        ValueError
            If there are none, or too many.
        """
        count = None if isinstance(draws, float) else as_whole(draws, least=1)
        if count is None or count > MOST_DRAWS:
            raise ValueError(f"draws={draws!r}: it is a whole number from 1 to {MOST_DRAWS}")
        with self._changing:
            self._leave()
            made = [self._draw(self.seed + 1 + k) for k in range(count)]
            loss = prepare_loss(made, self._live.model)
            self.averaged = loss
            self._unsubscribe = loss.subscribe(self._refresh)
            loss.start()
            self._show_average()
        return loss

    def to_pandas(self) -> pd.DataFrame:
        """Return what became of each residue, as `Corruption.to_pandas`.

        With two columns more: ``loss`` (nats) and ``correct``, of the chosen residues; missing
        while the model has not answered.
        """
        table = self.corruption.to_pandas()
        losses = np.full(len(table), np.nan)
        correct = np.full(len(table), None, dtype=object)
        if self.loss is not None:
            losses[self.corruption.chosen] = self.loss.losses[0]
            correct[self.corruption.chosen] = self.loss.hits[0]
        return table.assign(loss=losses, correct=pd.array(correct, dtype="boolean"))

    def close(self) -> None:
        """Take the view off the page; an average that is being computed is given up."""
        self._leave()
        super().close()

    def handle(self, kind: str, content: Any) -> None:
        """Draw again, average, stop, and put the masks back."""
        if kind == "redraw":
            self.redraw()
        elif kind == "average":
            self.average()
        elif kind == "stop":
            if self.averaged is not None:
                self.averaged.cancel()
        elif kind == "apply":
            self.apply()
        else:
            super().handle(kind, content)

    # What may be chosen

    @t.validate("rate")
    def _validate_rate(self, proposal: Any) -> float:
        if not 0 <= proposal["value"] <= 1:
            raise t.TraitError("the rate is a share of the residues, from 0 to 1")
        return float(proposal["value"])

    @t.validate("split")
    def _validate_split(self, proposal: Any) -> list[float]:
        given = proposal["value"]
        try:
            mask, random, kept = given
            mask, random = checked_split(mask, random)
            if isinstance(kept, bool) or abs(mask + random + kept - 1) > 1e-6:
                raise ValueError("their sum is not 1")
        except (TypeError, ValueError) as error:
            raise t.TraitError(
                f"the split is the shares of masked, random and kept, whose sum is 1: {error}"[:300]
            ) from None
        return [mask, random, max(0.0, 1 - mask - random)]

    @t.validate("span")
    def _validate_span(self, proposal: Any) -> int:
        if not 1 <= proposal["value"] <= len(self.protein):
            raise t.TraitError(f"a span has 1 to {len(self.protein)} residues here")
        return int(proposal["value"])

    @t.validate("rate_distribution")
    def _validate_distribution(self, proposal: Any) -> str:
        if proposal["value"] not in RATE_DISTRIBUTIONS:
            raise t.TraitError(
                f"no distribution of rates called {str(proposal['value'])[:50]!r}: choose from "
                f"{', '.join(map(repr, RATE_DISTRIBUTIONS))}"
            )
        return str(proposal["value"])

    @t.validate("seed")
    def _validate_seed(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] < 2**53:
            raise t.TraitError("a seed is a whole number from 0 to 9007199254740991")
        return int(proposal["value"])

    # What follows from it

    @t.observe("rate", "split", "span", "rate_distribution", "seed")
    def _settings_changed(self, change: Any) -> None:
        if not self._ready:
            return
        with self.guarded(), self.hold_sync():
            with self._changing:
                if change["name"] != "seed":
                    self._leave()  # another seed is another draw of the same kind
                    self.averaged = None
                self.corruption = self._draw(self.seed)
                self.loss = None
            self._redrawn()
            if change["name"] in ("rate", "rate_distribution"):
                self._show_histogram()

    def _show_live(self) -> None:
        with self._changing:
            self.pending, self.problem = self._live.waiting, self._live.error

    def _draw(self, seed: int) -> Corruption:
        mask, random, _ = self.split
        fixed = self.rate_distribution == "fixed"
        return corrupt(
            self.protein,
            self.rate if fixed else None,
            mask=mask,
            random=random,
            span=self.span,
            rate_distribution=self.rate_distribution,
            seed=seed,
        )

    def _redrawn(self) -> None:
        one = self.corruption
        with self.hold_sync():
            self.set_trait("fates", envelope(one.fates))
            self.set_trait("shown", one.shown)
            self.set_trait(
                "facts",
                {
                    "rate": one.rate,
                    "counts": [one.count(fate) for fate in FATES],
                    "model": self._live.model.name,
                },
            )
            self.set_trait("true_p", None)
            self._show_average()
        self.apply()
        self._show_loss()
        self._compare()

    def _compare(self) -> None:
        self.set_trait("in_step", self.selection.context == self.corruption.context)

    def _show_loss(self) -> None:
        """Take the live prediction, if it is of what is shown."""
        with self._changing:
            prediction, one = self._live.prediction, self.corruption
            if prediction is None or prediction.context != one.context:
                return
            loss = CorruptionLoss([one], {"model": self._live.model.name})
            loss.put(0, prediction.log_probabilities)
            self.loss = loss
            p = np.full(len(self.protein), np.nan)
            values = loss.losses[0]
            assert values is not None
            p[one.chosen] = np.exp(-values)
            with self.hold_sync():
                self.set_trait("true_p", envelope(p))
                self._show_average()

    def _show_average(self) -> None:
        with self._changing:  # so that what is told last is what holds
            averaged = self.averaged
            progress = None if averaged is None else averaged.progress
            status = None if progress is None else progress.status
            message = progress.message if progress is not None else ""
            failed = status is ScanStatus.FAILED
            self.set_trait(
                "losses",
                {
                    "draw": _rows(self.loss),
                    "average": _rows(averaged),
                    "done": 0 if averaged is None else averaged.done,
                    "total": 0 if averaged is None else len(averaged),
                    "running": status is ScanStatus.RUNNING,
                    "problem": in_words(Exception(message)) if failed else "",
                },
            )

    def _show_histogram(self) -> None:
        fixed = self.rate_distribution == "fixed"
        rate = self.rate if fixed else None
        rates = draw_rates(self.rate_distribution, 1 if fixed else _RATES, rate=rate, seed=0)
        counts, _ = np.histogram(rates, BINS, (0, 1))
        mean = mean_rate(self.rate_distribution, rate)
        shares = envelope(counts / counts.sum())
        self.set_trait("histogram", {"shares": shares, "mean": mean})

    def _leave(self) -> None:
        """Give up an average that nobody looks at."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self.averaged is not None:
            self.averaged.cancel()


def _rows(loss: CorruptionLoss | None) -> list[list[float | None]] | None:
    """Return n, loss and accuracy of masked, random, kept and all; None where unknown."""
    if loss is None or loss.done == 0:
        return None
    table = loss.by_fate()[["n", "loss", "accuracy"]].to_numpy(np.float64)
    return [[float(x) if np.isfinite(x) else None for x in row] for row in table]
