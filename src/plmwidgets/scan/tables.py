"""Results as pandas tables, figures and xarray datasets."""

import json
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets import metrics
from plmwidgets._numbers import whole_number
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.map_styles import METRICS
from plmwidgets.protein import Protein
from plmwidgets.scan.origin import Origin

if TYPE_CHECKING:
    import xarray

    from plmwidgets.scan.pair import PairScan
    from plmwidgets.scan.single import SingleScan

PAIR_COLUMNS: Final = (
    "position_i",
    "position_j",
    "amino_acid_i",
    "amino_acid_j",
    "most_probable_i_i",
    "most_probable_i_ij",
    "most_probable_j_j",
    "most_probable_j_ij",
    "perplex_i_i",
    "perplex_i_ij",
    "perplex_j_j",
    "perplex_j_ij",
    "js_div_i",
    "js_div_j",
    "js_div_avg",
    "js_dist_i",
    "js_dist_j",
    "js_dist_avg",
    "origin",
)
"""Columns of the table of pairs: one row an ordered pair."""

# Paired residue prediction dependencies in ESM2 (Arcadia Science, 2025), its 15 columns in its
# order, and the column of ours that holds what it published under that name: its "js_div" is the
# value of scipy.spatial.distance.jensenshannon, which is the distance.
ARCADIA_COLUMNS: Final = {
    "position_i": "position_i",
    "position_j": "position_j",
    "amino_acid_i": "amino_acid_i",
    "most_probable_i_i": "most_probable_i_i",
    "most_probable_i_ij": "most_probable_i_ij",
    "amino_acid_j": "amino_acid_j",
    "most_probable_j_j": "most_probable_j_j",
    "most_probable_j_ij": "most_probable_j_ij",
    "perplex_i_i": "perplex_i_i",
    "perplex_i_ij": "perplex_i_ij",
    "perplex_j_j": "perplex_j_j",
    "perplex_j_ij": "perplex_j_ij",
    "js_div_i": "js_dist_i",
    "js_div_j": "js_dist_j",
    "js_div_avg": "js_dist_avg",
}

_UNITS: Final = {
    "js_div": "bits",
    "js_div_avg": "bits",
    "entropy_change": "bits",
    "kl_forward": "bits",
    "kl_reverse": "bits",
    "pmi": "nats",
    "order_residual": "nats",
}


def probability_table(
    protein: Protein, log_probabilities: NDArray[np.floating[Any]]
) -> pd.DataFrame:
    """Return p(i|M) as a labelled table, (L, 20): a row a residue, a column an amino acid."""
    return pd.DataFrame(
        np.exp(log_probabilities.astype(np.float64)),
        index=pd.Index(protein.residue_labels, name="residue"),
        columns=pd.Index(list(AMINO_ACIDS), name="amino_acid"),
    )


def pair_frame(protein: Protein, values: NDArray[np.float64]) -> pd.DataFrame:
    """Label numbers over pairs, (L, L): row, the residue affected; column, the one hidden too."""
    labels = list(protein.residue_labels)
    return pd.DataFrame(
        values,
        index=pd.Index(labels, name="residue_i"),
        columns=pd.Index(labels, name="residue_j"),
    )


def letters(columns: NDArray[np.int64]) -> NDArray[np.object_]:
    """One-letter codes of amino-acid columns, any shape."""
    return np.array(list(AMINO_ACIDS), dtype=object)[columns]


def pair_table(scan: "PairScan") -> pd.DataFrame:
    """Tabulate the ordered pairs that are computed, by position_i, then position_j."""
    if scan.single is None:
        return pd.DataFrame({column: [] for column in PAIR_COLUMNS})
    single = scan.single
    origin = scan.origin.copy()  # first: what turns exact meanwhile may pass for estimated
    i, j = np.nonzero(origin)
    sequence = np.array(list(scan.protein.sequence), dtype=object)
    alone = letters(single.log_probabilities.argmax(axis=-1))
    both = letters(scan.log_probabilities.argmax(axis=-1))
    perplexity = metrics.perplexity(scan.log_probabilities)
    values: dict[str, Any] = {
        "position_i": i,
        "position_j": j,
        "amino_acid_i": sequence[i],
        "amino_acid_j": sequence[j],
        "most_probable_i_i": alone[i],
        "most_probable_i_ij": both[i, j],
        "most_probable_j_j": alone[j],
        "most_probable_j_ij": both[j, i],
        "perplex_i_i": single.perplexity[i],
        "perplex_i_ij": perplexity[i, j],
        "perplex_j_j": single.perplexity[j],
        "perplex_j_ij": perplexity[j, i],
    }
    for name in ("js_div", "js_dist"):
        directed = scan.values(name)
        values[f"{name}_i"] = directed[i, j]
        values[f"{name}_j"] = directed[j, i]
        values[f"{name}_avg"] = scan.values(f"{name}_avg")[i, j]
    values["origin"] = np.where(origin[i, j] == Origin.EXACT, "exact", "estimated")
    return pd.DataFrame(values, columns=list(PAIR_COLUMNS))


def arcadia_table(table: pd.DataFrame) -> pd.DataFrame:
    """Rename a table of pairs to the published columns, which call the distance js_div."""
    published = table[list(ARCADIA_COLUMNS.values())]
    return published.set_axis(list(ARCADIA_COLUMNS), axis=1)


def pair_summary(scan: "PairScan") -> "pd.Series[Any]":
    """Collect what `PairScan.summary` describes."""
    change = scan.values("perplexity_change")
    shift = metrics.max_perplexity_shift(change)
    swaps = metrics.argmax_change_positions(scan.values("argmax_change"))
    figures: dict[str, Any] = {
        "pairs_computed": scan.pairs_computed,
        "pairs_estimated": scan.pairs_estimated,
        "pairs_total": scan.pairs_total,
    }
    if scan.single is not None:
        figures.update({str(name): value for name, value in scan.single.summary().items()})
    figures["mean_perplexity_change"] = _mean(change)
    figures["mean_max_perplexity_shift"] = _mean(shift)
    figures["argmax_change_positions"] = len(swaps)
    figures["argmax_change_share"] = len(swaps) / len(scan.protein)
    if scan.protein.structure is not None:
        scores, contacts = scan.values("js_dist_avg"), scan.protein.contact_map()
        for name, divisor in (("L", 1), ("L/2", 2), ("L/5", 5)):
            figures[f"contact_precision_{name}"] = metrics.contact_precision(
                scores, contacts, min_separation=6, top=max(1, len(scan.protein) // divisor)
            )
    return pd.Series(figures, dtype=object, name=scan.protein.name)


def contact_scores(scan: "PairScan", metric: str) -> NDArray[np.float64]:
    """Compute what `PairScan.contacts` describes, (L, L)."""
    if metric == "order_residual":
        raise ValueError(
            "the order_residual of (j, i) is minus that of (i, j): it tells no contact"
        )
    values = scan.values(metric)
    mean: NDArray[np.float64] = 0.5 * (values + values.T)
    return metrics.apc(mean) if METRICS[metric][2] == "sequential" else mean


def top_pairs(scan: "PairScan", n: int, metric: str) -> pd.DataFrame:
    """Tabulate what `PairScan.top_pairs` describes."""
    n = whole_number("n", n)
    values = scan.values(metric)
    if metric in metrics.SYMMETRIC_METRICS:
        values[np.tril_indices(len(values))] = np.nan
    i, j = np.nonzero(~np.isnan(values))
    order = np.argsort(-values[i, j], kind="stable")[:n]
    i, j = i[order], j[order]
    labels = np.array(list(scan.protein.residue_labels), dtype=object)
    table = pd.DataFrame(
        {
            "position_i": i,
            "position_j": j,
            "label_i": labels[i],
            "label_j": labels[j],
            metric: values[i, j],
        }
    )
    if scan.protein.structure is not None:
        table["distance"] = scan.protein.distance_map()[i, j]
        table["contact"] = scan.protein.contact_map()[i, j]
    return table


def single_dataset(scan: "SingleScan") -> "xarray.Dataset":
    """Label the arrays of a single scan."""
    residue = ("residue",)
    return _xarray().Dataset(
        {
            "log_probability": (("residue", "amino_acid"), scan.log_probabilities),
            "probability": (("residue", "amino_acid"), scan.probabilities),
            "perplexity": (residue, scan.perplexity),
            "entropy": (residue, scan.entropy, {"units": "bits"}),
        },
        coords={
            "residue": list(scan.protein.residue_labels),
            "amino_acid": list(AMINO_ACIDS),
            "position": (residue, np.arange(len(scan))),
        },
        attrs=_attributes(scan),
    )


def pair_dataset(scan: "PairScan") -> "xarray.Dataset":
    """Label the arrays of a pair scan and all its matrices."""
    pair = ("residue_i", "residue_j")
    labels = list(scan.protein.residue_labels)
    data: dict[str, Any] = {
        name: (pair, scan.values(name), {"units": _UNITS.get(name, "1")})
        for name in metrics.PAIR_METRICS
    }
    data["origin"] = (pair, scan.origin, {"meaning": "0 missing, 1 estimated, 2 exact"})
    data["log_probability"] = ((*pair, "amino_acid"), scan.log_probabilities)
    if scan.single is not None:
        alone = scan.single.log_probabilities
        data["single_log_probability"] = (("residue_i", "amino_acid"), alone)
    return _xarray().Dataset(
        data,
        coords={"residue_i": labels, "residue_j": labels, "amino_acid": list(AMINO_ACIDS)},
        attrs=_attributes(scan),
    )


def _attributes(scan: "SingleScan | PairScan") -> dict[str, str]:
    # Text only: netCDF files cannot hold nested attributes.
    return {
        "name": scan.protein.name,
        "sequence": scan.protein.sequence,
        "provenance": json.dumps(scan.provenance, default=str),
    }


def _mean(values: NDArray[np.float64]) -> float:
    present = values[~np.isnan(values)]
    return float(present.mean()) if len(present) else float("nan")


def _xarray() -> ModuleType:
    try:
        import xarray
    except ImportError as error:
        raise ImportError(
            "to_xarray needs xarray, which is not installed: pip install 'plmwidgets[xarray]'"
        ) from error
    module: ModuleType = xarray
    return module
