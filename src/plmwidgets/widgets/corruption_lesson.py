"""The page of a lesson: how a training example is made, and what the model makes of it."""

import pandas as pd

from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.widgets.corruption_view import CorruptionView
from plmwidgets.widgets.distributions import Distributions
from plmwidgets.widgets.live import LivePrediction
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.view_grid import ViewGrid


class CorruptionLesson(ViewGrid):
    """What a masked language model is trained on, live: corrupt, look, and count the loss.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str
        A loaded model, or what `load_model` takes.
    rate, mask, random, span, rate_distribution, seed
        See `corrupt`.
    presenter : bool
        Larger type, for a lecture or a shared screen.

    Attributes
    ----------
    view : CorruptionView
        ``view.corruption`` is the draw that is shown, ``view.average()`` the loss of many.
    distributions : Distributions
        What the model believes about the residues that are hidden.
    selection : Selection
    presenter : bool
        Assignable at any time.

    Raises
    ------
    ModelError
        If the model cannot take the sequence.
    TypeError, ValueError
        As `corrupt`.

    Examples
    --------
    >>> from plmwidgets import CorruptionLesson, Protein
    >>> lesson = CorruptionLesson(Protein.demo(), "demo", seed=1)
    >>> lesson.view.rate_distribution = "esm3"
    """

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str,
        rate: float | None = None,
        *,
        mask: float = 0.8,
        random: float = 0.1,
        span: int | None = None,
        rate_distribution: str = "fixed",
        seed: int | None = None,
        presenter: bool = False,
    ) -> None:
        protein, model = as_protein(protein), as_model(model)
        self.protein = protein
        self.selection = Selection(protein)
        self._live = LivePrediction(protein, model, self.selection)
        self.view = CorruptionView(
            protein,
            rate=rate,
            mask=mask,
            random=random,
            span=span,
            rate_distribution=rate_distribution,
            seed=seed,
            live=self._live,
        )
        self.distributions = Distributions(protein, live=self._live)
        super().__init__((self.view, self.distributions), (), presenter)

    def __repr__(self) -> str:
        return f"CorruptionLesson({self.view.corruption!r})"

    def to_pandas(self) -> pd.DataFrame:
        """Return what became of each residue, as `CorruptionView.to_pandas`."""
        return self.view.to_pandas()

    def close(self) -> None:
        """Take all views off the page; what they compute is given up."""
        if self.children:  # else it could not be opened
            self._live.close()
        super().close()
