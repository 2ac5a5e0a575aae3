"""What every substitution would do, a column a residue: scores of a model, and measured ones."""

import math
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import NDArray

from plmwidgets._options import result_of
from plmwidgets.alphabet import AMINO_ACIDS, CHEMISTRY_ORDER
from plmwidgets.map_styles import robust_limits
from plmwidgets.methods.mutations.deep_mutational_scan import DeepMutationalScan
from plmwidgets.methods.mutations.scores import MutationScores
from plmwidgets.scan.progress import ScanProgress, ScanStatus
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view import View, bundle, envelope

DMS: Final = "dms"
REDRAW_SECONDS: Final = 0.3
UNITS: Final = ("measured", "nats", "nats, difference")
"""By the number of scores that a map is of."""

Parts = tuple[MutationScores, ...]


class MutationHeatmap(View):
    """A 20 x L map of substitutions; a click on a cell makes that substitution, or takes it back.

    Scores of all contexts share one colour scale about 0, the wild type of each residue has a dot,
    and what is computed in the background fills while it runs.

    Parameters
    ----------
    scores : MutationScores, or several
        Of one protein, each in a context of its own.
    dms : DeepMutationalScan, optional
        Of the same protein: its single substitutions are a map of their own.
    reference : MutationScores, or several, optional
        Of the same protein by another model, such as the one without an adapter. In each context
        that both have there are three maps: of the model, of the reference, and the difference,
        the model less the reference, on a scale of its own.
    selection : Selection, optional
        Shared with other views; its own by default.
    presenter : bool
        Larger type.

    Attributes
    ----------
    scores : dict of str to MutationScores
        By context.
    dms : DeepMutationalScan or None
    show : str
        Which map is shown: one of the contexts, or ``"dms"``; with a reference also such as
        ``"masked, reference"`` and ``"masked, difference"``. The first of the scores, to begin
        with.
    below : str
        Which map is shown below it; empty for none. The measured one, where there is one.
    order : str
        Of the rows: ``"chemistry"`` or ``"alphabet"``.
    limit : float or None
        Size of LLR, in nats, at the ends of the colour scale; None for one taken from the values.

    Raises
    ------
    TypeError, ValueError
        If these are no scores or no experiment, or they are of several proteins.
    """

    _bundle = t.Unicode(bundle("mutation_heatmap"), read_only=True).tag(sync=True)
    show = t.Unicode().tag(sync=True, page=True)
    below = t.Unicode().tag(sync=True, page=True)
    order = t.Enum(["chemistry", "alphabet"], "chemistry").tag(sync=True, page=True)
    limit = t.Float(None, allow_none=True).tag(sync=True, page=True)
    options: t.List[Any] = t.List(read_only=True).tag(sync=True)
    maps: t.List[Any] = t.List(read_only=True).tag(sync=True)
    letters = t.Unicode(AMINO_ACIDS, read_only=True).tag(sync=True)
    chemistry_order = t.Unicode(CHEMISTRY_ORDER, read_only=True).tag(sync=True)

    def __init__(
        self,
        scores: MutationScores | Iterable[MutationScores],
        dms: DeepMutationalScan | None = None,
        *,
        reference: MutationScores | Iterable[MutationScores] = (),
        selection: Selection | None = None,
        presenter: bool = False,
    ) -> None:
        several = _several("MutationHeatmap", scores)
        if not several:
            raise ValueError("there are no scores to show: make them with mutation_scores")
        protein = several[0].protein
        self.scores = {str(one.context): one for one in several}
        if len(self.scores) < len(several):
            raise ValueError("two of the scores are of the same context: give one of each")
        others = _several("reference=", reference)
        if dms is not None:
            result_of("load_dms", dms, DeepMutationalScan, "dms=")
        self._parts = parts_of(several, others)
        shown = [one.protein for one in [*several, *others]] + (
            [] if dms is None else [dms.protein]
        )
        if any(one.sequence != protein.sequence for one in shown):
            raise ValueError("the scores are of different proteins: give those of one")
        self.dms = dms
        self._measured = None if dms is None else dms.matrix().to_numpy()
        super().__init__(protein, selection, presenter=presenter)
        labels = [[name, _label(parts, bool(others))] for name, parts in self._parts.items()]
        if dms is not None:
            labels.append([DMS, f"measured, {dms.name}"])
        self.set_trait("options", labels)
        self.show = str(several[0].context)
        self.below = DMS if dms is not None else ""
        self._refresh = Throttle(self._show_maps, REDRAW_SECONDS)
        for one in [*several, *others]:
            self._at_close.append(one.subscribe(self._refresh))
        self._refresh.now()

    def to_pandas(self) -> pd.DataFrame:
        """Return the table of what is shown, as `MutationScores.to_pandas` or that of the DMS.

        Of a difference, ``llr`` is the model's less the reference's.
        """
        if self.show in self._parts:
            model, *reference = [one.to_pandas() for one in self._parts[self.show]]
            for other in reference:
                model["llr"] -= other["llr"]
            return model
        assert self.dms is not None
        return self.dms.table()

    def shown_scores(self) -> Parts:
        """Return what is shown: scores, of a difference the model's and the reference's.

        Of an experiment none.
        """
        return self._parts.get(self.show, ())

    def shown_means(self) -> tuple[NDArray[np.float64], str] | None:
        """Return the mean LLR of each residue as shown, and what it is; None of an experiment."""
        if self.show not in self._parts:
            return None
        model, *reference = [one.per_residue()["mean"].to_numpy() for one in self._parts[self.show]]
        mean = model - reference[0] if reference else model
        return mean, f"Mean {dict(self.options)[self.show]}"

    def handle(self, kind: str, content: Any) -> None:
        """Start or stop the computation of a map that is shown."""
        if kind not in ("start", "pause"):
            super().handle(kind, content)
            return
        name = content.get("name")
        if not isinstance(name, str) or name not in self._parts:
            raise ValueError(f"the page asked for scores that are not there: {name!r}")
        for scores in self._parts[name]:
            if scores.progress is None or scores.progress.status is ScanStatus.FINISHED:
                continue
            if kind == "start":
                scores.start()
            else:
                scores.pause()

    @t.validate("show", "below")
    def _validate_map(self, proposal: Any) -> str:
        name, known = str(proposal["value"]), [option[0] for option in self.options]
        empty = name == "" and (proposal["trait"].name == "below" or not known)
        if name not in known and not empty:
            raise t.TraitError(f"no map called {name!r}: choose from {', '.join(known)}")
        return name

    @t.validate("limit")
    def _validate_limit(self, proposal: Any) -> float | None:
        limit: float | None = proposal["value"]
        if limit is not None and not (math.isfinite(limit) and limit > 0):
            raise t.TraitError(f"limit is a size in nats above 0, or None: not {limit!r}")
        return limit

    @t.observe("show", "below")
    def _map_changed(self, _: Any) -> None:
        if self.maps:
            with self.guarded():
                self._refresh.now()

    def _show_maps(self) -> None:
        chosen = [name for name in (self.show, self.below) if name]
        self.set_trait("maps", [self._map(name) for name in chosen])

    def _map(self, name: str) -> dict[str, Any]:
        """Return a map as the page reads it."""
        label = next(label for option, label in self.options if option == name)
        parts = self._parts.get(name, ())
        content = {
            "name": name,
            "label": label,
            "progress": self._progress(parts),
            "scored": len(parts) == 1,
            "unit": UNITS[len(parts)],
        }
        if name == DMS:
            assert self._measured is not None
            kind = "diverging" if np.nanmin(_or_zero(self._measured)) < 0 else "sequential"
            limits = robust_limits(self._measured, kind)
            return {
                **content,
                "kind": kind,
                "limits": list(limits),
                "values": envelope(self._measured),
            }
        values = log_ratios_of(parts)
        limits = self._limits() if len(parts) == 1 else robust_limits(values, "diverging")
        return {
            **content,
            "kind": "diverging",
            "limits": list(limits),
            "values": envelope(values),
        }

    def _limits(self) -> tuple[float, float]:
        """One scale for all contexts and models, so that their maps compare."""
        scores = [parts[0] for parts in self._parts.values() if len(parts) == 1]
        ends = [robust_limits(one.log_ratios, "diverging")[1] for one in scores]
        computed = [one.computed.any() for one in scores]
        top = max((end for end, some in zip(ends, computed, strict=True) if some), default=1.0)
        return -top, top

    def _progress(self, parts: Parts) -> dict[str, Any] | None:
        """How far the scores are; of two, those that are further behind."""
        known = [one.progress for one in parts]
        now = min((each for each in known if each is not None), key=_share, default=None)
        if now is None:
            return None
        return {
            "status": str(now.status),
            "done": now.done,
            "total": now.total,
            "text": now.message or str(now),
        }


def _several(what: str, given: Any) -> list[MutationScores]:
    alone = isinstance(given, MutationScores | str) or not isinstance(given, Iterable)
    some = [given] if alone else list(given)
    return [result_of("mutation_scores", one, MutationScores, what) for one in some]


def parts_of(scores: list[MutationScores], reference: list[MutationScores]) -> dict[str, Parts]:
    """Return by name what each map is of: scores, or of a difference the model's and the other's.

    Raises
    ------
    ValueError
        If the reference has a context twice, one that the model has not, or is the same model.
    """
    by_context = {str(one.context): one for one in reference}
    unknown = by_context.keys() - {str(one.context) for one in scores}
    if unknown or len(by_context) < len(reference):
        raise ValueError(
            "the scores of the reference are compared context by context: give one of each of the "
            f"model's, {', '.join(str(one.context) for one in scores)}"
        )
    parts: dict[str, Parts] = {}
    for one in scores:
        name = str(one.context)
        parts[name] = (one,)
        if name not in by_context:
            continue
        other = by_context[name]
        if other is one:
            raise ValueError("the reference is the model itself: give another model's scores")
        parts[f"{name}, reference"] = (other,)
        parts[f"{name}, difference"] = (one, other)
    return parts


def log_ratios_of(parts: Parts) -> NDArray[np.float64]:
    """Return LLR (L, 20) in nats: of scores, or of the first less the second."""
    return parts[0].log_ratios if len(parts) == 1 else parts[0].log_ratios - parts[1].log_ratios


def _label(parts: Parts, compared: bool) -> str:
    whose = " − ".join(str(one.provenance.get("model", "unknown model")) for one in parts)
    return f"{parts[0].label}, {whose}" if compared else parts[0].label


def _share(progress: ScanProgress) -> float:
    return progress.done / max(progress.total, 1)


def _or_zero(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values if np.isfinite(values).any() else np.zeros(1)
