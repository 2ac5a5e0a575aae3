"""Trains a network in the background: the loop, its curve, its checkpoints.

The steps are those of transformers' Trainer as it is set up by default: AdamW without weight
decay, a learning rate that falls linearly to zero, gradients clipped to a norm of one. Unlike it,
the loop leaves the random numbers of the session alone, runs beside the notebook, and can be held
between any two steps.
"""

import copy
import hashlib
import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Final

import numpy as np
import torch

from plmwidgets._numbers import as_whole
from plmwidgets.methods.tuning.checkpoints import Groups, TrainingFolder
from plmwidgets.methods.tuning.examples import NO_TARGET, Batches, Examples, Label, Task
from plmwidgets.methods.tuning.networks import Method
from plmwidgets.models.checkpoint import first_line
from plmwidgets.models.masked_lm import ModelError
from plmwidgets.scan.background import BackgroundRun

LARGEST_NORM: Final = 1.0
"""To which longer gradients are cut, as transformers' Trainer does."""

Row = dict[str, float]
"""Of the curve: what was measured at a step."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides the course of a training, besides the sequences.

    Attributes
    ----------
    task, method, rank, alpha, targets, learning_rate, batch, seed, evaluate_every, patience
        See `fine_tune`.
    steps : int
        In all.
    classes : tuple of str or int
        Of a classifier.
    """

    task: Task
    method: Method
    steps: int
    batch: int
    learning_rate: float
    seed: int
    evaluate_every: int
    patience: int | None = None
    rank: int | None = None
    alpha: int | None = None
    targets: tuple[str, ...] | None = None
    classes: tuple[Label, ...] = ()

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return self.learning_rate * (1 - step / self.steps)


@dataclass
class Course:
    """How far a training is.

    Attributes
    ----------
    step : int
        Steps done.
    rows : list of dict
        The curve: ``step``, with ``loss`` and ``learning_rate`` of a step of training, or
        ``evaluation_loss`` and ``accuracy`` of an evaluation after that many steps.
    best_step : int or None
        Of the lowest evaluation loss so far.
    ended : bool
        Whether it has stopped early.
    """

    step: int = 0
    rows: list[Row] = field(default_factory=list)
    best_step: int | None = None
    ended: bool = False

    @property
    def evaluations(self) -> list[Row]:
        """The rows that are evaluations, oldest first."""
        return [row for row in self.rows if "evaluation_loss" in row]


class TrainingRun(BackgroundRun):
    """Takes the steps of a plan, from where a folder's checkpoint has stopped.

    Parameters
    ----------
    network : torch.nn.Module
        Its weights that need gradients are trained, in place.
    plan : Plan
    batches : Batches
    examples : Examples
    evaluation : Examples, optional
    name : str
        Of the model.
    folder : TrainingFolder, optional
        Keeps checkpoints.

    Attributes
    ----------
    course : Course
    examples : Examples
    steps_an_epoch : int
    at_end : callable
        Called, in the run's thread, when the last step is done; does nothing by default.
    """

    title: ClassVar = "fine-tuning"

    def __init__(
        self,
        network: Any,
        plan: Plan,
        batches: Batches,
        examples: Examples,
        evaluation: Examples | None = None,
        *,
        name: str,
        folder: TrainingFolder | None = None,
    ) -> None:
        self.network = network
        self.plan = plan
        self.course = Course()
        self.steps_an_epoch = -(-len(examples) // batches.size)
        self.at_end: Callable[[], None] = lambda: None
        self._batches = batches
        self.examples = examples
        self._evaluation = evaluation
        self._folder = folder
        self._weights = {n: p for n, p in network.named_parameters() if p.requires_grad}
        self._best: dict[str, torch.Tensor] | None = None
        self._optimizer = torch.optim.AdamW(
            self._weights.values(), lr=plan.learning_rate, weight_decay=0.0
        )
        self._draws = _has_dropout(network)
        if folder is not None:
            self._take(folder)
        super().__init__(name, plan.steps, "steps")

    def weights(self) -> dict[str, torch.Tensor]:
        """Return a copy of the weights to keep: with `patience`, those of the best evaluation."""
        with self._lock:
            chosen = self._weights if self._best is None else self._best
            return {name: tensor.detach().clone() for name, tensor in chosen.items()}

    def trained(self) -> Any:
        """Return a network with the weights to keep, apart from the one that is being trained.

        What is frozen is shared between the two.
        """
        weights = self.weights()
        shared = (t for t in self.network.parameters() if not t.requires_grad)
        network = copy.deepcopy(self.network, {id(tensor): tensor for tensor in shared})
        with torch.no_grad():
            for name, weight in network.named_parameters():
                if name in weights:
                    weight.copy_(weights[name])
        return network.eval()

    # The work

    def _work(self, stop: threading.Event) -> None:
        plan, course = self.plan, self.course
        with self._lock:
            self._observe_rate(course.step)
        if course.step == 0 and not course.rows:
            self._evaluate()
        while not self._is_complete():
            if stop.is_set():
                self._keep()  # so that nothing is lost if the session ends before it goes on
                return
            row = self._advance(course.step)
            with self._lock:
                course.step += 1
                course.rows.append(row)
                self._observe_rate(course.step)
            if course.step % plan.evaluate_every == 0 or course.step == plan.steps:
                self._evaluate()
                self._keep()
            self._notify()
        self.at_end()

    def _advance(self, step: int) -> Row:
        plan = self.plan
        batch = self._batches.of_step(self.examples, step)
        self.network.train()
        rate = plan.learning_rate_at(step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        device = batch["input_ids"].device
        with _seeded(plan.seed + step, device) if self._draws else nullcontext():
            loss = self.network(**batch).loss
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ModelError(
                f"the loss is {value} at step {step + 1}: give a smaller learning_rate (it is "
                f"{plan.learning_rate:g}). The weights are those before this step."
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._weights.values(), LARGEST_NORM)
        with self._lock:  # nobody copies weights that are half new
            self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return {"step": step + 1, "loss": value, "learning_rate": rate}

    def _evaluate(self) -> None:
        if self._evaluation is None:
            return
        course, plan = self.course, self.plan
        row = {"step": course.step, **self._measured(self._evaluation)}
        with self._lock:
            course.rows.append(row)
            if plan.patience is None:
                return
            losses = [each["evaluation_loss"] for each in course.evaluations]
            best = int(np.argmin(losses))
            course.best_step = int(course.evaluations[best]["step"])
            if best == len(losses) - 1:
                self._best = {n: w.detach().clone() for n, w in self._weights.items()}
            course.ended = len(losses) - 1 - best >= plan.patience

    @torch.no_grad()
    def _measured(self, examples: Examples) -> Row:
        self.network.eval()
        total = right = count = 0.0
        for batch in self._batches.for_evaluation(examples):
            found = self.network(**batch)
            there = batch["labels"] != NO_TARGET
            some = int(there.sum())
            if some:
                total += float(found.loss) * some
                right += int((found.logits.argmax(-1) == batch["labels"])[there].sum())
                count += some
        if not count:
            raise ValueError("there is nothing to learn in the sequences for evaluation")
        return {"evaluation_loss": total / count, "accuracy": right / count}

    # Checkpoints

    def _keep(self) -> None:
        if self._folder is None:
            return
        state = self._optimizer.state
        moments = {
            f"{name}.{key}": torch.as_tensor(value)
            for name, weight in self._weights.items()
            for key, value in state.get(weight, {}).items()
        }
        groups = {"weights": self._weights, "optimizer": moments, "best": self._best or {}}
        self._folder.write(asdict(self.course), groups)

    def _take(self, folder: TrainingFolder) -> None:
        found = folder.read()
        if found is None:
            return
        course, groups = found
        try:
            self._put(Course(**course), groups)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(
                f"the latest checkpoint in {folder.path} does not fit this training "
                f"({first_line(error)}): delete it to begin anew"
            ) from error

    def _put(self, course: Course, groups: Groups) -> None:
        """Go back to where a checkpoint was written."""
        if as_whole(course.step, 0) is None:
            raise TypeError(f"step is {course.step!r}")
        self.course = course
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(groups["weights"][name])
        for name, weight in self._weights.items():
            stem = f"{name}."
            state = {
                key.removeprefix(stem): value.to(weight.device if value.ndim else "cpu")
                for key, value in groups["optimizer"].items()
                if key.startswith(stem) and "." not in key.removeprefix(stem)
            }
            if state:
                self._optimizer.state[weight] = state
        if groups["best"]:
            kept = groups["best"].items()
            self._best = {name: each.to(self._weights[name].device) for name, each in kept}

    # What `BackgroundRun` asks

    def _units_done(self) -> int:
        return self.course.step

    def _is_complete(self) -> bool:
        return self.course.ended or self.course.step >= self.plan.steps

    def _share(self) -> float:
        return 1.0 if self._is_complete() else super()._share()

    def _message(self) -> str:
        if not self.course.ended:
            return ""
        return f"stopped early: the lowest evaluation loss was at step {self.course.best_step}"


def fingerprint(plan: Plan, base: Mapping[str, Any], *examples: Examples | None) -> dict[str, Any]:
    """Return what a training must share with another one to go on with it.

    Returns
    -------
    dict
        The plan's settings, the model's key, and a hash of the sequences and labels.
    """
    digest = hashlib.sha256()
    for some in examples:
        digest.update(b"|")
        if some is not None:
            for index, protein in enumerate(some.proteins):
                digest.update(f"{protein.sequence};".encode())
                if some.targets is not None:
                    digest.update(some.targets[index].tobytes())
    settings: dict[str, Any] = json.loads(json.dumps(asdict(plan)))
    return {**settings, "model": dict(base), "sequences": digest.hexdigest()[:16]}


def _has_dropout(network: Any) -> bool:
    modules = (module for module in network.modules() if isinstance(module, torch.nn.Dropout))
    # That of attention weights is no module in some networks.
    stated = (value for name, value in network.config.to_dict().items() if "dropout" in name)
    return any(module.p > 0 for module in modules) or any(
        isinstance(value, float) and value > 0 for value in stated
    )


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Draw from a seed, as dropout does, and leave the random numbers of the session alone."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
