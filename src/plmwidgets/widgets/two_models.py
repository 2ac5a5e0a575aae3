"""Two models of one protein in the views of a page: one, the other, or their difference."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import NDArray

from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.scan.pair import PairScan
from plmwidgets.widgets.live import LivePrediction
from plmwidgets.widgets.pair_maps import difference_name
from plmwidgets.widgets.view import View

Source = tuple[LivePrediction, PairScan | None]

_Part = TypeVar("_Part")
_Numbers = TypeVar("_Numbers", NDArray[np.float64], pd.DataFrame)


class ModelChoice(t.HasTraits):
    """What the views of a page show: the reference's numbers, the model's, or their difference.

    Parameters
    ----------
    names : tuple of str
        See `names_of`.

    Attributes
    ----------
    names : tuple of str
        Of the reference, the model, and the difference: the model less the reference.
    shown : str
        One of them; the model, to begin with. All views that share this follow it.
    """

    shown = t.Unicode()

    def __init__(self, names: tuple[str, str, str]) -> None:
        self.names = names
        super().__init__(shown=names[1])

    @t.validate("shown")
    def _validate_shown(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in self.names:
            raise t.TraitError(f"no model called {name!r}: choose from {', '.join(self.names)}")
        return name

    @property
    def difference(self) -> bool:
        """Whether the difference is shown."""
        return self.shown == self.names[2]


class TwoModels(ModelChoice):
    """The choice of a page, and where the numbers come from.

    Parameters
    ----------
    live, reference : LivePrediction
        Of the model and of the reference, for one selection.
    scan, reference_scan : PairScan, optional
        Of them, as far as there are any.
    """

    def __init__(
        self,
        live: LivePrediction,
        reference: LivePrediction,
        scan: PairScan | None = None,
        reference_scan: PairScan | None = None,
    ) -> None:
        self.live, self.reference = live, reference
        self.scan, self.reference_scan = scan, reference_scan
        super().__init__(names_of(live.model, reference.model))

    @property
    def sources(self) -> list[Source]:
        """What is shown comes from: of a difference the model, then the reference."""
        both: list[Source] = [(self.live, self.scan), (self.reference, self.reference_scan)]
        return sources_of(self.shown, self.names, both)

    @property
    def torn(self) -> bool:
        """Whether only one of both has answered to the present masks: they do not compare."""
        contexts = [
            None if live.prediction is None else live.prediction.context for live, _ in self.sources
        ]
        return contexts[0] != contexts[-1]


def check_reference(model: MaskedLM, reference: MaskedLM) -> None:
    """Raise `ValueError` if a reference is the model itself."""
    if reference is model:
        raise ValueError(
            f"the reference is the model itself, {model.name}: give another one, such as the base "
            "of an adapter (model.base) or another size"
        )


def names_of(model: MaskedLM, reference: MaskedLM) -> tuple[str, str, str]:
    """Return the names of the reference, the model and the difference.

    Raises
    ------
    ValueError
        If the reference is the model itself.
    """
    check_reference(model, reference)
    return told_apart(model.name, reference.name)


def told_apart(model: str, reference: str) -> tuple[str, str, str]:
    """Return names of the reference, the model and the difference, no two of them the same."""
    if reference == model:  # such as one checkpoint in two types
        reference = f"{reference} (reference)"
    return reference, model, difference_name(reference, model)


def sources_of(shown: str, names: Sequence[str], both: Sequence[_Part]) -> list[_Part]:
    """Return what is shown comes from: of a difference the model's part, then the reference's.

    Parameters
    ----------
    shown : str
        One of `names`.
    names : sequence of str
        See `names_of`; empty where there is one model.
    both : sequence
        The model's part and the reference's; of one model its own alone.
    """
    if not names or shown == names[2]:
        return list(both)
    return [both[1 - names.index(shown)]]


def as_shown(parts: Sequence[_Numbers]) -> _Numbers:
    """Return the numbers of what `sources_of` gives: one model's, or those less the reference's."""
    return parts[0] if len(parts) == 1 else parts[0] - parts[1]


class _Live(Protocol):
    @property
    def model(self) -> MaskedLM: ...
    @property
    def error(self) -> str: ...


def errors_of(lives: Sequence[_Live]) -> str:
    """Return what went wrong in plain words, of two models with the names of those that failed."""
    told = [(live.model.name, live.error) for live in lives if live.error]
    return "\n".join(f"{name}: {why}" if len(lives) > 1 else why for name, why in told)


def scores_of_pairs(sources: list[Source], metric: str) -> NDArray[np.float64] | None:
    """Return a metric of a scan, of two the size of its change; None where there is no scan."""
    maps = [scan.values(metric) for _, scan in sources if scan is not None]
    if len(maps) < len(sources):
        return None
    scores = as_shown(maps)
    return np.abs(scores) if len(maps) > 1 else scores


class ViewOfModels(View):
    """A view that may show two models.

    Attributes
    ----------
    models : list of str
        The names of `TwoModels`; empty in a view of one model.
    shown : str
        Which of them is shown: linked in all views of a page.
    """

    models = t.List(t.Unicode(), read_only=True).tag(sync=True)
    shown = t.Unicode().tag(sync=True, page=True)

    def offer_models(self, names: tuple[str, str, str]) -> None:
        """Offer the choice; the model is shown, to begin with."""
        self.set_trait("models", list(names))
        self.shown = names[1]

    def follow_models(self, choice: ModelChoice) -> None:
        """Offer the choice, and make it that of the page."""
        self.set_trait("models", list(choice.names))
        self._at_close.append(t.link((choice, "shown"), (self, "shown")).unlink)

    def shown_of(self, both: Sequence[_Part]) -> list[_Part]:
        """Return those of both parts that what is shown comes from: of a difference, both."""
        return sources_of(self.shown, self.models, both)

    @t.validate("shown")
    def _validate_shown(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name not in (self.models or [""]):
            known = ", ".join(self.models) or "nothing, as this view is of one model"
            raise t.TraitError(f"no model called {name!r}: choose from {known}")
        return name
