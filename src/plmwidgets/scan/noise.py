"""What the arithmetic of a scan can tell from nothing."""

from collections.abc import Sequence

import numpy as np

from plmwidgets import metrics
from plmwidgets.models.masked_lm import Context, ModelError
from plmwidgets.service import ModelService, Priority


def noise_floor(
    service: ModelService,
    sequence: str,
    precision: str | None,
    positions: Sequence[int] | None,
    pairs: int,
) -> float:
    """Return the 95th percentile of js_dist between a precision and double precision.

    Parameters
    ----------
    service : ModelService
    sequence : str
    precision : str or None
        That of the scan.
    positions : sequence of int or None
        Those that are scanned; all by default.
    pairs : int
        How many random pairs to compare; one distribution at each of their positions.

    Raises
    ------
    ModelError
        If the model does not compute in double precision.
    """
    if pairs < 1:
        raise ValueError(f"the noise floor needs at least one pair, not {pairs}")
    if service.model.identity.dtype == "float64":
        return 0.0
    if "precision" not in service.model.capabilities:
        raise ModelError(
            f"the noise of {service.model.name} cannot be measured: only models of ESM's and "
            "ESM C's kind can be computed in double precision here."
        )
    random = np.random.default_rng(0)
    among = np.arange(len(sequence)) if positions is None else np.array(positions)
    hidden = np.stack([np.sort(random.choice(among, 2, replace=False)) for _ in range(pairs)])
    contexts = [Context(sequence, (int(i), int(j))) for i, j in hidden]
    rough = service.submit(contexts, hidden, precision=precision).result()
    # At once: for each batch, all weights would be turned into double precision.
    steps = service.model.log_probability_steps(contexts, hidden, "double")  # type: ignore[attr-defined]
    fine = service.submit_steps(steps, priority=Priority.VISIBLE).result()
    return float(np.quantile(metrics.js_distance(rough, fine), 0.95))
