"""Embeddings in two dimensions, to look at."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets._numbers import seed_number, whole_number
from plmwidgets._options import choice
from plmwidgets.methods.embeddings.result import Embeddings, require_embeddings

METHODS: Final = ("pca", "umap")
NEIGHBORS: Final = 15
FEWEST: Final = {"pca": 2, "umap": 5}
"""Points; UMAP begins with eigenvectors of their graph, of which there must be enough."""

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Projection:
    """Embeddings of residues or of sequences in two dimensions.

    Attributes
    ----------
    coordinates : ndarray of float64, shape (n, 2)
        Of PCA in the units of the embeddings, from their mean. Those of UMAP have no unit: only who
        is near whom means anything.
    labels : tuple of str
        Of the n points: labels of residues such as ``A25``, or names of sequences.
    unit : str
        ``"residue"`` or ``"sequence"``.
    layer : int
    method : str
        ``"pca"`` or ``"umap"``.
    explained_variance : ndarray of float64, shape (2,), or None
        Share of the variance along each axis, 0 to 1; None of UMAP.
    provenance : dict
        Of the embeddings, and ``projection``: method, seed and neighbours.
    """

    coordinates: Points
    labels: tuple[str, ...]
    unit: str
    layer: int
    method: str
    explained_variance: Points | None
    provenance: dict[str, Any]

    def __repr__(self) -> str:
        return (
            f"Projection({self.method}, {len(self.labels):,} {self.unit}s, layer {self.layer}"
            f"{self._variance})"
        )

    @property
    def axes(self) -> tuple[str, str]:
        """What the two axes are, with the share of the variance."""
        if self.explained_variance is None:
            return "UMAP 1", "UMAP 2"
        first, second = (
            f"PC{k} ({share:.1%} of the variance)"
            for k, share in enumerate(self.explained_variance, start=1)
        )
        return first, second

    def to_pandas(self) -> pd.DataFrame:
        """Return a row a point, by its label: ``x`` and ``y``."""
        rows = pd.Index(np.array(self.labels, dtype=object), name=self.unit)
        return pd.DataFrame(self.coordinates, index=rows, columns=["x", "y"])

    @property
    def _variance(self) -> str:
        if self.explained_variance is None:
            return ""
        return f", {self.explained_variance.sum():.1%} of the variance"


def projection(
    embeddings: Embeddings,
    method: Literal["pca", "umap"] = "pca",
    *,
    which: int | str | None = None,
    layer: int | None = None,
    neighbors: int | None = None,
    seed: int = 0,
) -> Projection:
    """Project the embeddings of residues or of sequences onto two dimensions.

    Parameters
    ----------
    embeddings : Embeddings
    method : {"pca", "umap"}
        ``"pca"``: the two directions of largest variance, each with the sign that makes its largest
        component positive. ``"umap"`` (McInnes et al. 2018) keeps neighbours together; it needs
        ``plmwidgets[umap]``.
    which : int or str, optional
        The residues of this protein, by number or name. By default the sequences (means over their
        residues) where there are several, and the residues where there is one protein.
    layer : int, optional
        One of ``embeddings.layers``, the last of them by default.
    neighbors : int, optional
        UMAP: how many neighbours each point has; 15 by default, or all others if there are fewer.
    seed : int
        UMAP: of the random numbers; the same gives the same picture, on one thread.

    Returns
    -------
    Projection
        Of those that are computed by now.

    Raises
    ------
    ImportError
        If UMAP is asked for and not installed.
    IndexError, RuntimeError
        As `Embeddings.residues`.
    TypeError
        If these are no embeddings.
    ValueError
        If the method or an option is not known, or there are too few points.

    References
    ----------
    McInnes, L. et al. (2018). UMAP: uniform manifold approximation and projection. JOSS 3, 861.

    Examples
    --------
    >>> from plmwidgets import Protein, embed, projection
    >>> found = embed(Protein.demo(), "demo")
    >>> found.wait()
    >>> projection(found).coordinates.shape
    (64, 2)
    """
    method = choice("method", method, METHODS)
    if method == "pca" and neighbors is not None:
        raise ValueError("neighbors= is for method='umap'; PCA has none")
    require_embeddings("projection", embeddings)
    if which is None and len(embeddings) == 1:
        which = 0
    unit = "sequence" if which is None else "residue"
    table = embeddings.to_pandas(which, layer)
    if len(table) < FEWEST[method]:
        raise ValueError(
            f"{method.upper()} needs at least {FEWEST[method]} {unit}s, and {len(table)} "
            f"{'is' if len(table) == 1 else 'are'} there"
        )
    values = table.to_numpy(dtype=np.float64)
    options: dict[str, Any] = {"method": method}
    variance = None
    if method == "pca":
        coordinates, variance = principal_components(values)
    else:
        most = len(values) - 1
        count = (
            min(NEIGHBORS, most) if neighbors is None else whole_number("neighbors", neighbors, 2)
        )
        if count > most:
            raise ValueError(f"neighbors={count}: of {len(values)} {unit}s each has {most} others")
        seed = seed_number(seed)
        coordinates = _umap(values, count, seed)
        options |= {"neighbors": count, "seed": seed}
    return Projection(
        coordinates,
        tuple(map(str, table.index)),
        unit,
        embeddings.layer_of(layer),
        method,
        variance,
        {**embeddings.provenance, "projection": options},
    )


def principal_components(values: Points) -> tuple[Points, Points]:
    """Project onto the first two principal components.

    Parameters
    ----------
    values : ndarray of float64, shape (n, d)
        n and d from 2 up.

    Returns
    -------
    coordinates : ndarray of float64, shape (n, 2)
    variance : ndarray of float64, shape (2,)
        Share of the whole variance along each; 0 where there is none.
    """
    _, sizes, directions = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    first = directions[:2]
    largest = np.take_along_axis(first, np.abs(first).argmax(axis=1)[:, None], axis=1)
    coordinates = (values - values.mean(axis=0)) @ (first * np.sign(largest)).T
    shares = sizes**2 / max(float((sizes**2).sum()), np.finfo(np.float64).tiny)
    return coordinates, shares[:2]


def _umap(values: Points, neighbors: int, seed: int) -> Points:
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError(
            "method='umap' needs umap-learn: pip install 'plmwidgets[umap]', or use method='pca'"
        ) from error
    # One thread: a seed fixes the picture on that alone, as UMAP would warn otherwise.
    model = UMAP(n_neighbors=neighbors, random_state=seed, n_jobs=1)
    return np.asarray(model.fit_transform(values), np.float64)
