"""All attention heads of a model at a glance: a thumbnail each, layer by layer."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t
from numpy.typing import NDArray

from plmwidgets.methods.contacts.attention import Attention, head_scores
from plmwidgets.methods.contacts.attentive_models import attentive_model
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.widgets.live_attention import AttentionAnswer, LiveAttention
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.thumbnails import signed_thumbnails, thumbnails
from plmwidgets.widgets.two_models import ViewOfModels, as_shown, errors_of, names_of
from plmwidgets.widgets.view import bundle, envelope

CHANGES = ["attention_ij", "attention_ji", "score"]
"""Columns of `Attention.to_pandas` of which a difference is taken."""


class AttentionGrid(ViewOfModels):
    """A thumbnail of every attention head, a row a layer; a click or the arrow keys choose one.

    It follows the masks of the selection. Where a structure is known, each head says how well its
    attention alone finds the contacts, and the best ones are marked.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
        One that tells of its attention.
    reference : MaskedLM or str, optional
        Another one, such as the model without an adapter. The pictures are then of the model, of
        the reference, or of the model's maps less the reference's, head by head, all on one scale
        about 0: see `shown`. Heads of models that were trained apart have nothing to do with each
        other, so that their difference says little; of models with other numbers of layers or
        heads there is none.
    selection : Selection, optional
        Shared with other views; its own by default.
    layers : sequence of int, optional
        Which layers to show, counted from 0; all by default. The maps of all of them are held in
        memory, of both models: see `plmwidgets.attention`.
    automatic : bool
        Whether every change of the masks is computed; otherwise a button, or `compute`, asks for
        it. It turns itself off where that takes more than five seconds.
    presenter : bool
        Larger type.

    Attributes
    ----------
    live : LiveAttention
        Where the maps come from.
    reference_live : LiveAttention or None
        Where those of the reference come from.
    layer, head : int
        The chosen head, counted from 0; assignable.
    show : str
        ``"weights"``, what each residue (row) looks at (column); or ``"contacts"``, the mean of
        both directions after the average product correction, as `Attention.contacts`.
    automatic : bool
    models : list of str
        With a reference: its name, the model's, and that of the difference, model less reference.
    shown : str
        Which of them is shown; the model, to begin with.

    Raises
    ------
    ModelError, ValueError
        As `plmwidgets.attention`, of either model; or if the reference is the model itself.
    """

    _bundle = t.Unicode(bundle("attention_grid"), read_only=True).tag(sync=True)
    pictures = t.Any(None, read_only=True).tag(sync=True)
    precision = t.Any(None, read_only=True).tag(sync=True)
    # Of a difference: the size at the ends of its scale.
    limit = t.Float(None, allow_none=True, read_only=True).tag(sync=True)
    notice = t.Unicode(read_only=True).tag(sync=True)  # why there is no difference
    layers: t.List[Any] = t.List(t.Int(), read_only=True).tag(sync=True)
    heads = t.Int(0, read_only=True).tag(sync=True)
    layer = t.Int(0).tag(sync=True, page=True)
    head = t.Int(0).tag(sync=True, page=True)
    show = t.Enum(["weights", "contacts"], "weights").tag(sync=True, page=True)
    automatic = t.Bool(True).tag(sync=True, page=True)
    pending = t.Bool(False, read_only=True).tag(sync=True)
    stale = t.Bool(False, read_only=True).tag(sync=True)
    seconds = t.Float(0.0, read_only=True).tag(sync=True)
    # Grows when other maps are shown, or compare with others; views of the chosen head follow it.
    drawn = t.Int(0)

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str,
        *,
        reference: MaskedLM | str | None = None,
        selection: Selection | None = None,
        layers: Sequence[int] | None = None,
        automatic: bool = True,
        presenter: bool = False,
    ) -> None:
        protein, model = as_protein(protein), as_model(model)
        both = [model] if reference is None else [model, as_model(reference)]
        names = None if len(both) == 1 else names_of(*both)
        self._shapes = [attentive_model(one, len(protein), layers).attention_shape for one in both]
        for one in both:
            one.check_sequence(protein.sequence)
        self._drawing, self._telling = threading.RLock(), threading.RLock()
        self._layers = layers
        self.sources: tuple[AttentionAnswer, ...] = ()
        super().__init__(protein, selection, presenter=presenter)
        self._offer(self._shapes[0])
        self.layer = self.layers[-1]
        self._lives = [LiveAttention(protein, one, self.selection, layers) for one in both]
        self.live = self._lives[0]
        self.reference_live = None if names is None else self._lives[1]
        if names is not None:
            self.offer_models(names)
        self.automatic = automatic
        for live in self._lives:
            self._at_close.append(live.close)
            live.automatic = automatic
            self._follow_live(live)
        self._show_error()
        self._show_state()
        if self.live.answer is not None:
            self._show()

    @property
    def attention(self) -> Attention | None:
        """The maps that are shown; None until the first have come, and of a difference."""
        return self.sources[0].attention if len(self.sources) == 1 else None

    @property
    def others(self) -> list[AttentionAnswer]:
        """What the model that is not shown says of the same masks, as far as it has answered."""
        if len(self.sources) != 1:
            return []
        (shown,) = self.sources
        answers = [live.answer for live in self._lives]
        context = shown.attention.context
        return [
            one
            for one in answers
            if one is not None and one is not shown and one.attention.context == context
        ]

    @property
    def head_by_head(self) -> bool:
        """Whether there is a difference of heads: both models have as many, in as many layers."""
        return len(set(self._shapes)) == 1

    @property
    def chosen(self) -> pd.DataFrame | None:
        """The chosen head as `show` and `shown` say, (L, L); None while there is nothing to see."""
        if self.notice or not self.sources:
            return None
        part = Attention.contacts if self.show == "contacts" else Attention.map
        found = [part(one.attention, self.layer, self.head) for one in self.sources]
        return as_shown(found)

    def compute(self) -> None:
        """Ask for the maps of the present masks; returns at once."""
        for live in self._lives:
            live.compute()

    def to_pandas(self) -> pd.DataFrame:
        """Return the tidy table of the chosen head, as `Attention.to_pandas`.

        Of a difference, its ``attention_ij``, ``attention_ji`` and ``score`` are the model's less
        the reference's.

        Raises
        ------
        RuntimeError
            If there are no maps yet, or no difference.
        """
        if self.notice or not self.sources:
            raise RuntimeError(self.notice or self.error or "there are no maps yet: wait for them")
        tables = [one.attention.to_pandas(self.layer, self.head) for one in self.sources]
        for other in tables[1:]:
            tables[0][CHANGES] -= other[CHANGES]
        return tables[0]

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

    @t.observe("show", "shown")
    def _choice_changed(self, _: Any) -> None:
        with self.guarded(), self._drawing:
            self.sources = ()  # what is there is of something else
            self._show()
            self._show_state()

    @t.observe("automatic")
    def _automatic_changed(self, change: Any) -> None:
        with self.guarded():
            for live in self._lives:
                live.automatic = change["new"]

    def _offer(self, shape: tuple[int, int]) -> None:
        """Offer layers and heads; the chosen ones stay if there are such."""
        count, heads = shape
        layers = list(range(count) if self._layers is None else self._layers)
        self.set_trait("layers", layers)
        self.set_trait("heads", heads)
        if self.layer not in layers:
            self.layer = layers[-1]
        self.head = min(self.head, heads - 1)

    def _why_not(self) -> str:
        shapes = [f"{layers} layers of {heads} heads" for layers, heads in self._shapes]
        other, model, _ = self.models
        return (
            f"There is no difference head by head: {model} has {shapes[0]}, {other} {shapes[1]}. "
            "Choose one of both models."
        )

    def _follow_live(self, live: LiveAttention) -> None:
        def slowed() -> None:
            if not live.automatic:
                self.automatic = False

        self.follow(live, "answer", self._show)
        self.follow(live, "error", self._show_error)
        self.follow(live, "automatic", slowed)
        for name in ("pending", "stale"):
            self.follow(live, name, self._show_state)

    def _show_state(self) -> None:
        # One at a time, as two models answer in two threads; it does not wait for a drawing.
        with self._telling, self.hold_sync():
            shown = self.shown_of(self._lives)
            self.set_trait("pending", any(live.pending for live in shown))
            self.set_trait("stale", any(live.stale for live in shown))
            self.set_trait("seconds", sum(live.seconds for live in self._lives))

    def _show_error(self) -> None:
        with self._telling:
            self.error = errors_of(self._lives)

    def _show(self) -> None:
        # One at a time, and what is to be shown is read inside.
        with self._drawing:
            parts = self.shown_of(list(zip(self._lives, self._shapes, strict=True)))
            answers = [live.answer for live, _ in parts]
            there = tuple(one for one in answers if one is not None)
            contexts = {one.attention.context for one in there}
            if len(there) < len(answers) or len(contexts) > 1:
                # Of two contexts there is no difference: what was shown stays until both are there.
                there = self.sources
            if there != self.sources or not there:
                compares = len(parts) == 1 or self.head_by_head
                drawn = self._draw([one.attention for one in there] if compares else [])
                with self._telling, self.hold_sync():
                    self.set_trait("notice", "" if compares else self._why_not())
                    if compares:
                        self._offer(parts[0][1])
                    self.sources = there
                    for name, content in drawn.items():
                        self.set_trait(name, content)
            self.drawn += 1

    def _draw(self, maps: Sequence[Attention]) -> dict[str, Any]:
        """Return the traits that show the maps of a model, of two their difference, or nothing."""
        pictures, precision, limit = None, None, None
        if len(maps) == 1:
            pictures, precision = self._pictures(maps[0]), _precision(maps[0])
        elif maps:
            pictures, limit = signed_thumbnails(self._changes(*maps))
        return {
            "pictures": envelope(pictures),
            "precision": envelope(precision),
            "limit": limit,
        }

    def _pictures(self, found: Attention) -> NDArray[np.uint8]:
        if self.show == "weights":
            return thumbnails(found.maps)
        return np.stack([thumbnails(_off_diagonal(head_scores(heads))) for heads in found.maps])

    def _changes(self, model: Attention, reference: Attention) -> Iterator[NDArray[Any]]:
        """Yield the maps of the model less those of the reference, layer by layer."""
        for one, other in zip(model.maps, reference.maps, strict=True):
            if self.show == "weights":
                yield one - other
            else:
                yield _off_diagonal(head_scores(one) - head_scores(other))


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
