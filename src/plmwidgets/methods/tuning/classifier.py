"""A fine-tuned classifier of sequences or residues."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import torch

from plmwidgets.methods.tuning.examples import TASKS, Label, Task, batches_for, read_proteins
from plmwidgets.methods.tuning.networks import read_classifier, with_head
from plmwidgets.methods.tuning.tuned_files import CLASSES_FILE
from plmwidgets.models import as_model
from plmwidgets.models.adapter_files import CONFIG_FILE, read_adapter
from plmwidgets.models.adapters import adapted_network, check_base, share
from plmwidgets.models.checkpoint import first_line
from plmwidgets.models.huggingface import HuggingFaceMaskedLM
from plmwidgets.models.masked_lm import MaskedLM, ModelError
from plmwidgets.protein import Protein

AT_ONCE: Final = 32


class Classifier:
    """Tells classes of sequences, or of residues, apart; made by `fine_tune`.

    Parameters
    ----------
    base : HuggingFaceMaskedLM
        The model that was tuned; its tokenizer is used.
    network : torch.nn.Module
    task : {"sequence-classification", "token-classification"}
    classes : sequence of str or int

    Attributes
    ----------
    base, task, classes
        As above.
    """

    def __init__(
        self, base: HuggingFaceMaskedLM, network: Any, task: Task, classes: Sequence[Label]
    ) -> None:
        self.base = base
        self.task: Task = task
        self.classes = tuple(classes)
        self._network = network.eval()
        self._batches = batches_for(base, task, AT_ONCE, 0)

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.classes))
        return f"Classifier({self.base.name!r}, {self.task}: {names})"

    @torch.inference_mode()
    def predict(self, sequences: Iterable[Protein | str]) -> pd.DataFrame:
        """Return probabilities of the classes.

        Parameters
        ----------
        sequences : iterable of Protein or str

        Returns
        -------
        DataFrame
            One row a sequence, or one row a residue: ``sequence`` (its place in the list),
            ``name`` and, of residues, ``position`` (0-based) and ``label`` such as A25;
            ``predicted``, the most probable class; and a column of probabilities for each class,
            called ``p_<class>``.

        Raises
        ------
        TypeError, ValueError
            If they are no sequences that the model takes.
        """
        proteins = read_proteins(self.base, sequences, "sequences")
        whole = self.task == "sequence-classification"
        tables = []
        for start in range(0, len(proteins), AT_ONCE):
            some = proteins[start : start + AT_ONCE]
            logits = self._network(**self._batches.inputs(some)).logits
            p = torch.softmax(logits.float(), dim=-1).cpu().numpy()
            for index, protein in enumerate(some):
                first = self.base.tokens.prefix
                rows = p[index][None] if whole else p[index, first : first + len(protein)]
                table = pd.DataFrame(rows, columns=[f"p_{name}" for name in self.classes])
                table.insert(0, "predicted", [self.classes[i] for i in rows.argmax(axis=1)])
                if not whole:
                    table.insert(0, "label", list(protein.residue_labels))
                    table.insert(0, "position", range(len(protein)))
                table.insert(0, "name", protein.name)
                table.insert(0, "sequence", start + index)
                tables.append(table)
        return pd.concat(tables, ignore_index=True)


def load_classifier(model: MaskedLM | str, folder: str | os.PathLike[str]) -> Classifier:
    """Load a classifier that `fine_tune` trained and `FineTuning.save` wrote.

    Parameters
    ----------
    model : MaskedLM or str
        The one that was tuned. With LoRA its weights are shared; one that was trained in full has
        weights of its own, and takes the tokenizer.
    folder : path
        Only safetensors are read, no pickles.

    Raises
    ------
    ModelError
        If the files are missing or damaged, or belong to another model.
    ModuleNotFoundError
        If it was trained with LoRA and peft is not installed.
    """
    base = as_model(model)
    check_base(base)  # type: ignore[arg-type]
    assert isinstance(base, HuggingFaceMaskedLM)
    place = Path(folder).expanduser()
    if (place / CLASSES_FILE).is_file() and not (place / CONFIG_FILE).is_file():
        task, classes = _read_classes(place / CLASSES_FILE)
        return Classifier(base, read_classifier(base, place, task, classes), task, classes)
    adapter = read_adapter(folder)
    task, classes = _read_classes(place / CLASSES_FILE)
    network = with_head(base, share(base), task, classes)
    return Classifier(base, adapted_network(network, adapter), task, classes)


def _read_classes(path: Path) -> tuple[Task, tuple[Label, ...]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        task, classes = content["task"], content["classes"]
        if task not in TASKS[1:] or not all(isinstance(each, str | int) for each in classes):
            raise ValueError("it names no task or no classes")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(
            f"{path} does not tell the classes of a classifier ({first_line(error)}): give the "
            "folder that FineTuning.save wrote."
        ) from error
    return task, tuple(classes)
