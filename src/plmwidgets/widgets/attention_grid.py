"""All attention heads of a model at a glance: a thumbnail each, layer by layer."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import NDArray

from plmwidgets.methods.contacts.attention import Attention, head_scores
from plmwidgets.methods.contacts.attentive_models import attentive_model
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein
from plmwidgets.scan.start import as_protein
from plmwidgets.widgets.live_attention import LiveAttention
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.thumbnails import thumbnails
from plmwidgets.widgets.view import View, bundle, envelope


class AttentionGrid(View):
    """A thumbnail of every attention head, a row a layer; a click or the arrow keys choose one.

    It follows the masks of the selection. Where a structure is known, each head says how well its
    attention alone finds the contacts, and the best ones are marked.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
        One that tells of its attention.
    selection : Selection, optional
        Shared with other views; its own by default.
    layers : sequence of int, optional
        Which layers to show, counted from 0; all by default. The maps of all of them are held in
        memory: see `plmwidgets.attention`.
    automatic : bool
        Whether every change of the masks is computed; otherwise a button, or `compute`, asks for
        it. It turns itself off where that takes more than five seconds.
    presenter : bool
        Larger type.

    Attributes
    ----------
    live : LiveAttention
        Where the maps come from.
    layer, head : int
        The chosen head, counted from 0; assignable.
    show : str
        ``"weights"``, what each residue (row) looks at (column); or ``"contacts"``, the mean of
        both directions after the average product correction, as `Attention.contacts`.
    automatic : bool

    Raises
    ------
    ModelError, ValueError
        As `plmwidgets.attention`.
    """

    _bundle = t.Unicode(bundle("attention_grid"), read_only=True).tag(sync=True)
    pictures = t.Any(None, read_only=True).tag(sync=True)
    precision = t.Any(None, read_only=True).tag(sync=True)
    layers: t.List[Any] = t.List(t.Int(), read_only=True).tag(sync=True)
    heads = t.Int(0, read_only=True).tag(sync=True)
    layer = t.Int(0).tag(sync=True, page=True)
    head = t.Int(0).tag(sync=True, page=True)
    show = t.Enum(["weights", "contacts"], "weights").tag(sync=True, page=True)
    automatic = t.Bool(True).tag(sync=True, page=True)
    pending = t.Bool(False, read_only=True).tag(sync=True)
    stale = t.Bool(False, read_only=True).tag(sync=True)
    seconds = t.Float(0.0, read_only=True).tag(sync=True)
    # Grows when other maps are shown; views of the chosen head follow it.
    drawn = t.Int(0)

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str,
        *,
        selection: Selection | None = None,
        layers: Sequence[int] | None = None,
        automatic: bool = True,
        presenter: bool = False,
    ) -> None:
        protein, model = as_protein(protein), as_model(model)
        count, heads = attentive_model(model, len(protein), layers).attention_shape
        model.check_sequence(protein.sequence)
        self._drawing = threading.RLock()
        self.set_trait("layers", list(range(count) if layers is None else layers))
        self.set_trait("heads", heads)
        super().__init__(protein, selection, presenter=presenter)
        self.layer = self.layers[-1]
        self.live = LiveAttention(protein, model, self.selection, layers)
        self._at_close.append(self.live.close)
        self.automatic = self.live.automatic = automatic
        self.follow(self.live, "attention", self._show)
        self.follow(self.live, "error", self._show_error)
        for name in ("pending", "stale", "automatic"):
            self.follow(self.live, name, self._show_state)
        self._show_error()
        self._show_state()
        self._show()

    @property
    def attention(self) -> Attention | None:
        """The maps that are shown; None until the first have come."""
        return self.live.attention

    @property
    def chosen(self) -> pd.DataFrame | None:
        """The chosen head as `show` says, (L, L); None until the first maps have come."""
        found = self.attention
        if found is None:
            return None
        if self.show == "contacts":
            return found.contacts(self.layer, self.head)
        return found.map(self.layer, self.head)

    def compute(self) -> None:
        """Ask for the maps of the present masks; returns at once."""
        self.live.compute()

    def to_pandas(self) -> pd.DataFrame:
        """Return the tidy table of the chosen head, as `Attention.to_pandas`.

        Raises
        ------
        RuntimeError
            If there are no maps yet.
        """
        found = self.attention
        if found is None:
            raise RuntimeError(self.error or "there are no maps yet: wait for them")
        return found.to_pandas(self.layer, self.head)

    def handle(self, kind: str, content: Any) -> None:
        """Compute the maps when the page asks for them."""
        if kind == "compute":
            self.compute()
        else:
            super().handle(kind, content)

    @t.validate("layer")
    def _validate_layer(self, proposal: Any) -> int:
        if proposal["value"] not in self.layers:
            raise t.TraitError(
                f"there is no layer {proposal['value']} here: choose from {list(self.layers)}"
            )
        return int(proposal["value"])

    @t.validate("head")
    def _validate_head(self, proposal: Any) -> int:
        if not 0 <= proposal["value"] < self.heads:
            raise t.TraitError(f"a head is 0 to {self.heads - 1}, not {proposal['value']}")
        return int(proposal["value"])

    @t.observe("show")
    def _show_changed(self, _: Any) -> None:
        with self.guarded():
            self._show()

    @t.observe("automatic")
    def _automatic_changed(self, change: Any) -> None:
        if change["new"] != self.live.automatic:
            with self.guarded():
                self.live.automatic = change["new"]

    def _show_state(self) -> None:
        with self.hold_sync():
            self.set_trait("pending", self.live.pending)
            self.set_trait("stale", self.live.stale)
            self.set_trait("seconds", self.live.seconds)
            self.automatic = self.live.automatic

    def _show_error(self) -> None:
        self.error = self.live.error

    def _show(self) -> None:
        # One at a time, and what is to be shown is read inside.
        with self._drawing:
            found = self.attention
            if found is None:
                return
            precision = _precision(found)
            with self.hold_sync():
                self.set_trait("pictures", envelope(self._pictures(found)))
                self.set_trait("precision", envelope(precision))
            self.drawn += 1

    def _pictures(self, found: Attention) -> NDArray[np.uint8]:
        if self.show == "weights":
            return thumbnails(found.maps)
        return np.stack([thumbnails(_off_diagonal(head_scores(heads))) for heads in found.maps])


def _precision(found: Attention) -> NDArray[np.float64] | None:
    try:
        shares = found.precision().to_numpy()
    except ValueError:  # no structure, or none that tells of any pair
        return None
    return None if np.isnan(shares).all() else shares


def _off_diagonal(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    # What a residue has to do with itself would outshine the rest.
    diagonal = np.arange(scores.shape[-1])
    scores[..., diagonal, diagonal] = 0.0
    return scores
