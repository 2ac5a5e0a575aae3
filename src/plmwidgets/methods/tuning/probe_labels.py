"""Labels for a probe: read, checked in plain words, and put in one row."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets._labels import by_name
from plmwidgets._numbers import as_whole
from plmwidgets.methods.embeddings.result import Embeddings
from plmwidgets.methods.tuning.examples import Label

Level = Literal["sequence", "residue"]
Kind = Literal["classification", "regression"]
Floats = NDArray[np.float64]


def read_labels(
    embeddings: Embeddings, labels: Sequence[Any], level: Level
) -> tuple[list[Any], NDArray[np.int64]]:
    """Return labels in one row, and the number of the sequence that each is of."""
    given = _one_for_each(embeddings, labels, "labels")
    if level == "sequence":
        return given, np.arange(len(given))
    flat: list[Any] = []
    for index, (protein, each) in enumerate(zip(embeddings.proteins, given, strict=True)):
        if each is not None and not hasattr(each, "__len__"):
            raise TypeError(
                f"labels[{index}] is {each!r}: for residues, give each sequence a text or list "
                "with one label a residue, or None"
            )
        if each is not None and len(each) != len(protein):
            raise ValueError(
                f"labels[{index}] has {len(each)} labels, and its sequence {len(protein)} "
                "residues: give one a residue, None where there is none"
            )
        flat += [None] * len(protein) if each is None else list(each)
    return flat, np.repeat(np.arange(len(given)), [len(p) for p in embeddings.proteins])


def group_numbers(embeddings: Embeddings, groups: Sequence[Any] | None) -> NDArray[np.int64]:
    """Return what each sequence is never divided from, by number.

    What has no group is one by itself, with its twins: of those, one would tell of the other.
    """
    count = len(embeddings)
    given = [None] * count if groups is None else _one_for_each(embeddings, groups, "groups")
    sequences = [protein.sequence for protein in embeddings.proteins]
    pairs = list(zip(sequences, given, strict=True))
    named = {sequence: f"group {group}" for sequence, group in pairs if not is_missing(group)}
    owners = [
        named.get(sequence, sequence) if is_missing(group) else f"group {group}"
        for sequence, group in pairs
    ]
    return pd.factorize(np.array(owners, dtype=object))[0].astype(np.int64)


def _one_for_each(embeddings: Embeddings, values: Any, what: str) -> list[Any]:
    if not isinstance(values, Iterable) or isinstance(values, Mapping | set | pd.DataFrame):
        raise TypeError(
            f"{what} are a list with one for each sequence, in their order, not "
            f"{type(values).__name__}"
        )
    given = list(by_name(values, embeddings.names, f"the Series of {what}"))
    if len(given) != len(embeddings):
        raise ValueError(f"{what} are {len(given)}, and there are {len(embeddings)} sequences")
    return given


def kind_of(targets: Sequence[Any]) -> Kind:
    """Return what labels are for: regression if all are numbers and one has a fraction."""
    numbers = all(isinstance(each, int | float | np.number) for each in targets)
    fraction = numbers and any(not float(each).is_integer() for each in targets)
    return "regression" if fraction else "classification"


def class_codes(targets: Sequence[Any]) -> tuple[tuple[Label, ...], Floats]:
    """Return the classes, sorted, and the number of each label among them."""
    plain = [_class_of(each) for each in targets]
    classes = sorted(set(plain), key=lambda each: (isinstance(each, str), each))
    code = {label: number for number, label in enumerate(classes)}
    return tuple(classes), np.array([code[each] for each in plain], dtype=np.float64)


def _class_of(target: Any) -> Label:
    if isinstance(target, str):
        return str(target)
    number = int(target) if isinstance(target, bool | np.bool_) else as_whole(target)
    if number is None:
        raise ValueError(
            f"{target!r} is no class: classes are names or whole numbers, and None where there is "
            "none"
        )
    return number


def label_numbers(targets: Sequence[Any]) -> Floats:
    """Return labels as finite numbers."""
    try:
        values = np.array([float(each) for each in targets])
    except (TypeError, ValueError) as error:
        raise ValueError(f"labels for regression are numbers: {error}") from error
    if not np.isfinite(values).all():
        raise ValueError("labels for regression are finite numbers; None where there is none")
    return values


def check_enough(
    y: Floats, owners: NDArray[np.int64], folds: int, classes: tuple[Label, ...]
) -> None:
    """Raise `ValueError`, saying why, if labels are too few to be divided."""
    units = len(np.unique(owners))
    if units < folds:
        raise ValueError(
            f"{folds} folds need as many sequences or groups with labels, and there are {units}"
        )
    if len(np.unique(y)) < 2:
        raise ValueError(
            f"all labels are the same ({classes[0]!r})" if classes else "all labels are the same"
        )
    if classes and np.bincount(y.astype(int)).max() < folds:
        raise ValueError(
            f"no class has {folds} labels, one for each fold: give more sequences, fewer folds, or "
            "kind='regression' for numbers"
        )


def is_missing(target: Any) -> bool:
    """Whether there is none: None, NaN, or pandas' NA or NaT."""
    nothing = target is None or target is pd.NA or target is pd.NaT
    return nothing or (isinstance(target, float | np.floating) and bool(np.isnan(target)))
