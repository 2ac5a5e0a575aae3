"""How distributions over the amino acids differ: the ground floor of the package.

Pure numpy on natural-log probabilities, computed in float64 whatever the precision of the input.
Every function takes arrays whose last axis is the twenty amino acids (any alphabet works) and
whose other axes broadcast. A log-probability of ``-inf`` is a probability of zero, with
0·log 0 = 0; a NaN anywhere in a distribution gives NaN. Information is in bits, log-ratios of
single residues (``pmi``, ``order_residual``) are in nats. *Divergence* and *distance* are never
mixed: the distance is the square root of the divergence.

What is made of such numbers over pairs of residues (`apc`, `contact_precision`) takes (L, L).
"""

from plmwidgets.metrics.contacts import (
    AUC_SHARES,
    MIN_SEPARATION,
    SEPARATIONS,
    Ranking,
    contact_precision,
    pairs_between,
    rank_pairs,
    rank_scores,
    share_of,
    symmetrised,
)
from plmwidgets.metrics.distributions import (
    entropy,
    js_distance,
    js_divergence,
    kl_divergence,
    perplexity,
)
from plmwidgets.metrics.pairs import (
    DIRECTED_METRICS,
    PAIR_METRICS,
    SYMMETRIC_METRICS,
    apc,
    argmax_change_positions,
    check_pair_metric,
    max_perplexity_shift,
    pair_matrix,
    pair_values,
    pseudo_log_likelihood,
    pseudo_perplexity,
    reconstruction_accuracy,
    separation_zscore,
)

__all__ = [
    "AUC_SHARES",
    "DIRECTED_METRICS",
    "MIN_SEPARATION",
    "PAIR_METRICS",
    "SEPARATIONS",
    "SYMMETRIC_METRICS",
    "Ranking",
    "apc",
    "argmax_change_positions",
    "check_pair_metric",
    "contact_precision",
    "entropy",
    "js_distance",
    "js_divergence",
    "kl_divergence",
    "max_perplexity_shift",
    "pair_matrix",
    "pair_values",
    "pairs_between",
    "perplexity",
    "pseudo_log_likelihood",
    "pseudo_perplexity",
    "rank_pairs",
    "rank_scores",
    "reconstruction_accuracy",
    "separation_zscore",
    "share_of",
    "symmetrised",
]
