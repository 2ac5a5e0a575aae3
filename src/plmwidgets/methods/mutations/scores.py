"""Scores of all single substitutions of a protein: log-likelihood ratios in three contexts."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from plmwidgets import metrics
from plmwidgets._options import choice
from plmwidgets._warn import warn
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.methods.known import Known, Scan, check_origin, precision_in
from plmwidgets.methods.mutations.run import MutationRun
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM, chosen_precision
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.background import RunControl
from plmwidgets.scan.progress import ScanProgress, ScanStatus
from plmwidgets.scan.start import provenance_of
from plmwidgets.service import service_for

ScoreContext = Literal["masked", "wild-type", "mutant"]
SCORE_CONTEXTS: Final[tuple[ScoreContext, ...]] = ("masked", "wild-type", "mutant")
COPIES_ENOUGH: Final = 0.5


class MutationScores(RunControl):
    """LLR(i, a) = log p(a) - log p(x_i) for every residue i and amino acid a, in nats.

    Above 0 the model prefers a to the wild type x_i. What the model sees at i is the `context`:

    ==============  ====================================================  =========
    context         p is the distribution at i given                      passes
    ==============  ====================================================  =========
    ``masked``      all other residues; i is hidden                       L
    ``wild-type``   the whole wild-type sequence, i included              1
    ``mutant``      the whole sequence with a at i                        19 L
    ==============  ====================================================  =========

    These are the masked, wild-type and mutant marginals of Meier et al. (2021). A model mostly
    returns a residue that it sees: that lowers wild-type scores and raises mutant ones as a whole,
    so that 0 divides good from bad in masked scores alone.

    Parameters
    ----------
    protein : Protein
        L residues.
    context : {"masked", "wild-type", "mutant"}
    provenance : mapping, optional
        Where the numbers come from, such as ``model`` and ``identity``.

    Attributes
    ----------
    protein, context, provenance
        As above.
    log_ratios : ndarray of float64, shape (L, 20)
        LLR in nats, columns in the order of `plmwidgets.alphabet.AMINO_ACIDS`; 0 for the wild
        type, NaN where not computed and where x_i is none of the twenty.
    log_probabilities : ndarray of float64, shape (L, 20), or None
        log p at each residue in this context, natural; NaN where not computed. None for
        ``mutant``, where each amino acid has a context of its own.

    References
    ----------
    Meier, J. et al. (2021). Language models enable zero-shot prediction of the effects of
    mutations on protein function. NeurIPS 34.
    """

    _again = "to go on, call mutation_scores with the model and known=scores"

    def __init__(
        self,
        protein: Protein,
        context: ScoreContext,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        check_context(context)
        self.protein = protein
        self.context: ScoreContext = context
        self.provenance: dict[str, Any] = dict(provenance or {})
        shape = (len(protein), len(AMINO_ACIDS))
        self.log_ratios: NDArray[np.float64] = np.full(shape, np.nan)
        self.log_probabilities: NDArray[np.float64] | None = None
        if context != "mutant":
            self.log_probabilities = np.full(shape, np.nan)

    def __len__(self) -> int:
        return len(self.protein)

    def __repr__(self) -> str:
        done = int(self.computed.sum())
        part = "" if done == len(self) else f", {done} of them computed"
        return (
            f"MutationScores({self.protein.name!r}, {len(self)} residues{part}, {self.context}, "
            f"model {self.provenance.get('model', 'unknown')!r})"
        )

    def put(self, positions: list[int], rows: NDArray[np.floating[Any]]) -> None:
        """Take log p at some positions, shape (n, 20), of a context that has such."""
        assert self.log_probabilities is not None
        values = rows.astype(np.float64)
        wild_type = self.protein.wild_type[positions]
        at_wild_type = values[np.arange(len(values)), wild_type]
        self.log_probabilities[positions] = values
        ratios = values - at_wild_type[:, None]
        self.log_ratios[positions] = np.where((wild_type >= 0)[:, None], ratios, np.nan)

    def take(self, known: "MutationScores") -> None:
        """Take what other scores of this sequence have; raise `ValueError` in another context."""
        if known.context != self.context:
            raise ValueError(f"the known scores are {known.context} ones, not {self.context}")
        self.log_ratios = known.log_ratios.copy()
        if known.log_probabilities is not None:
            self.log_probabilities = known.log_probabilities.copy()

    # What is there

    @property
    def label(self) -> str:
        """What people read: the quantity, its context and its unit."""
        return f"LLR, {self.context} (nats)"

    @property
    def computed(self) -> NDArray[np.bool_]:
        """Which residues there are scores for, shape (L,)."""
        return np.asarray(np.isfinite(self.log_ratios).all(axis=1))

    @property
    def progress(self) -> ScanProgress | None:
        """How far the computation is; None for what was loaded or read from a scan."""
        return None if self._run is None else self._run.progress

    def attach(self, run: MutationRun) -> None:
        """Let a run fill this."""
        self._run = run

    # Tables

    def matrix(self) -> pd.DataFrame:
        """Return LLR in nats, a row a residue (labelled as ``A25``), a column an amino acid."""
        return pd.DataFrame(
            self.log_ratios.copy(),
            index=pd.Index(self.protein.residue_labels, name="residue"),
            columns=pd.Index(list(AMINO_ACIDS), name="amino_acid"),
        )

    def to_pandas(self) -> pd.DataFrame:
        """One row a substitution, by position, then amino acid.

        Returns
        -------
        DataFrame, 19 L rows
            ``variant`` (such as A25G), ``position`` (0-based), ``label`` (A25), ``wild_type``,
            ``replacement`` and ``llr`` (nats; NaN where not known).
        """
        length = len(self)
        position = np.repeat(np.arange(length), len(AMINO_ACIDS))
        column = np.tile(np.arange(len(AMINO_ACIDS)), length)
        changes = column != self.protein.wild_type[position]
        position, column = position[changes], column[changes]
        labels = np.array(self.protein.residue_labels, dtype=object)[position]
        replacement = np.array(list(AMINO_ACIDS), dtype=object)[column]
        return pd.DataFrame(
            {
                "variant": labels + replacement,
                "position": position,
                "label": labels,
                "wild_type": np.array(list(self.protein.sequence), dtype=object)[position],
                "replacement": replacement,
                "llr": self.log_ratios[position, column],
            }
        )

    def per_residue(self) -> pd.DataFrame:
        """Return how well each residue bears a substitution.

        Returns
        -------
        DataFrame, L rows, indexed by label
            ``position`` (0-based), ``mean`` and ``min`` of LLR (nats) over the 19 substitutions,
            and ``worst``, the amino acid of the smallest; NaN and "" where not known.
        """
        others = self.log_ratios.copy()
        known = self.protein.wild_type >= 0
        others[known, self.protein.wild_type[known]] = np.nan
        there = np.isfinite(others).any(axis=1)
        mean, least = np.full(len(self), np.nan), np.full(len(self), np.nan)
        mean[there] = np.nanmean(others[there], axis=1)
        least[there] = np.nanmin(others[there], axis=1)
        lowest = np.where(np.isnan(others), np.inf, others).argmin(axis=1)
        worst = np.where(there, np.array(list(AMINO_ACIDS), dtype=object)[lowest], "")
        return pd.DataFrame(
            {"position": np.arange(len(self)), "mean": mean, "min": least, "worst": worst},
            index=pd.Index(self.protein.residue_labels, name="residue"),
        )

    # Of the whole sequence

    @property
    def pseudo_log_likelihood(self) -> float:
        """PLL = Σ_i log p(x_i|{i}) in nats; of masked scores alone."""
        return metrics.pseudo_log_likelihood(self._whole("masked"), self.protein.wild_type)

    @property
    def pseudo_perplexity(self) -> float:
        """exp(-PLL/L), from 1; of masked scores alone."""
        return metrics.pseudo_perplexity(self._whole("masked"), self.protein.wild_type)

    @property
    def unmasked_log_likelihood(self) -> float:
        """Σ_i log p(x_i | whole sequence) in nats, of wild-type scores alone: one pass.

        It is sometimes called a one-pass pseudo-log-likelihood, and is another quantity: the model
        sees each residue that it scores.
        """
        return metrics.pseudo_log_likelihood(self._whole("wild-type"), self.protein.wild_type)

    @property
    def share_returned(self) -> float:
        """Share of visible residues (0 to 1) that the model returns; of wild-type scores alone."""
        return metrics.reconstruction_accuracy(self._whole("wild-type"), self.protein.wild_type)

    def _whole(self, context: ScoreContext) -> NDArray[np.float64]:
        if self.context != context or self.log_probabilities is None:
            raise ValueError(
                f"these are {self.context} scores, and this figure is of {context} ones: make them "
                f"with mutation_scores(protein, model, context={context!r})"
            )
        if not np.isfinite(self.log_probabilities).all():
            raise ValueError("not all residues are computed yet: call wait() first")
        return self.log_probabilities

    # Export

    def save(self, path: str | os.PathLike[str], replace: bool = False) -> None:
        """Write what is computed as a numpy archive; `load` reads it.

        To go on with half of it later, give what `load` returns to `mutation_scores` as ``known``.
        For a table use ``scores.to_pandas().to_csv(...)``.

        Parameters
        ----------
        path : path
            Ends in ``.npz``.
        replace : bool
            Overwrite a file of that name.

        Raises
        ------
        FileExistsError
            If there is such a file, unless it is to be replaced.
        OSError
            If it cannot be written there.
        ValueError
            If the name does not end in ``.npz``.
        """
        from plmwidgets.methods.mutations.score_files import write_scores

        write_scores(self, path, replace)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], protein: Protein | str | None = None
    ) -> "MutationScores":
        """Read what `save` wrote.

        Parameters
        ----------
        path : path
        protein : Protein or str, optional
            The protein with its structure and numbering, which are not saved; its sequence must
            be the same.

        Raises
        ------
        FileNotFoundError
            If there is nothing at this path.
        ValueError
            If it is no such file, or of another sequence.
        """
        from plmwidgets.methods.mutations.score_files import read_scores

        scores = read_scores(path)
        if protein is not None:
            protein = as_protein(protein)
            if protein.sequence != scores.protein.sequence:
                raise ValueError(
                    f"{Path(path).name} holds scores of {scores.protein.name!r} ({len(scores)} "
                    f"residues), whose sequence differs from that of {protein.name!r} "
                    f"({len(protein)} residues)"
                )
            scores.protein = protein
        return scores


def mutation_scores(
    protein: Protein | str,
    model: MaskedLM | str | None = None,
    context: ScoreContext = "masked",
    *,
    scan: Scan | None = None,
    known: MutationScores | None = None,
    precision: str | None = None,
) -> MutationScores:
    """Score all single substitutions by log-likelihood ratios.

    Masked and wild-type scores are waited for, with a progress bar in a terminal. Mutant scores
    take 19 passes a residue: they are computed in the background and ``scores.wait()`` blocks until
    they are there; what is computed meanwhile can be read. Interrupting a call that waits (Ctrl-C)
    stops the model and keeps nothing.

    Parameters
    ----------
    protein : Protein or str
    model : MaskedLM or str, optional
        A loaded model, or what `load_model` takes. Not needed with a scan that has its singles.
    context : {"masked", "wild-type", "mutant"}
        What the model sees at the residue: see `MutationScores`. ESM C was trained on hidden
        residues alone and does not return visible ones: a warning says how many a model returns
        where it is fewer than half, as wild-type scores of such a model mean little.
    scan : SingleScan or PairScan, optional
        Of this protein by this model: masked scores are read from it, with no pass.
    known : MutationScores, optional
        Of this protein by this model in this context, such as half of them loaded from a file:
        the residues that they have are not computed again.
    precision : str, optional
        As for `scan_pairs`; by default that of the scan or known scores, from which no other is
        accepted.

    Returns
    -------
    MutationScores

    Raises
    ------
    ModelError
        If the model cannot take this sequence.
    TypeError, ValueError
        If there is neither a model nor a scan to read from, or the scan or known scores are of
        another protein, model or precision, or not of use for this context.

    Examples
    --------
    >>> from plmwidgets import Protein, mutation_scores
    >>> scores = mutation_scores(Protein.demo(), "potts-demo")
    >>> scores.matrix().shape
    (64, 20)
    """
    scores = prepare_scores(protein, model, context, scan=scan, known=known, precision=precision)
    if scores.progress is not None:
        scores.start()
    if context != "mutant":
        try:
            scores.wait()
        except KeyboardInterrupt:
            scores.cancel()  # or the model would go on for nobody
            raise
    if context == "wild-type" and scores.share_returned < COPIES_ENOUGH:
        warn(
            f"{scores.provenance['model']} returns only {scores.share_returned:.0%} of the "
            "residues that it sees: its distributions there say little about substitutions (so it "
            "is with ESM C, which learnt hidden residues alone). Use context='masked'"
        )
    return scores


def prepare_scores(
    protein: Protein | str,
    model: MaskedLM | str | None,
    context: ScoreContext = "masked",
    *,
    scan: Scan | None = None,
    known: MutationScores | None = None,
    precision: str | None = None,
) -> MutationScores:
    """Set up what `mutation_scores` starts; parameters and errors are the same."""
    check_context(context)
    protein = as_protein(protein)
    if (protein.wild_type < 0).all():
        raise ValueError(f"no residue of {protein.name} is one of the twenty amino acids")
    if known is not None and not isinstance(known, MutationScores):
        raise TypeError(f"known= takes MutationScores, not {type(known).__name__}")
    if scan is not None and context != "masked":
        raise ValueError(
            f"a scan holds what is believed of hidden residues: {context} scores cannot be read "
            "from it. Leave scan= away, or use context='masked'"
        )
    model = None if model is None else as_model(model)
    scanned = Known(protein, model, scan)
    if scanned.singles is not None:
        precision_in("scan", scanned.provenance, model, precision)
        scores = MutationScores(protein, context, scanned.provenance)
        scores.put(list(range(len(protein))), scanned.singles)
        return scores
    if model is None:
        if scan is None:
            raise TypeError("mutation_scores needs a model, or a scan to read from")
        raise ValueError(
            "the single masks of this scan are not computed yet: start it and wait, or give the "
            "model as well"
        )
    model.check_sequence(protein.sequence)
    if known is not None:
        check_origin("known result", known.protein, known.provenance, protein, model)
        precision = precision_in("known result", known.provenance, model, precision)
    precision = chosen_precision(model, precision)
    scores = MutationScores(protein, context, provenance_of(model, precision))
    if known is not None:
        scores.take(known)
    scores.attach(MutationRun(scores, service_for(model), precision))
    return scores


def check_context(context: str) -> None:
    """Raise `ValueError`, listing them, if it is none of `SCORE_CONTEXTS`."""
    choice("context", context, SCORE_CONTEXTS)


def is_finished(scores: MutationScores) -> bool:
    """Whether nothing more comes by itself."""
    progress = scores.progress
    return progress is None or progress.status is ScanStatus.FINISHED
