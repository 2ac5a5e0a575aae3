"""A training in the background, its curve, and the model that came of it."""

import os
import threading
from pathlib import Path
from typing import Any, ClassVar, Final
from weakref import WeakValueDictionary

import pandas as pd

from plmwidgets.methods.tuning.classifier import Classifier
from plmwidgets.methods.tuning.run import TrainingRun
from plmwidgets.methods.tuning.tuned_files import fresh_folder, revision_of, write_tuned
from plmwidgets.models.adapter_files import Adapter
from plmwidgets.models.adapters import ADAPTER, adapt, adapter_tensors
from plmwidgets.models.esm import wrap
from plmwidgets.models.huggingface import HuggingFaceMaskedLM
from plmwidgets.protein import Protein
from plmwidgets.scan.background import RunControl
from plmwidgets.scan.progress import ScanProgress, ScanStatus

CURVE_COLUMNS = ("epoch", "learning_rate", "loss", "evaluation_loss", "accuracy")

changing_hands: Final = threading.Lock()
"""Held while it is decided which training goes on in a folder."""


class FineTuning(RunControl):
    """A training in the background, its curve and what came of it; made by `fine_tune`.

    Parameters
    ----------
    base : HuggingFaceMaskedLM
    run : TrainingRun
    folder : Path or None

    Attributes
    ----------
    base : HuggingFaceMaskedLM
        The model that was given, which stays as it is.
    plan : Plan
        The settings.
    folder : Path or None
        Where checkpoints go.
    overtaken : bool
        Whether a later training goes on in that folder, and this one must not.
    """

    title: ClassVar = "Fine-tuning"
    _run: TrainingRun

    def __init__(self, base: HuggingFaceMaskedLM, run: TrainingRun, folder: Path | None) -> None:
        self.base = base
        self.plan = run.plan
        self.folder = folder
        self._run = run
        self.overtaken = False
        # By the steps that its weights are of, while someone holds it: it is a copy to be hashed.
        self._models: WeakValueDictionary[Any, HuggingFaceMaskedLM] = WeakValueDictionary()
        if folder is not None:
            run.at_end = lambda: self._write(folder)

    def __repr__(self) -> str:
        plan = self.plan
        kind = f"LoRA of rank {plan.rank}" if plan.method == "lora" else "all weights"
        return f"FineTuning({self.base.name!r}, {plan.task}, {kind}: {self.progress})"

    def start(self) -> None:
        """Start in the background, or go on after a pause, a cancellation or a failure.

        Raises
        ------
        RuntimeError
            If a later call of `fine_tune` goes on with this training in its folder: two would
            write over each other's checkpoints.
        """
        with changing_hands:
            if self.overtaken:
                raise RuntimeError(
                    f"a later fine_tune(..., output={str(self.folder)!r}) goes on with this "
                    "training: use what it returned, or call it again. The weights "
                    "here stay as they are"
                )
            super().start()

    @property
    def first_protein(self) -> Protein:
        """The first of the sequences that it is trained on."""
        return self._run.examples.proteins[0]

    @property
    def progress(self) -> ScanProgress:
        """How far it is: status, steps done and in all, steps a second, time left."""
        return self._run.progress

    @property
    def best_step(self) -> int | None:
        """With `patience`, the step of the lowest evaluation loss, whose weights are kept."""
        return self._run.course.best_step

    def to_pandas(self) -> pd.DataFrame:
        """Return the curve.

        Returns
        -------
        DataFrame, indexed by ``step``
            ``epoch``; ``learning_rate`` and ``loss`` of the step (nats a target; NaN at 0);
            ``evaluation_loss`` (the same) and ``accuracy`` (0 to 1: the share of targets that get
            most probability) of the held-out sequences after it, NaN where not measured.
        """
        table: dict[int, dict[str, float]] = {}
        for row in list(self._run.course.rows):
            table.setdefault(int(row["step"]), {}).update(row)
        frame = pd.DataFrame(list(table.values()), columns=["step", *CURVE_COLUMNS])
        frame["epoch"] = frame["step"] / self._run.steps_an_epoch
        return frame.set_index("step").astype("float64")

    # What came of it

    @property
    def model(self) -> HuggingFaceMaskedLM:
        """The tuned masked language model: with the weights so far, or the best with `patience`.

        Raises
        ------
        RuntimeError
            While the training runs, or if it trained a classifier.
        """
        self._check_done()
        if self.plan.task != "masked-lm":
            raise RuntimeError("this training made a classifier: use .classifier")
        course = self._run.course
        weights_of = course.step, course.best_step
        model = self._models.get(weights_of)
        if model is None:
            model = self._models[weights_of] = self._tuned()
        return model

    def _tuned(self) -> HuggingFaceMaskedLM:
        network = self._run.trained()
        own = None if self.folder is None else self.folder.name
        if self.plan.method == "lora":
            config = network.peft_config[ADAPTER]
            return adapt(self.base, Adapter(own or "adapter", config, adapter_tensors(network)))
        return wrap(
            network,
            self.base.tokenizer,
            name=f"{self.base.name} tuned" if self.folder is None else self.folder.name,
            checkpoint=f"{self.base.identity.checkpoint} tuned"
            if self.folder is None
            else self.folder.name,
            revision=revision_of(network),
            by_content=True,
            contact_head=self.base.contact_head,
        )

    @property
    def classifier(self) -> Classifier:
        """What predicts the classes, with the weights so far, or the best with `patience`.

        Raises
        ------
        RuntimeError
            While the training runs, or if it trained a masked language model.
        """
        self._check_done()
        if self.plan.task == "masked-lm":
            raise RuntimeError("this training made a masked language model: use .model")
        return Classifier(self.base, self._run.trained(), self.plan.task, self.plan.classes)

    def save(self, folder: str | os.PathLike[str], replace: bool = False) -> None:
        """Write what came of it: an adapter as peft writes it, or a model as transformers does.

        Parameters
        ----------
        folder : path
            For ``load_model(model, adapter=folder)``, ``load_model(folder)``, or, of a classifier,
            ``load_classifier(model, folder)``. The training's own, `folder`, gets it at the end
            anyway.
        replace : bool
            Overwrite a model that is there already; never anything else.

        Raises
        ------
        FileExistsError
            If something is there already.
        RuntimeError
            While the training runs.
        ValueError
            If there is a file of this name, or it is the folder of the model itself.
        """
        self._check_done()
        place = Path(folder).expanduser()
        if place.resolve() == Path(self.base.network.config.name_or_path).resolve():
            raise ValueError(f"{place} holds {self.base.name} itself: give a folder of its own")
        if place.resolve() == self.folder and not self.overtaken:
            self._write(place)
            return
        with fresh_folder(place, replace) as fresh:
            self._write(fresh)

    def _write(self, place: Path) -> None:
        plan, network = self.plan, self._run.trained()
        write_tuned(place, network, self.base.tokenizer, plan.task, plan.classes)

    def _check_done(self) -> None:
        if self.progress.status is ScanStatus.RUNNING:
            raise RuntimeError("the training runs: .wait() for it, or .pause() it")
