"""Probes: small linear models on embeddings that stay as they are."""

import json
import os
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as tensor_bytes

from plmwidgets._files import fresh_file, path_ending, require_file
from plmwidgets._numbers import seed_number, whole_number
from plmwidgets._options import choice
from plmwidgets.methods.embeddings.result import Embeddings, require_embeddings
from plmwidgets.methods.tuning.examples import Label
from plmwidgets.methods.tuning.probe_labels import (
    Kind,
    Level,
    check_enough,
    class_codes,
    group_numbers,
    is_missing,
    kind_of,
    label_numbers,
    read_labels,
)
from plmwidgets.methods.tuning.probe_metrics import class_metrics, number_metrics
from plmwidgets.models.checkpoint import LOCAL_REVISION

Floats = NDArray[np.float64]

LEVELS: Final[tuple[Level, ...]] = get_args(Level)
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
MOST_ITERATIONS: Final = 2000
_FORMAT: Final = "plmwidgets probe 1"
_FACTS: Final = frozenset(
    ("level", "kind", "classes", "layer", "model", "identity", "regularisation", "folds", "metrics")
)


class Probe:
    """A linear model on embeddings, with what cross-validation says of it; made by `fit_probe`.

    A class has the probability softmax(W z + b), or a number is w z + b, where z is an embedding
    less `mean`, divided by `scale`.

    Parameters
    ----------
    weights : ndarray of float64, shape (K, d)
        A row a class; one row for two classes, of the second, and for numbers.
    intercepts : ndarray of float64, shape (K,)
    mean, scale : ndarray of float64, shape (d,)
        Of the embeddings that it was fitted on.
    facts : mapping
        What it is of: ``level``, ``kind``, ``classes``, ``layer``, ``model``, ``identity``,
        ``regularisation``, ``folds`` and ``metrics``.

    Attributes
    ----------
    weights, intercepts, mean, scale, facts
        As above.
    """

    def __init__(
        self, weights: Floats, intercepts: Floats, mean: Floats, scale: Floats, facts: Any
    ) -> None:
        self.weights = weights
        self.intercepts = intercepts
        self.mean = mean
        self.scale = scale
        self.facts: dict[str, Any] = dict(facts)

    def __repr__(self) -> str:
        metrics = self.metrics
        first = metrics.index[0]
        row = metrics.loc[first]
        return (
            f"Probe({self.level} {self.kind} on layer {self.facts['layer']} of "
            f"{self.facts['model']!r}: {first.replace('_', ' ')} {row['value']:.3f} "
            f"[{row['low']:.3f}, {row['high']:.3f}], baseline {row['baseline']:.3f})"
        )

    @property
    def level(self) -> Level:
        """Whether it tells of sequences or of residues."""
        level: Level = self.facts["level"]
        return level

    @property
    def kind(self) -> Kind:
        """Whether it tells classes apart or predicts a number."""
        kind: Kind = self.facts["kind"]
        return kind

    @property
    def classes(self) -> tuple[Label, ...]:
        """The classes, sorted; empty for numbers."""
        return tuple(self.facts["classes"])

    @property
    def metrics(self) -> pd.DataFrame:
        """What cross-validation found.

        Returns
        -------
        DataFrame, indexed by metric
            ``value``; ``low`` and ``high``, its 95 % interval (bootstrap over sequences, or over
            the groups given; training is not repeated, so that it is the interval of these
            predictions); and ``baseline``, of the commonest class or the mean alone. For classes
            ``accuracy``, ``balanced_accuracy`` (mean of the classes' recalls) and ``macro_f1``, 0
            to 1; for numbers ``r2`` (1 at best), ``rmse`` (their unit) and ``pearson`` (-1 to 1).
        """
        return pd.DataFrame(self.facts["metrics"]).T.rename_axis("metric")

    def predict(self, embeddings: Embeddings) -> pd.DataFrame:
        """Predict from embeddings of the same model and layer; waits for them.

        Returns
        -------
        DataFrame
            One row a sequence, or one row a residue: ``sequence`` (its number), ``name`` and, of
            residues, ``position`` (0-based) and ``label`` such as A25; ``predicted``; and for
            classes a column of probabilities each, called ``p_<class>``.

        Raises
        ------
        ValueError
            If they are of another model, or lack the layer or the residues.
        """
        require_embeddings("predict", embeddings)
        check_same(self.facts, embeddings)
        embeddings.wait(quiet=True)
        rows = _places(embeddings, self.level)
        features = np.concatenate(_features(embeddings, self.level, self.facts["layer"]))
        scores = ((features - self.mean) / self.scale) @ self.weights.T + self.intercepts
        if self.kind == "regression":
            return rows.assign(predicted=scores[:, 0])
        if len(self.classes) == 2:
            scores = np.column_stack([np.zeros(len(scores)), scores[:, 0]])
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        named = {f"p_{name}": p[:, k] for k, name in enumerate(self.classes)}
        found = [self.classes[k] for k in p.argmax(axis=1)]
        return pd.concat([rows.assign(predicted=found), pd.DataFrame(named)], axis=1)

    def save(self, path: str | os.PathLike[str], replace: bool = False) -> None:
        """Write it as one safetensors file, numbers and text; `load` reads it.

        Parameters
        ----------
        path : path
            Ends in ``.safetensors``.
        replace : bool
            Overwrite a file of that name.

        Raises
        ------
        FileExistsError
            If there is such a file, unless it is to be replaced.
        OSError
            If it cannot be written there.
        ValueError
            If the name does not end in ``.safetensors``.
        """
        target = path_ending(path, ".safetensors", "probes")
        arrays = {
            "weights": self.weights,
            "intercepts": self.intercepts,
            "mean": self.mean,
            "scale": self.scale,
        }
        content = {"format": _FORMAT, "facts": json.dumps(self.facts)}
        with fresh_file(target, replace) as fresh:
            fresh.write_bytes(tensor_bytes(arrays, metadata=content))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Probe":
        """Read a probe that `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is nothing at this path.
        ValueError
            If it is no such file.
        """
        place = Path(path).expanduser()
        require_file(place)
        try:
            with safe_open(place, framework="np") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != _FORMAT:
                    raise ValueError("it holds no probe")
                facts = json.loads(metadata["facts"])
                missing = sorted(_FACTS - facts.keys())
                if missing:
                    raise ValueError(f"it lacks {', '.join(missing)}")
                if not all(isinstance(text, str) for text in facts["identity"].values()):
                    raise ValueError("it does not say which model it is of")
                names = ("weights", "intercepts", "mean", "scale")
                weights, intercepts, mean, scale = (file.get_tensor(name) for name in names)
            probe = cls(weights, intercepts, mean, scale, facts)
            rows = (
                1 if probe.kind == "regression" or len(probe.classes) == 2 else len(probe.classes)
            )
            width = len(mean)
            if (
                weights.shape != (rows, width)
                or scale.shape != mean.shape
                or len(intercepts) != rows
            ):
                raise ValueError("its numbers do not fit together")
        except (
            *(OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError),
        ) as error:
            raise ValueError(
                f"{place} cannot be read as a probe ({error}): give a file that Probe.save wrote"
            ) from error
        return probe


def fit_probe(
    embeddings: Embeddings,
    labels: Sequence[Any],
    level: Level = "sequence",
    kind: Kind | None = None,
    *,
    layer: int | None = None,
    groups: Sequence[Any] | None = None,
    folds: int = 5,
    regularisation: float = 1.0,
    seed: int = 0,
) -> Probe:
    """Fit a linear model on embeddings, and measure it by cross-validation.

    Logistic regression for classes and ridge regression for numbers, on standardised embeddings
    (scikit-learn's, with the standardisation learnt in each fold anew). The metrics come from
    predictions for sequences that took no part in fitting: the residues of one sequence, or the
    sequences of one group, are always on one side. The probe returned is fitted on all.

    Parameters
    ----------
    embeddings : Embeddings
        Of n sequences, from `embed`; waited for.
    labels : sequence
        One for each sequence; or for residues, for each sequence a text or list with one a residue.
        Names and whole numbers are classes. None where there is none. A Series is read by the names
        of the sequences where it has names for its rows, not numbers.
    level : {"sequence", "residue"}
        Of sequences the means over their residues are used.
    kind : {None, "classification", "regression"}
        By default regression if all labels are numbers and one has a fraction.
    layer : int, optional
        One of those embedded; the last by default.
    groups : sequence, optional
        For each sequence what it belongs to, such as its family: a group is never divided. Give it
        where sequences are related: else metrics tell of close relatives, and equal sequences alone
        are kept together. So are those alone whose group is None or NaN, which is no group.
    folds : int
        Parts of the cross-validation, at least 2.
    regularisation : float
        Strength of the penalty on the squared weights: 1/C of scikit-learn's logistic regression,
        alpha of its ridge regression.
    seed : int
        Of the division, and of the bootstrap.

    Returns
    -------
    Probe

    Raises
    ------
    ModuleNotFoundError
        If scikit-learn is not installed.
    TypeError, ValueError
        If these are no embeddings, or the labels do not fit or are too few.

    Examples
    --------
    >>> found = embed(sequences, "demo", pooled=True)                    # doctest: +SKIP
    >>> probe = fit_probe(found, ["binds" if b else "none" for b in bound])    # doctest: +SKIP
    >>> probe.metrics                                                    # doctest: +SKIP
    """
    level = choice("level", level, LEVELS)
    kind = None if kind is None else choice("kind", kind, KINDS)
    number = isinstance(regularisation, Real) and not isinstance(regularisation, bool)
    if not number or not 0 < regularisation < float("inf"):
        raise ValueError(f"regularisation={regularisation!r}: it is a number above 0")
    parts, seed = whole_number("folds", folds, 2), seed_number(seed)
    require_embeddings("fit_probe", embeddings)
    embeddings.wait(quiet=True)
    layer = embeddings.layer_of(layer)
    features = _features(embeddings, level, layer)
    targets, owners = read_labels(embeddings, labels, level)
    owners = group_numbers(embeddings, groups)[owners]
    known = np.array([not is_missing(target) for target in targets], dtype=bool)
    x = np.concatenate(features)[known].astype(np.float64)
    kept = [target for target, is_known in zip(targets, known, strict=True) if is_known]
    owners = owners[known]
    kind = kind_of(kept) if kind is None else kind
    classes: tuple[Label, ...] = ()
    if kind == "classification":
        classes, y = class_codes(kept)
    else:
        y = label_numbers(kept)
    check_enough(y, owners, parts, classes)
    pipeline, splits = _scikit(kind, y, owners, parts, (float(regularisation), seed))
    predicted = np.empty(len(y))
    for train, test in splits:
        if classes and len(np.unique(y[train])) < len(classes):
            raise ValueError(
                "a class is in one fold alone: give more sequences of it, or fewer folds"
            )
        predicted[test] = pipeline.fit(x[train], y[train]).predict(x[test])
    if classes:
        metrics = class_metrics(y.astype(int), predicted.astype(int), owners, len(classes), seed)
    else:
        metrics = number_metrics(y, predicted, owners, seed)
    scaler, linear = pipeline.fit(x, y)
    facts = {
        "level": level,
        "kind": kind,
        "classes": list(classes),
        "layer": layer,
        "model": embeddings.provenance["model"],
        "identity": _weights_of(embeddings),
        "regularisation": float(regularisation),
        "folds": parts,
        "metrics": metrics,
    }
    return Probe(
        np.atleast_2d(linear.coef_),
        np.atleast_1d(linear.intercept_).astype(np.float64),
        scaler.mean_,
        scaler.scale_,
        facts,
    )


def check_same(facts: Mapping[str, Any], embeddings: Embeddings) -> None:
    """Raise `ValueError` if embeddings are of another model than a probe."""
    if _named(_weights_of(embeddings)) != _named(facts["identity"]):
        raise ValueError(
            f"the probe was fitted on embeddings of {facts['model']!r}, and these are of "
            f"{embeddings.provenance['model']!r}: embed with that model"
        )


def _weights_of(embeddings: Embeddings) -> dict[str, str]:
    names = ("checkpoint", "revision", "adapter")
    identity = embeddings.provenance["identity"]
    return {name: identity[name] for name in names if name in identity}


def _named(weights: Mapping[str, str]) -> dict[str, str]:
    """Return what tells weights from others: of a folder their hash, whatever it is called."""
    local = len(weights.get("revision", "")) == LOCAL_REVISION
    return {name: text for name, text in weights.items() if not (local and name == "checkpoint")}


def _features(embeddings: Embeddings, level: Level, layer: int) -> list[NDArray[np.float32]]:
    if level == "sequence":
        return [embeddings.pooled(layer)]
    return [embeddings.residues(index, layer) for index in range(len(embeddings))]


def _places(embeddings: Embeddings, level: Level) -> pd.DataFrame:
    """One row a sequence or residue: which it is."""
    proteins = embeddings.proteins
    if level == "sequence":
        return pd.DataFrame({"sequence": range(len(proteins)), "name": embeddings.names})
    lengths = [len(protein) for protein in proteins]
    return pd.DataFrame(
        {
            "sequence": np.repeat(np.arange(len(proteins)), lengths),
            "name": np.repeat(np.array(embeddings.names, dtype=object), lengths),
            "position": np.concatenate([np.arange(length) for length in lengths]),
            "label": [label for protein in proteins for label in protein.residue_labels],
        }
    )


def _scikit(
    kind: Kind, y: Floats, owners: NDArray[np.int64], folds: int, settings: tuple[float, int]
) -> tuple[Any, list[tuple[NDArray[np.int64], NDArray[np.int64]]]]:
    """Return scikit-learn's model, and the parts to fit and to predict."""
    try:
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.model_selection import GroupKFold, StratifiedGroupKFold
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "probes need scikit-learn, which is not installed: pip install 'plmwidgets[adapters]'"
        ) from error
    strength, seed = settings
    if kind == "classification":
        linear = LogisticRegression(C=1 / strength, max_iter=MOST_ITERATIONS)
        divide = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    else:
        linear = Ridge(alpha=strength)
        divide = GroupKFold(folds, shuffle=True, random_state=seed)
    return make_pipeline(StandardScaler(), linear), list(divide.split(y, y, owners))
