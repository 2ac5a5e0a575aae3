"""Numbers a residue that views can colour by, from the live prediction or a finished scan."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import ArrayLike, NDArray

from plmwidgets._labels import by_residue
from plmwidgets.methods.folding.fold import Fold
from plmwidgets.metrics import entropy, perplexity
from plmwidgets.protein import Protein
from plmwidgets.widgets.live import LivePrediction, Prediction
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.two_models import TwoModels, ViewOfModels
from plmwidgets.widgets.view import envelope

if TYPE_CHECKING:
    from plmwidgets.scan.pair import PairScan

CHEMISTRY = "chemistry"
PLDDT = "plddt"
CLASSES: Final = "classes"
CLASS_LIMITS: Final = (0.0, 255.0)
"""Of classes: the colour table of the page has one colour after the other."""
MOST_CLASSES: Final = 7
"""Colours and marks that people can tell apart; one more is grey, for what is rarer."""


@dataclass(frozen=True, eq=False)
class Scalar:
    """One number a residue, or one class, and how to show it.

    Attributes
    ----------
    values : ndarray, shape (L,)
        Classes by number from 0; NaN where unknown.
    label : str
        Name with its unit.
    limits : tuple of float
        Ends of the colour scale.
    kind : str
        Of colour scale: ``"sequential"``, ``"diverging"`` about 0, or ``"classes"``.
    classes : tuple of str
        Their names.
    """

    values: NDArray[np.float64]
    label: str
    limits: tuple[float, float]
    kind: str = "sequential"
    classes: tuple[str, ...] = ()

    @property
    def shown(self) -> list[Any] | NDArray[np.float64]:
        """The names of the classes, None where unknown; or the numbers."""
        if not self.classes:
            return self.values
        names = dict(enumerate(self.classes))
        return [names.get(k) for k in self.values.tolist()]


LIVE = {
    "perplexity": "Perplexity now",
    "p_wild_type": "p(wild type) now",
    "entropy": "Entropy now (bits)",
}
LIVE_LIMITS = {
    "perplexity": (1.0, 20.0),
    "p_wild_type": (0.0, 1.0),
    "entropy": (0.0, float(np.log2(20))),
}
SCANNED = {
    "single_perplexity": "Perplexity, masked alone",
    "strongest_partner": "Strongest partner (JS distance)",
}


def live_scalar(name: str, prediction: Prediction, protein: Protein) -> Scalar:
    """Return a scalar of `LIVE` for a prediction."""
    log_p = prediction.log_probabilities
    if name == "perplexity":
        values = perplexity(log_p)
    elif name == "entropy":
        values = entropy(log_p)
    else:
        wild_type = protein.wild_type
        p = np.exp(log_p[np.arange(len(protein)), wild_type].astype(np.float64))
        values = np.where(wild_type < 0, np.nan, p)
    return Scalar(values, LIVE[name], LIVE_LIMITS[name])


def scan_scalar(name: str, scan: "PairScan") -> Scalar | None:
    """Return a scalar of `SCANNED`, or None while the scan has not got that far."""
    if scan.single is None:
        return None
    if name == "single_perplexity":
        return Scalar(scan.single.perplexity, SCANNED[name], (1.0, 20.0))
    distances = scan.values("js_dist")
    known = np.isfinite(distances).any(axis=1)
    strongest = np.full(len(distances), np.nan)
    strongest[known] = np.nanmax(distances[known], axis=1)
    top = float(np.nanmax(strongest)) if known.any() else 1.0
    return Scalar(strongest, SCANNED[name], (0.0, max(top, 1e-6)))


def difference_scalar(model: Scalar, reference: Scalar) -> Scalar:
    """Return a scalar of a model less that of another one, on a scale about 0."""
    values = model.values - reference.values
    size = max(float(np.abs(values[np.isfinite(values)]).max(initial=0.0)), 1e-6)
    return Scalar(values, model.label, (-size, size), "diverging")


def fixed_scalars(protein: Protein) -> dict[str, Scalar]:
    """Return what a structure says of each residue, by name; pLDDT, or B-factors that differ."""
    if protein.structure is None:
        return {}
    values = protein.structure.b_factors
    if protein.structure.predicted:
        return {PLDDT: Scalar(values, "pLDDT (0-100)", (0.0, 100.0))}
    if not np.isfinite(values).any() or np.nanmin(values) == np.nanmax(values):
        return {}
    limits = (float(np.nanmin(values)), float(np.nanmax(values)))
    return {"b_factor": Scalar(values, "B-factor, or pLDDT if predicted", limits)}


def own_scalar(
    values: ArrayLike, label: str, length: int, limits: tuple[float, float] | None = None
) -> Scalar:
    """Return a person's own numbers as a scalar, on a scale about 0 if they have both signs.

    Raises
    ------
    ValueError
        If there is not one number a residue, no label, or the limits are none.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (length,):
        raise ValueError(
            f"values must have one number a residue, shape ({length},), not {numbers.shape}"
        )
    if not label.strip():
        raise ValueError("the values need a label, such as 'conservation'")
    if limits is not None:
        if not limits[0] < limits[1]:
            raise ValueError(f"limits are (low, high) with low < high, not {limits!r}")
        return Scalar(numbers, label, (float(limits[0]), float(limits[1])))
    known = numbers[np.isfinite(numbers)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if low < 0 < high:
        size = max(-low, high)
        return Scalar(numbers, label, (-size, size), "diverging")
    return Scalar(numbers, label, (low, high))


def class_scalar(values: ArrayLike, label: str, length: int, classes: Sequence[str]) -> Scalar:
    """Return a person's own classes as a scalar.

    Raises
    ------
    ValueError
        If there is not the number of a class for each residue, no label, or too many classes.
    """
    if len(classes) > MOST_CLASSES + 1:
        raise ValueError(
            f"{MOST_CLASSES} classes can be told apart, and one for the others, not "
            f"{len(classes)}: join the rare ones"
        )
    numbers = own_scalar(values, label, length).values
    known = numbers[np.isfinite(numbers)]
    if not np.isin(known, np.arange(len(classes))).all():
        raise ValueError(
            f"values are the numbers of the classes, 0 to {len(classes) - 1}, and NaN where unknown"
        )
    return Scalar(numbers, label, CLASS_LIMITS, CLASSES, tuple(map(str, classes)))


class ColouredView(ViewOfModels):
    """A view that colours residues by a scalar, of one model or of two.

    Attributes
    ----------
    colour_by : str
        ``"chemistry"``, or the name of one of `colour_options`.
    """

    colour_by = t.Unicode(CHEMISTRY).tag(sync=True, page=True)
    colour_options: t.List[Any] = t.List().tag(sync=True)
    values = t.Any(None).tag(sync=True)
    value_label = t.Unicode().tag(sync=True)
    value_range = t.List(t.Float()).tag(sync=True)
    value_kind = t.Unicode("sequential").tag(sync=True)
    value_classes: t.List[Any] = t.List().tag(sync=True)

    def __init__(
        self,
        protein: Protein | Fold | str,
        *,
        live: LivePrediction | None = None,
        scan: "PairScan | None" = None,
        two_models: TwoModels | None = None,
        **kwargs: Any,
    ) -> None:
        self._colouring = threading.RLock()
        self._two = two_models
        self._live = live
        self._scan = scan
        self._fold = protein if isinstance(protein, Fold) else None
        super().__init__(protein.protein if isinstance(protein, Fold) else protein, **kwargs)
        self._fixed = fixed_scalars(self.protein) if self._fold is None else {}
        self._offer()
        if self._fold is not None:
            self._follow_fold = Throttle(self.fold_changed, 0.2)
            self._at_close.append(self._fold.subscribe(self._follow_fold))
            self._follow_fold.now()
        for one in self._lives:
            self.follow(one, "prediction", self.recolour)
        if scan is not None:
            self._refresh = Throttle(self.scan_changed, 0.5)
            self._at_close.append(scan.subscribe(self._refresh))
        if two_models is not None:
            self.follow_models(two_models)
            # Of the choice that all share: that of this view changes before it.
            self.follow(two_models, "shown", self.shown_changed)
            if scan is not None and two_models.reference_scan is not None:
                self._at_close.append(two_models.reference_scan.subscribe(self._refresh))

    @property
    def _lives(self) -> list[LivePrediction]:
        """The model's, then the reference's."""
        lives = [] if self._live is None else [self._live]
        return lives if self._two is None else [*lives, self._two.reference]

    def fold_changed(self) -> None:
        """Show the predicted structure once it is there."""
        if self._fold is None or not self._fold.complete or PLDDT in self._fixed:
            return
        self.set_trait("protein", self._fold.protein)
        self._fixed |= fixed_scalars(self.protein)
        self._offer()
        self.colour_by = PLDDT

    @t.validate("colour_by")
    def _validate_colour(self, proposal: Any) -> str:
        known = [CHEMISTRY, *LIVE, *SCANNED, *self._fixed]
        if proposal["value"] not in known:
            raise t.TraitError(f"colour_by is one of {', '.join(known)}, not {proposal['value']!r}")
        return str(proposal["value"])

    @t.observe("colour_by")
    def _colour_changed(self, _: Any) -> None:
        with self.guarded():
            self.recolour()

    def shown_changed(self) -> None:
        """Show the model, the reference or the difference, as it was chosen."""
        with self.guarded():
            self.recolour()

    @property
    def fixed(self) -> Mapping[str, Scalar]:
        """What neither the prediction nor the scan changes: of the structure, or `colour`'s."""
        return self._fixed

    def colour(
        self,
        values: ArrayLike,
        label: str,
        limits: tuple[float, float] | None = None,
        *,
        classes: Sequence[str] = (),
        choose: bool = True,
    ) -> None:
        """Colour by numbers of your own; they stay among the choices, under their label.

        Parameters
        ----------
        values : array_like, shape (L,)
            A number a residue; NaN where unknown. With both signs the scale is about 0. A Series
            is read by its labels.
        label : str
            What they are, with the unit; a label that is there already gets the new numbers.
        limits : tuple of (float, float), optional
            Ends of the scale; by default those of the numbers.
        classes : sequence of str, optional
            Names of 1 to 8 classes, whose numbers from 0 the values are then.
        choose : bool
            Whether to colour by them now, and not only to offer them.

        Raises
        ------
        ValueError
            If there is not one number a residue, or a Series has other labels; or there is no
            label, or it is taken by other colours; or the limits are none, or values are no
            classes.
        """
        count = len(self.protein)
        values = by_residue(values, self.protein, "the Series")
        scalar = (
            class_scalar(values, label, count, classes)
            if classes
            else own_scalar(values, label, count, limits)
        )
        if label in {CHEMISTRY, *LIVE, *SCANNED}:
            raise ValueError(f"{label!r} is the name of other colours: choose another label")
        with self._colouring:
            self._fixed[label] = scalar
            self._offer()
        if self.colour_by == label:
            self.recolour()
        if choose:
            self.colour_by = label

    def to_pandas(self) -> pd.DataFrame:
        """Return what is shown of each residue.

        Returns
        -------
        DataFrame
            A row a residue, indexed by its label such as ``A25``: ``position`` (0-based),
            ``masked``, and ``value``, what it is coloured by: a number, or the name of a class
            (missing where unknown, or by chemistry); ``attrs["label"]`` says what the values are.
        """
        scalar = self._scalar()
        count = len(self.protein)
        table = pd.DataFrame(
            {
                "position": np.arange(count),
                "masked": [i in self.selection.masked for i in range(count)],
                "value": np.full(count, np.nan) if scalar is None else scalar.shown,
            },
            index=pd.Index(self.protein.residue_labels, name="residue"),
        )
        table.attrs["label"] = "chemistry" if scalar is None else scalar.label
        return table

    def _offer(self) -> None:
        offered = {CHEMISTRY: "Chemistry"}
        if self._live is not None:
            offered |= LIVE
        if self._scan is not None:
            offered |= SCANNED
        offered |= {name: scalar.label for name, scalar in self._fixed.items()}
        self.colour_options = [[name, label] for name, label in offered.items()]

    def scan_changed(self) -> None:
        """Show what the scan has found since."""
        if self.colour_by in SCANNED:
            self.recolour()

    def recolour(self) -> None:
        """Take the values of the chosen scalar as they are now."""
        # One at a time, as two models answer in two threads; and a difference waits for both.
        with self._colouring, self.hold_sync():
            if self._two is not None and self._two.torn and self.colour_by in LIVE:
                return
            scalar = self._scalar()
            if scalar is not None:
                self.value_label = scalar.label
                self.value_range = list(scalar.limits)
                self.value_kind = scalar.kind
                self.value_classes = list(scalar.classes)
            self.values = envelope(None if scalar is None else scalar.values)

    def _scalar(self) -> Scalar | None:
        if self.colour_by in self._fixed:
            return self._fixed[self.colour_by]
        if self._two is None:
            return self._scalar_of(self._live, self._scan)
        if self._two.torn and self.colour_by in LIVE:
            return None
        model, *reference = [self._scalar_of(*source) for source in self._two.sources]
        if model is None or None in reference:
            return None
        for other in reference:
            assert other is not None
            model = difference_scalar(model, other)
        return replace(model, label=f"{model.label}, {self._two.shown}")

    def _scalar_of(self, live: LivePrediction | None, scan: "PairScan | None") -> Scalar | None:
        if self.colour_by in SCANNED and scan is not None:
            return scan_scalar(self.colour_by, scan)
        prediction = None if live is None else live.prediction
        if self.colour_by in LIVE and prediction is not None:
            return live_scalar(self.colour_by, prediction, self.protein)
        return None
