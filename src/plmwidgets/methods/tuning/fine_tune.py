"""Fine-tuning: a model learns more of what it is shown, whole or through a LoRA adapter."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from numbers import Real
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from plmwidgets._numbers import seed_number, whole_number
from plmwidgets._options import choice
from plmwidgets._warn import warn
from plmwidgets.methods.tuning.checkpoints import TrainingFolder
from plmwidgets.methods.tuning.examples import (
    TASKS,
    Examples,
    Label,
    Labels,
    Task,
    batches_for,
    read_classes,
    read_proteins,
    read_targets,
)
from plmwidgets.methods.tuning.fine_tuning import FineTuning, changing_hands
from plmwidgets.methods.tuning.networks import METHODS, Method, make_network, target_modules
from plmwidgets.methods.tuning.run import Plan, TrainingRun, fingerprint
from plmwidgets.models import as_model
from plmwidgets.models.adapter_files import import_peft
from plmwidgets.models.adapters import check_base
from plmwidgets.models.huggingface import HuggingFaceMaskedLM
from plmwidgets.models.masked_lm import MaskedLM, ModelError
from plmwidgets.protein import Protein
from plmwidgets.scan.progress import ScanStatus

_RATES = {"lora": 1e-3, "full": 5e-5}
_EVALUATIONS = 20

_in_folders: "WeakValueDictionary[Path, FineTuning]" = WeakValueDictionary()


def fine_tune(
    model: MaskedLM | str,
    sequences: Iterable[Protein | str],
    task: Task = "masked-lm",
    method: Method = "lora",
    *,
    labels: Labels | None = None,
    evaluation: Iterable[Protein | str] | None = None,
    evaluation_labels: Labels | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    batch: int = 16,
    learning_rate: float | None = None,
    rank: int = 8,
    alpha: int | None = None,
    targets: Sequence[str] | None = None,
    evaluate_every: int | None = None,
    patience: int | None = None,
    seed: int = 0,
    output: str | os.PathLike[str] | None = None,
) -> FineTuning:
    """Train a model further on sequences, in the background; returns at once.

    The model given stays as it is, to the last bit. With LoRA (Hu et al. 2022) its weights are
    shared and frozen, and small matrices beside some of them are trained: ``tuning.model`` is the
    model with that adapter. The full method trains a copy of all weights.

    Each step is one of AdamW (no weight decay, gradients cut to a norm of 1) at a learning rate
    that falls linearly to 0. As a masked language model it learns the residues that `corrupt`
    chooses, 15 % of them anew at each step, of which 80 % are masked, 10 % replaced and 10 % kept.
    The seed fixes all that is random.

    Parameters
    ----------
    model : MaskedLM or str
        One of the Hugging Face kind, in float32 or, for LoRA, bfloat16.
    sequences : iterable of Protein or str
        What to train on.
    task : {"masked-lm", "sequence-classification", "token-classification"}
        What to learn: the residues, a class for each sequence, or one for each residue.
    method : {"lora", "full"}
    labels : sequence, optional
        Of the sequences, for the two classifications: a name or whole number for each; or for each
        a text or list with one for each residue (None where it has none).
    evaluation : iterable of Protein or str, optional
        Held-out sequences: their loss is measured on the way, always with the same masks.
    evaluation_labels : sequence, optional
    steps, epochs : int, optional
        How long: give one of the two; three epochs by default.
    batch : int
        Sequences in a step.
    learning_rate : float, optional
        At the first step: 1e-3 with LoRA, 5e-5 in full.
    rank : int
        Of the adapter's matrices; at most the width of the model.
    alpha : int, optional
        They are multiplied by alpha / rank; twice the rank by default.
    targets : sequence of str, optional
        Names of the modules that get an adapter: the projections to queries, keys and values.
    evaluate_every : int, optional
        Steps between evaluations, and between checkpoints; a twentieth of all by default.
    patience : int, optional
        Stop after this many evaluations without a lower loss than before, and keep the weights of
        the lowest.
    seed : int
    output : path, optional
        Folder for checkpoints and the result. The same call with the same folder goes on where it
        stopped, and comes to the same weights as one that was never stopped; while it runs, it is
        returned.

    Returns
    -------
    FineTuning

    Raises
    ------
    ModelError
        If the model cannot be trained so.
    ModuleNotFoundError
        If peft is needed and not installed.
    TypeError, ValueError
        If an argument makes no sense, or the folder holds something else.

    References
    ----------
    Hu, E. J. et al. (2022). LoRA: Low-rank adaptation of large language models. ICLR.

    Examples
    --------
    >>> tuning = fine_tune("demo", family, evaluation=others, steps=100)      # doctest: +SKIP
    >>> tuning.wait()                                                         # doctest: +SKIP
    >>> scan_singles(protein, tuning.model).pseudo_perplexity                 # doctest: +SKIP
    """
    base = as_model(model)
    task, method = choice("task", task, TASKS), choice("method", method, METHODS)
    _check_trainable(base, method)
    assert isinstance(base, HuggingFaceMaskedLM)
    examples, held_out, classes = _read(
        base, task, (sequences, labels), (evaluation, evaluation_labels)
    )
    size = whole_number("batch", batch)
    total = _count_steps(steps, epochs, -(-len(examples) // size))
    every = max(1, total // _EVALUATIONS) if evaluate_every is None else evaluate_every
    lora = method == "lora"
    plan = Plan(
        task,
        method,
        total,
        size,
        _positive("learning_rate", _RATES[method] if learning_rate is None else learning_rate),
        seed_number(seed),
        whole_number("evaluate_every", every),
        None if patience is None else whole_number("patience", patience),
        whole_number("rank", rank) if lora else None,
        whole_number("alpha", 2 * rank if alpha is None else alpha) if lora else None,
        _modules(base, targets) if lora else None,
        classes,
    )
    if patience is not None and held_out is None:
        raise ValueError("patience= counts evaluations: give sequences for them, evaluation=[...]")
    network = make_network(
        base,
        task,
        method,
        classes=classes,
        rank=plan.rank or 0,
        alpha=plan.alpha or 0,
        targets=plan.targets,
        seed=plan.seed,
    )
    batches = batches_for(base, task, size, plan.seed)
    if output is None:
        run = TrainingRun(network, plan, batches, examples, held_out, name=base.name)
        tuning = FineTuning(base, run, None)
        run.start()
        return tuning
    # Last of all: what cannot be trained leaves no folder behind.
    key = fingerprint(plan, base.identity.result_key, examples, held_out)
    with changing_hands:
        folder = TrainingFolder(output, key)
        # A cell that is run again while its training runs gets that: two would spoil the folder.
        under_way = _in_folders.get(folder.path)
        if under_way is not None and under_way.progress.status is ScanStatus.RUNNING:
            return under_way
        if under_way is not None:
            with suppress(Exception):  # it was told already, to who waited for it
                under_way.wait(quiet=True)  # one that was held may still write its checkpoint
        run = TrainingRun(network, plan, batches, examples, held_out, name=base.name, folder=folder)
        tuning = _in_folders[folder.path] = FineTuning(base, run, folder.path)
        if under_way is not None:
            under_way.overtaken = True
        run.start()
    if run.status is ScanStatus.FINISHED:
        tuning.save(folder.path)  # or a session that was killed at the very end left none
    return tuning


def _check_trainable(base: MaskedLM, method: Method) -> None:
    check_base(base)  # type: ignore[arg-type]
    dtype = base.identity.dtype
    if dtype == "float16" or (dtype != "float32" and method == "full"):
        wanted = "dtype='float32'" + (" or 'bfloat16'" if method == "lora" else "")
        raise ModelError(f"{base.name} in {dtype} would train badly: load it with {wanted}.")
    if method == "lora":
        import_peft()


def _read(
    base: HuggingFaceMaskedLM,
    task: Task,
    shown: tuple[Iterable[Protein | str], Labels | None],
    held_back: tuple[Iterable[Protein | str] | None, Labels | None],
) -> tuple[Examples, Examples | None, tuple[Label, ...]]:
    """Return the sequences to train on, those held out, and the classes."""
    (sequences, labels), (evaluation, evaluation_labels) = shown, held_back
    proteins = read_proteins(base, sequences, "sequences")
    others = None if evaluation is None else read_proteins(base, evaluation, "evaluation")
    seen = {protein.sequence for protein in proteins}
    twins = sum(protein.sequence in seen for protein in others or ())
    if twins:
        warn(
            f"{twins} of {len(others or ())} sequences for evaluation are among those that are "
            "trained on: their loss falls without the model learning anything of others"
        )
    if task == "masked-lm":
        if labels is not None or evaluation_labels is not None:
            raise ValueError(
                "a masked language model learns the residues and takes no labels: leave them out, "
                "or give task='sequence-classification' or 'token-classification'"
            )
        return Examples(proteins), None if others is None else Examples(others), ()
    if labels is None:
        raise ValueError(f"{task} needs labels=, one for each sequence")
    if (others is None) != (evaluation_labels is None):
        raise ValueError("evaluation= and evaluation_labels= go together: give both or neither")
    classes = read_classes(labels, task)
    examples = Examples(proteins, read_targets(proteins, labels, classes, task, "labels"))
    held_out = None
    if others is not None:
        codes = read_targets(others, evaluation_labels, classes, task, "evaluation_labels")
        held_out = Examples(others, codes)
    return examples, held_out, classes


def _count_steps(steps: int | None, epochs: int | None, an_epoch: int) -> int:
    if steps is not None and epochs is not None:
        raise ValueError("give steps= or epochs=, not both")
    if steps is not None:
        return whole_number("steps", steps)
    return an_epoch * whole_number("epochs", 3 if epochs is None else epochs)


def _modules(base: HuggingFaceMaskedLM, targets: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the modules that get an adapter; peft would pass over unknown ones."""
    if targets is None:
        return target_modules(base)
    named = [] if isinstance(targets, str) else list(targets)
    if not named or not all(isinstance(name, str) for name in named):
        raise TypeError(f"targets={targets!r}: give a list of names, such as ['query', 'value']")
    known = [name for name, _ in base.network.named_modules()]
    for target in named:
        if not any(name == target or name.endswith(f".{target}") for name in known):
            raise ModelError(f"{base.name} has no modules called {target}: name others in targets=")
    return tuple(named)


def _positive(name: str, value: Any) -> float:
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"{name}={value!r}: it is a number above 0")
    return number
