"""What the model believes: bars for the residues of interest, a profile of the whole protein."""

import threading
from typing import Any

import numpy as np
import pandas as pd
import traitlets as t

from plmwidgets.alphabet import AMINO_ACIDS, CHEMISTRY_ORDER
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.tables import probability_table
from plmwidgets.widgets.live import LivePrediction
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.two_models import TwoModels, ViewOfModels, as_shown, check_reference
from plmwidgets.widgets.view import bundle, envelope


class Distributions(ViewOfModels):
    """The live p(i|M): it changes with every mask.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str, optional
        Left out when `live` is given.
    selection : Selection, optional
        Shared with other views; its own by default.
    live : LivePrediction, optional
        A prediction that other views share.
    reference : MaskedLM or str, optional
        Another model, such as the one without an adapter. What it predicts for the same masks is
        drawn as the outline behind the bars, in place of the context before the last change, and
        the JS divergence is that between the two models. The whole protein is drawn of the model,
        the reference, or as the difference of their probabilities: see `shown`.
    two_models : TwoModels, optional
        The same with a `live` that other views share: see `Explorer`.

    Attributes
    ----------
    order : str
        Order of the bars: ``"alphabet"`` or ``"chemistry"``.
    profile : str
        How the whole protein is drawn: ``"heat"``, a column of 20 probabilities a residue, or
        ``"logo"``, letters as high as p times the bits that the model knows (log2 20 - entropy).
        A difference is always the former.
    models : list of str
        With a reference: its name, the model's, and that of the difference, model less reference.
    shown : str
        Which of them the whole protein is drawn of; the model, to begin with.
    """

    _bundle = t.Unicode(bundle("distributions"), read_only=True).tag(sync=True)
    prediction = t.Any(None).tag(sync=True)
    pending = t.Bool(False).tag(sync=True)
    notice = t.Unicode().tag(sync=True)  # why bars are missing or late
    letters = t.Unicode(AMINO_ACIDS, read_only=True).tag(sync=True)
    chemistry_order = t.Unicode(CHEMISTRY_ORDER, read_only=True).tag(sync=True)
    profile = t.Enum(["heat", "logo"], "heat").tag(sync=True, page=True)
    order = t.Enum(["alphabet", "chemistry"], "alphabet").tag(sync=True, page=True)
    reference_name = t.Unicode(read_only=True).tag(sync=True)

    def __init__(
        self,
        protein: Protein | str,
        model: MaskedLM | str | None = None,
        *,
        selection: Selection | None = None,
        live: LivePrediction | None = None,
        reference: MaskedLM | str | None = None,
        two_models: TwoModels | None = None,
        presenter: bool = False,
    ) -> None:
        protein = as_protein(protein)
        other = None if reference is None else as_model(reference)
        if live is None:
            if model is None:
                raise TypeError("Distributions needs a model, or a LivePrediction to share")
            selection = Selection(protein) if selection is None else selection
            live = LivePrediction(protein, as_model(model), selection)
            self._at_close.append(live.close)
        selection = live.selection if selection is None else selection
        self._telling = threading.RLock()  # two models answer in two threads
        super().__init__(protein, selection, presenter=presenter)
        self._live = live
        self._reference: LivePrediction | None = None
        if other is not None:
            check_reference(live.model, other)
            reference_live = LivePrediction(protein, other, selection)
            self._at_close.append(reference_live.close)
            two_models = TwoModels(live, reference_live)
        if two_models is not None:
            self.follow_models(two_models)
            self._reference = two_models.reference
            self.set_trait("reference_name", two_models.names[0])
        for one in self._lives:
            self.follow(one, "prediction", self._show_prediction)
            self.follow(one, "error", self._show_error)
            for name in ("waiting", "ahead"):
                self.follow(one, name, self._show_waiting)
        self._show_error()
        self._show_waiting()
        self._show_prediction()

    def to_pandas(self) -> pd.DataFrame:
        """Return the probabilities that are shown, a row a residue, a column an amino acid.

        Of a difference, those of the model less those of the reference.

        Raises
        ------
        RuntimeError
            If there is no prediction yet, or of two models only one has answered to these masks.
        """
        predictions = [live.prediction for live in self.shown_of(self._lives)]
        there = [one for one in predictions if one is not None]
        if len(there) < len(predictions) or len({one.context for one in there}) > 1:
            raise RuntimeError(self.error or "the model has not answered yet: try again")
        tables = [probability_table(self.protein, one.log_probabilities) for one in there]
        return as_shown(tables)

    @property
    def _lives(self) -> list[LivePrediction]:
        """The model's, then the reference's."""
        return [self._live] if self._reference is None else [self._live, self._reference]

    def _show_error(self) -> None:
        with self._telling:
            self.error = "\n".join(dict.fromkeys(live.error for live in self._lives if live.error))

    def _show_waiting(self) -> None:
        with self._telling:
            self.pending = any(live.waiting for live in self._lives)
            self.notice = _queue_notice(max(live.ahead for live in self._lives))

    def _show_prediction(self) -> None:
        with self._telling:  # so that what is told last is what holds
            prediction = self._live.prediction
            if prediction is None:
                return
            content: dict[str, Any] = {
                "probabilities": envelope(np.exp(prediction.log_probabilities)),
                "masked": list(prediction.context.masked),
                "substitutions": [[i, letter] for i, letter in prediction.context.substitutions],
            }
            if self._reference is not None:
                other = self._reference.prediction
                if other is None or other.context != prediction.context:
                    return  # both or neither: two contexts do not compare
                content["reference"] = envelope(np.exp(other.log_probabilities))
            self.prediction = content


def _queue_notice(ahead: int) -> str:
    if ahead == 0:
        return ""
    return f"{ahead} request{'s' * (ahead > 1)} of other notebooks ahead"
