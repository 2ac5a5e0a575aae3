"""Embeddings in two dimensions: a cloud whose points are residues, or sequences."""

import threading
from collections.abc import Mapping
from typing import Any, Final, Literal, cast

import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import ArrayLike, NDArray

from plmwidgets.methods.embeddings.projection import Projection, projection
from plmwidgets.methods.embeddings.result import Embeddings, require_embeddings
from plmwidgets.scan.progress import ScanStatus
from plmwidgets.widgets.colouring import CHEMISTRY, Scalar
from plmwidgets.widgets.point_colours import residue_colours, sequence_colours, trait_of
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view import View, bundle, envelope, in_words

METHOD_LABELS: Final = {"pca": "PCA", "umap": "UMAP"}
LABELS: Final = {CHEMISTRY: "Chemistry"}

Colours = Mapping[str, ArrayLike] | pd.DataFrame


class EmbeddingPlot(View):
    """A point a residue of one protein, or a point a sequence.

    Residues: pointing at one shows it in the other views, a click puts it in focus, the space bar
    or a shift-click masks it, and a box that is dragged masks those in it. Sequences: pointing at
    one tells its name, and a click chooses it.

    Parameters
    ----------
    embeddings : Embeddings
        The plot follows embeddings that are being computed.
    which : int or str, optional
        The residues of this protein, by number or name. By default the sequences where there are
        several, and the residues where there is one protein.
    colours : mapping of str to array_like, or DataFrame, optional
        What else to colour by, a column each: numbers, or anything else as classes; one for each
        residue, or for each sequence. What is indexed by residue labels or names is read by them.
    selection : Selection, optional
        Shared with other views; its own by default.
    presenter : bool
        Larger type.

    Attributes
    ----------
    method : str
        ``"pca"`` or ``"umap"``; assignable.
    layer : int
        One of ``embeddings.layers``; assignable.
    colour_by : str
        One of `colour_options`: ``"chemistry"``, ``"secondary_structure"``, ``"b_factor"``,
        ``"position"``, ``"length"``, or a name of `colours`; assignable.
    chosen : int
        The sequence that was clicked last, -1 before the first click; assignable.
    projection : Projection or None
        What is shown; None while there is nothing to show, and `notice` says why.

    Raises
    ------
    TypeError
        If these are no embeddings, or colours no columns by name.
    ValueError
        If they do not fit the points or have the name of a colouring that is there, or residues
        are asked for and means alone are kept.
    """

    _bundle = t.Unicode(bundle("embedding_plot"), read_only=True).tag(sync=True)
    unit = t.Unicode(read_only=True).tag(sync=True)
    points = t.Dict(None, allow_none=True, read_only=True).tag(sync=True)
    names: t.List[Any] = t.List(read_only=True).tag(sync=True)
    indices: t.List[Any] = t.List(read_only=True).tag(sync=True)
    x_label = t.Unicode(read_only=True).tag(sync=True)
    y_label = t.Unicode(read_only=True).tag(sync=True)
    caption = t.Unicode(read_only=True).tag(sync=True)
    method = t.Unicode("pca").tag(sync=True, page=True)
    methods = t.List([list(each) for each in METHOD_LABELS.items()], read_only=True).tag(sync=True)
    layer = t.Int().tag(sync=True, page=True)
    layers: t.List[Any] = t.List(read_only=True).tag(sync=True)
    colour_by = t.Unicode().tag(sync=True, page=True)
    colour_options: t.List[Any] = t.List(read_only=True).tag(sync=True)
    colouring = t.Dict(None, allow_none=True, read_only=True).tag(sync=True)
    chosen = t.Int(-1).tag(sync=True, page=True)
    pending = t.Bool(False, read_only=True).tag(sync=True)
    notice = t.Unicode(read_only=True).tag(sync=True)

    def __init__(
        self,
        embeddings: Embeddings,
        which: int | str | None = None,
        *,
        colours: Colours | None = None,
        selection: Selection | None = None,
        presenter: bool = False,
    ) -> None:
        require_embeddings("EmbeddingPlot", embeddings)
        if which is None and len(embeddings) == 1:
            which = 0
        self.embeddings = embeddings
        self.projection: Projection | None = None
        self._which = None if which is None else embeddings.index(which)
        if self._which is not None and not embeddings.has_residues:
            raise ValueError(
                "these embeddings are means over residues alone: call embed without pooled=True to "
                "plot residues"
            )
        self._made: dict[tuple[str, int], Projection] = {}
        protein = embeddings.proteins[self._which or 0]
        own = _columns(colours)
        self._colours: dict[str, Scalar | None] = (
            sequence_colours(embeddings.proteins, own)
            if self._which is None
            else residue_colours(protein, own)
        )
        self._drawing = threading.RLock()
        self._refresh = Throttle(self._show, 0.2)
        super().__init__(protein, selection, presenter=presenter)
        with self.hold_sync():
            self.set_trait("unit", "sequence" if self._which is None else "residue")
            self.set_trait("layers", list(embeddings.layers))
            self.set_trait("colour_options", [[k, self._label(k)] for k in self._colours])
            self.layer = embeddings.layers[-1]
            self.colour_by = next(iter(self._colours))
        self._at_close.append(embeddings.subscribe(self._refresh))
        self._refresh.now()

    def __repr__(self) -> str:
        return f"EmbeddingPlot({self.projection or self.notice})"

    def to_pandas(self) -> pd.DataFrame:
        """Return what is shown: ``x``, ``y``, and ``value``, what each point is coloured by.

        Raises
        ------
        RuntimeError
            If there is nothing yet.
        """
        if self.projection is None:
            raise RuntimeError(self.notice or "there is nothing to show yet")
        table = self.projection.to_pandas()
        colours = self._colours[self.colour_by]
        if colours is None:
            table["value"] = list(self.protein.sequence)
        elif colours.classes:
            names = dict(enumerate(colours.classes))
            table["value"] = [names.get(k) for k in colours.values[self._points()].tolist()]
        else:
            table["value"] = colours.values[self._points()]
        return table

    @property
    def colours(self) -> Scalar | None:
        """What the points are coloured by; None for chemistry."""
        return self._colours[self.colour_by]

    # What may be chosen

    @t.validate("method")
    def _validate_method(self, proposal: Any) -> str:
        return _one_of(proposal["value"], list(METHOD_LABELS), "projection")

    @t.validate("layer")
    def _validate_layer(self, proposal: Any) -> int:
        if proposal["value"] not in self.embeddings.layers:
            kept = ", ".join(map(str, self.embeddings.layers))
            raise t.TraitError(f"the layers here are {kept}, not {str(proposal['value'])[:50]}")
        return int(proposal["value"])

    @t.validate("colour_by")
    def _validate_colour(self, proposal: Any) -> str:
        return _one_of(proposal["value"], list(self._colours), "colouring")

    @t.validate("chosen")
    def _validate_chosen(self, proposal: Any) -> int:
        number: int = proposal["value"]
        if not -1 <= number < len(self.embeddings):
            raise t.TraitError(
                f"the sequences are 0 to {len(self.embeddings) - 1}, not {str(number)[:50]}"
            )
        return number

    # What follows from it

    @t.observe("method", "layer")
    def _asked(self, _: Any) -> None:
        if not self.colour_by:  # it is still being made
            return
        with self.guarded():
            if (self.method, self.layer) in self._made:
                self._show()
            else:  # in a thread of its own: the page waits for this one
                self.set_trait("pending", True)
                self._refresh()

    @t.observe("colour_by")
    def _colour_changed(self, _: Any) -> None:
        with self.guarded(), self._drawing:
            self._colour()

    def _show(self) -> None:
        with self.guarded():
            asked = self.method, self.layer
            progress = self.embeddings.progress
            coming = progress.status is ScanStatus.RUNNING
            found, notice = None, ""
            if coming:  # half of the points would lie elsewhere than when all are there
                notice = f"Computing embeddings: {progress}"
            else:
                try:
                    found = self._project()
                except (ImportError, RuntimeError, ValueError) as error:
                    notice = in_words(error)
            with self._drawing, self.hold_sync():
                if asked != (self.method, self.layer):
                    self._refresh()  # something else was asked for meanwhile
                    return
                self.set_trait("pending", coming)
                self.set_trait("notice", notice)
                self._draw(found)
                self._colour()

    def _project(self) -> Projection:
        key = self.method, self.layer
        if key not in self._made:
            method = cast(Literal["pca", "umap"], self.method)
            found = projection(self.embeddings, method, which=self._which, layer=self.layer)
            if not self.embeddings.complete:
                return found  # there may be more of them later
            self._made[key] = found
        return self._made[key]

    def _draw(self, found: Projection | None) -> None:
        if found is not None and found is self.projection:
            return
        self.projection = found
        if found is None:
            self.set_trait("points", None)
            self.set_trait("caption", "")
            return
        x, y = found.coordinates.T
        count = f"{len(x):,} {found.unit}s"
        whole = len(self.embeddings)
        if self._which is None and len(x) < whole:
            count = f"{len(x):,} of {whole:,} sequences"
        model = self.embeddings.provenance["model"]
        self.set_trait("indices", self._points().tolist())
        if self._which is None:
            self.set_trait("names", list(found.labels))
        self.set_trait("x_label", found.axes[0])
        self.set_trait("y_label", found.axes[1])
        self.set_trait("caption", f"{model}, layer {found.layer}, {count}")
        self.set_trait("points", {"x": envelope(x), "y": envelope(y)})

    def _colour(self) -> None:
        colours = self._colours[self.colour_by]
        shown = None if colours is None or self.projection is None else colours
        self.set_trait("colouring", None if shown is None else trait_of(shown, self._points()))

    def _points(self) -> NDArray[np.int64]:
        """Return which residues, or sequences, the points are."""
        if self._which is not None:
            return np.arange(len(self.protein))
        if self.projection is not None and len(self.projection.labels) == len(self.embeddings):
            return np.arange(len(self.embeddings))
        return np.flatnonzero(self.embeddings.computed)

    def _label(self, name: str) -> str:
        colours = self._colours[name]
        return LABELS.get(name, name) if colours is None else colours.label


def _columns(colours: Colours | None) -> dict[str, ArrayLike]:
    if colours is None:
        return {}
    if not isinstance(colours, Mapping | pd.DataFrame):
        raise TypeError(
            "colours are columns by name, such as {'family': [...]} or a DataFrame, not "
            f"{type(colours).__name__}"
        )
    return {str(name): values for name, values in colours.items()}


def _one_of(value: Any, known: list[str], what: str) -> str:
    if value not in known:
        raise t.TraitError(
            f"no {what} called {str(value)[:50]!r}: choose from {', '.join(map(repr, known))}"
        )
    return str(value)
