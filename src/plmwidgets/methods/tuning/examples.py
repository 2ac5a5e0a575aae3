"""What a network is trained on: sequences as tokens, with a target for each or for each residue."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from plmwidgets.methods.corruption.corruption import Corruption, corrupt
from plmwidgets.models.huggingface import HuggingFaceMaskedLM
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.models.tokens import ResidueTokenizer
from plmwidgets.protein import Protein, as_protein

Ints = NDArray[np.int64]
Label = str | int
Labels = Sequence[Label] | Sequence[str | Sequence[Label | None]]
Task = Literal["masked-lm", "sequence-classification", "token-classification"]

TASKS: Final[tuple[Task, ...]] = get_args(Task)
NO_TARGET: Final = -100
"""Where there is nothing to learn; torch's cross entropy leaves it out."""
MOST_ATTEMPTS: Final = 100
_ORDER, _MASKS, _EVALUATION = range(3)


@dataclass(frozen=True, eq=False)
class Examples:
    """Sequences, and what is to be learnt of each.

    Attributes
    ----------
    proteins : list of Protein
    targets : list of ndarray of int64, or None
        Codes of classes: for each residue, or one for each sequence, shape (1,); None where the
        residues themselves are to be learnt.
    """

    proteins: list[Protein]
    targets: list[Ints] | None = None

    def __len__(self) -> int:
        return len(self.proteins)


class Batches:
    """Makes batches of examples: which ones and what is masked depend on the seed and step alone.

    So a training that goes on where another stopped sees what that one would have seen.

    Parameters
    ----------
    task : {"masked-lm", "sequence-classification", "token-classification"}
    tokens : ResidueTokenizer
    padding : int
        The token that fills up shorter sequences.
    size : int
        Sequences in a batch.
    seed : int
    device : torch.device
    """

    def __init__(
        self,
        task: Task,
        tokens: ResidueTokenizer,
        *,
        padding: int,
        size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.task = task
        self.size = size
        self._tokens = tokens
        self._padding = padding
        self._seed = seed
        self._device = device

    def of_step(self, examples: Examples, step: int) -> dict[str, torch.Tensor]:
        """Return the batch of a step, counted from 0; each epoch has an order of its own."""
        steps = -(-len(examples) // self.size)
        epoch, place = divmod(step, steps)
        order = np.random.default_rng([self._seed, _ORDER, epoch]).permutation(len(examples))
        chosen = order[place * self.size : (place + 1) * self.size]
        return self._batch(examples, chosen.tolist(), (_MASKS, step))

    def for_evaluation(self, examples: Examples) -> Iterator[dict[str, torch.Tensor]]:
        """Yield batches of all examples, the same at each call."""
        for start in range(0, len(examples), self.size):
            chosen = range(start, min(start + self.size, len(examples)))
            yield self._batch(examples, list(chosen), (_EVALUATION, start))

    def inputs(self, proteins: Sequence[Protein]) -> dict[str, torch.Tensor]:
        """Return proteins as a network takes them."""
        rows = [self._tokens.encode([Context(p.sequence)])[0] for p in proteins]
        return self._padded(rows)

    def _batch(
        self, examples: Examples, chosen: list[int], seeds: tuple[int, int]
    ) -> dict[str, torch.Tensor]:
        rows, labels = [], []
        proteins = [examples.proteins[index] for index in chosen]
        if self.task == "masked-lm":
            for corruption in self._corruptions(proteins, seeds):
                sequence = corruption.protein.sequence
                rows.append(self._tokens.encode([corruption.context])[0])
                truth = self._tokens.encode([Context(sequence)])[0]
                labels.append(self._framed(np.full(len(sequence), NO_TARGET)))
                places = corruption.chosen + self._tokens.prefix
                labels[-1][places] = truth[places]
        else:
            assert examples.targets is not None
            targets = [examples.targets[index] for index in chosen]
            if self.task == "sequence-classification":
                whole = torch.from_numpy(np.concatenate(targets)).to(self._device)
                return {**self.inputs(proteins), "labels": whole}
            rows = [self._tokens.encode([Context(p.sequence)])[0] for p in proteins]
            labels = [self._framed(target) for target in targets]
        padded = self._padded(rows)
        longest = padded["input_ids"].shape[1]
        table = np.full((len(rows), longest), NO_TARGET, dtype=np.int64)
        for line, label in zip(table, labels, strict=True):
            line[: len(label)] = label
        return {**padded, "labels": torch.from_numpy(table).to(self._device)}

    def _corruptions(self, proteins: list[Protein], seeds: tuple[int, int]) -> list[Corruption]:
        """Corrupt each protein; of a few short ones again, should nothing have been chosen."""
        for attempt in range(MOST_ATTEMPTS):
            entropy = np.random.SeedSequence([self._seed, *seeds, attempt])
            drawn = entropy.generate_state(len(proteins)).tolist()
            found = [corrupt(p, seed=seed) for p, seed in zip(proteins, drawn, strict=True)]
            if any(len(corruption.chosen) for corruption in found):
                return found
        raise ValueError(
            f"nothing was chosen to be learnt in {', '.join(p.name for p in proteins[:3])}: give "
            "longer sequences, of the twenty amino acids"
        )

    def _padded(self, rows: Sequence[Ints]) -> dict[str, torch.Tensor]:
        longest = max(map(len, rows))
        ids = np.full((len(rows), longest), self._padding, dtype=np.int64)
        there = np.zeros((len(rows), longest), dtype=np.int64)
        for line, seen, row in zip(ids, there, rows, strict=True):
            line[: len(row)], seen[: len(row)] = row, 1
        return {
            "input_ids": torch.from_numpy(ids).to(self._device),
            "attention_mask": torch.from_numpy(there).to(self._device),
        }

    def _framed(self, target: Ints) -> Ints:
        """Add special tokens, of which there is nothing to learn."""
        sides = (self._tokens.prefix, self._tokens.suffix)
        return np.pad(target, sides, constant_values=NO_TARGET)


def batches_for(model: HuggingFaceMaskedLM, task: Task, size: int, seed: int) -> Batches:
    """Return what makes batches for a model's networks.

    Raises
    ------
    ModelError
        If its tokenizer has no token to fill up with.
    """
    padding = model.tokenizer.pad_token_id
    if padding is None:
        raise ModelError(f"{model.name} cannot be trained: its tokenizer has no padding token.")
    return Batches(
        task, model.tokens, padding=int(padding), size=size, seed=seed, device=model.device
    )


def read_proteins(
    model: HuggingFaceMaskedLM, sequences: Iterable[Protein | str], what: str
) -> list[Protein]:
    """Return sequences as proteins that a model can take.

    Raises
    ------
    TypeError
        If it is a single sequence, or holds something else.
    ValueError
        If there is none, or one is not a sequence or not for this model, saying which.
    """
    if isinstance(sequences, str | Protein):
        raise TypeError(f"{what} is a list of sequences, not one: write [...] around it")
    check_list(sequences, what)
    proteins: list[Protein] = []
    for index, given in enumerate(sequences):
        try:
            protein = as_protein(given)
            model.check_sequence(protein.sequence)
        except (TypeError, ValueError, ModelError) as error:
            raise ValueError(f"{what}[{index}] cannot be used: {error}") from error
        proteins.append(protein)
    if not proteins:
        raise ValueError(f"{what} is empty: give at least one sequence")
    return proteins


def check_list(values: object, what: str) -> None:
    """Raise `TypeError` unless something counts through its items, in an order.

    A table or dict counts through its names, and a set in an order that is nobody's.
    """
    unordered = isinstance(values, Mapping | set | frozenset | pd.DataFrame)
    if (
        unordered
        or not isinstance(values, Iterable)
        or (isinstance(values, np.ndarray) and not values.ndim)
    ):
        raise TypeError(
            f"{what} is a list, not {type(values).__name__}: give one such as "
            "list(named.values()) or table['sequence']"
        )


def read_classes(labels: Any, task: Task) -> tuple[Label, ...]:
    """Return the classes among labels, sorted.

    Raises
    ------
    ValueError
        If there are fewer than two, or labels are no names and no whole numbers.
    """
    found: set[Label] = set()
    check_list(labels, "labels")
    for index, label in enumerate(labels):
        if task == "token-classification" and not hasattr(label, "__len__"):
            raise ValueError(
                f"labels[{index}] is {label!r}: give each sequence a text or list with one label a "
                "residue, None where there is none"
            )
        for each in [label] if task == "sequence-classification" else label:
            if isinstance(each, bool | float) or not isinstance(each, str | int | np.integer):
                if each is None and task == "token-classification":
                    continue
                raise ValueError(
                    f"{each!r} is no label: classes are names or whole numbers"
                    + (", and None where a residue has none" if task != TASKS[1] else "")
                )
            found.add(each if isinstance(each, str) else int(each))
    if len(found) < 2:
        raise ValueError(f"labels name {len(found)} class: there are two or more to tell apart")
    return tuple(sorted(found, key=lambda each: (isinstance(each, str), each)))


def read_targets(
    proteins: Sequence[Protein], labels: Any, classes: Sequence[Label], task: Task, what: str
) -> list[Ints]:
    """Return labels as codes of classes.

    Raises
    ------
    ValueError
        If they are not as many as the sequences, or of each as many as residues, or a class is
        unknown.
    """
    code = {label: number for number, label in enumerate(classes)}
    check_list(labels, what)
    given = list(labels)
    if len(given) != len(proteins):
        raise ValueError(f"{what} are {len(given)}, and there are {len(proteins)} sequences")
    targets = []
    for index, (protein, label) in enumerate(zip(proteins, given, strict=True)):
        whole = task == "sequence-classification" or not hasattr(label, "__len__")
        each = [label] if whole else list(label)
        if task == "token-classification" and len(each) != len(protein):
            raise ValueError(
                f"{what}[{index}] has {len(each)} labels, and its sequence {len(protein)} "
                "residues: give one a residue, None where there is none"
            )
        unknown = [one for one in each if one is not None and one not in classes]
        if unknown:
            raise ValueError(f"{what}[{index}] is {unknown[0]!r}, which is no class of labels")
        targets.append(np.array([NO_TARGET if o is None else code[o] for o in each], np.int64))
    return targets
