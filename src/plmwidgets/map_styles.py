"""How maps over pairs of residues are called and coloured, in views and figures alike."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

# name: (label, unit, kind of colour scale)
METRICS: Final = {
    "js_dist_avg": ("JS distance (mean)", "", "sequential"),
    "js_dist": ("JS distance (directed)", "", "sequential"),
    "js_div_avg": ("JS divergence (mean)", "bits", "sequential"),
    "js_div": ("JS divergence (directed)", "bits", "sequential"),
    "perplexity_change": ("Perplexity change", "", "diverging"),
    "entropy_change": ("Entropy change", "bits", "diverging"),
    "pmi": ("Information on the wild type", "nats", "diverging"),
    "kl_forward": ("KL, forward", "bits", "sequential"),
    "kl_reverse": ("KL, reverse", "bits", "sequential"),
    "argmax_change": ("Most probable residue changes", "", "binary"),
    "order_residual": ("Order residual", "nats", "diverging"),
}
STRUCTURE: Final = {
    "contacts": ("Contacts, CB < 8 Å", "", "binary"),
    "inverse_ca_distance": ("Inverse CA distance", "1/Å", "sequential"),
    "distance": ("CB distance", "Å", "distance"),
}


def robust_limits(values: NDArray[np.float64], kind: str) -> tuple[float, float]:
    """Return ends of a colour scale that a few extreme cells do not spoil.

    Parameters
    ----------
    values : ndarray
        NaN is left out.
    kind : str
        ``"sequential"`` starts at 0; ``"diverging"`` is symmetric about 0; both end at the 99.5th
        percentile of the size. ``"binary"`` is 0 to 1, ``"distance"`` 0 to 30 Å.
    """
    if kind == "binary":
        return 0.0, 1.0
    if kind == "distance":
        return 0.0, 30.0
    known = np.abs(values[np.isfinite(values)])
    top = float(np.quantile(known, 0.995)) if known.size else 1.0
    top = max(top, 1e-6)
    return (-top, top) if kind == "diverging" else (0.0, top)
