"""What a scan has computed already, so that no pass is spent on it again."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plmwidgets.models.masked_lm import MaskedLM, chosen_precision
from plmwidgets.protein import Protein
from plmwidgets.scan.origin import Origin
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.single import SingleScan

Scan = SingleScan | PairScan


class Known:
    """The exact distributions of a scan, looked up by what is hidden.

    Parameters
    ----------
    protein : Protein
    model : MaskedLM or None
    scan : SingleScan, PairScan or None
        With None nothing is known.

    Attributes
    ----------
    provenance : dict
        Where the numbers of the scan come from; empty without one.

    Raises
    ------
    TypeError
        If it is no scan.
    ValueError
        If the scan is of another sequence, or of another model.
    """

    def __init__(self, protein: Protein, model: MaskedLM | None, scan: Scan | None) -> None:
        if scan is not None and not isinstance(scan, SingleScan | PairScan):
            raise TypeError(f"scan= takes a SingleScan or a PairScan, not {type(scan).__name__}")
        if scan is not None:
            check_origin("scan", scan.protein, scan.provenance, protein, model)
        self._pairs = scan if isinstance(scan, PairScan) else None
        self._single = scan.single if isinstance(scan, PairScan) else scan
        self.provenance: dict[str, Any] = {} if scan is None else dict(scan.provenance)

    @property
    def precision(self) -> str | None:
        """In which the scan was computed; None where it does not say."""
        stated: str | None = self.provenance.get("identity", {}).get("precision")
        return stated

    @property
    def singles(self) -> NDArray[np.floating[Any]] | None:
        """Log p(i|{i}), shape (L, 20); None where not computed."""
        return None if self._single is None else self._single.log_probabilities

    def rows(self, masked: tuple[int, ...]) -> NDArray[np.floating[Any]] | None:
        """Return log p at each of the hidden positions, shape (k, 20); None where not known.

        What a superposed scan has estimated does not count as known.
        """
        if len(masked) == 1:
            return None if self.singles is None else self.singles[list(masked)]
        if len(masked) == 2 and self._pairs is not None:
            i, j = masked
            if self._pairs.origin[i, j] == Origin.EXACT:
                both: NDArray[np.floating[Any]] = self._pairs.log_probabilities[[i, j], [j, i]]
                return both
        return None


def check_origin(
    what: str,
    of: Protein,
    provenance: Mapping[str, Any],
    protein: Protein,
    model: MaskedLM | None,
) -> None:
    """Raise `ValueError` if a result is of another sequence or model than the one at hand.

    Parameters
    ----------
    what : str
        What the result is called: "scan".
    of : Protein
        Which it is of.
    provenance : mapping
        Where it comes from; without an identity, as of imported results, any model will do.
    protein, model
        Those at hand.
    """
    if of.sequence != protein.sequence:
        raise ValueError(
            f"the {what} is of {of.name!r} ({len(of)} residues), whose sequence differs from that "
            f"of {protein.name!r} ({len(protein)} residues): give a {what} of this protein, or none"
        )
    stated = provenance.get("identity", {})
    if model is None or not stated:
        return
    wanted = model.identity.result_key
    other = any(stated.get(name, value) != value for name, value in wanted.items())
    # What does not name an adapter was computed without one.
    if other or stated.get("adapter", "") != model.identity.adapter:
        raise ValueError(
            f"the {what} is of the model {provenance.get('model', 'unknown')!r} "
            f"({stated.get('checkpoint')}, {stated.get('dtype')}), not of {model.name!r} "
            f"({wanted['checkpoint']}, {wanted['dtype']}): give a {what} by this model, or none"
        )


def precision_in(
    what: str, provenance: Mapping[str, Any], model: MaskedLM | None, precision: str | None
) -> str | None:
    """Return the precision to go on in from a result: its own; None where it states none.

    Raises
    ------
    ValueError
        If another one is asked for.
    """
    stated: str | None = provenance.get("identity", {}).get("precision")
    if precision is None or stated is None:
        return stated if precision is None else precision
    asked = precision if model is None else chosen_precision(model, precision)
    if asked != stated:
        raise ValueError(
            f"the {what} was computed in precision {stated!r}, not {asked!r}: leave precision= "
            f"away, or give no {what} to compute anew"
        )
    return stated
