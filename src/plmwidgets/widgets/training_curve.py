"""The loss of a training while it runs, with its controls."""

from dataclasses import asdict
from typing import Any, Final

import numpy as np
import traitlets as t
from numpy.typing import NDArray

from plmwidgets._options import result_of
from plmwidgets.methods.tuning.fine_tuning import FineTuning
from plmwidgets.protein import Protein
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view import View, bundle, envelope

MOST_POINTS: Final = 1000
"""Of a longer training, the means of so many equal stretches are drawn."""


class TrainingCurve(View):
    """Watch a training: its loss at each step, that of held-out sequences, and how far it is.

    Parameters
    ----------
    tuning : FineTuning
        Its controls are here as well: pause, resume, cancel.
    presenter : bool
        Larger type.

    Attributes
    ----------
    tuning : FineTuning
    """

    _bundle = t.Unicode(bundle("training_curve"), read_only=True).tag(sync=True)
    training = t.Dict(read_only=True).tag(sync=True)
    losses = t.Any(None, read_only=True).tag(sync=True)
    evaluations = t.Any(None, read_only=True).tag(sync=True)

    def __init__(self, tuning: FineTuning, *, presenter: bool = False) -> None:
        self.tuning = result_of("fine_tune", tuning, FineTuning, "TrainingCurve")
        # A view tells what it is of by the name of a protein.
        shown = Protein(tuning.first_protein.sequence, name=tuning.base.name)
        super().__init__(shown, presenter=presenter)
        self._refresh = Throttle(self._show, 0.2)
        self._at_close.append(tuning.subscribe(self._refresh))
        self._refresh.now()

    def __repr__(self) -> str:
        return f"TrainingCurve({self.tuning!r})"

    def handle(self, kind: str, content: Any) -> None:
        """Start, pause, resume or cancel the training."""
        actions = {
            "start": self.tuning.start,
            "pause": self.tuning.pause,
            "resume": self.tuning.resume,
            "cancel": self.tuning.cancel,
        }
        if kind in actions:
            actions[kind]()
        else:
            super().handle(kind, content)

    def _show(self) -> None:
        tuning, plan = self.tuning, self.tuning.plan
        progress = asdict(tuning.progress)
        progress["status"] = str(progress["status"])
        table = tuning.to_pandas().reset_index()
        losses = table.loc[table["loss"].notna(), ["step", "loss"]].to_numpy(np.float64)
        measured = table["evaluation_loss"].notna()
        columns = ["step", "evaluation_loss", "accuracy"]
        with self.hold_sync():
            self.set_trait("losses", envelope(thinned(losses)))
            self.set_trait("evaluations", envelope(table.loc[measured, columns].to_numpy(float)))
            self.set_trait(
                "training",
                {
                    **progress,
                    "title": f"{tuning.title} of {tuning.base.name}",
                    "method": "all weights" if plan.rank is None else f"LoRA, rank {plan.rank}",
                    "task": plan.task,
                    "best_step": tuning.best_step,
                    "store": None if tuning.folder is None else str(tuning.folder),
                },
            )


def thinned(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows, (n, 2), or the means of `MOST_POINTS` stretches if there are more."""
    if len(rows) <= MOST_POINTS:
        return rows
    return np.stack([part.mean(axis=0) for part in np.array_split(rows, MOST_POINTS)])
