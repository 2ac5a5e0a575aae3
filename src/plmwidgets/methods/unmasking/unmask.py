"""Unmasking: hidden residues are predicted, and revealed in one step or in several."""

from collections.abc import Iterable
from typing import Any

from plmwidgets.methods.unmasking.decoding import Decoding
from plmwidgets.methods.unmasking.plan import (
    Pairs,
    plan_fork,
    plan_unmasking,
)
from plmwidgets.methods.unmasking.run import UnmaskingRun
from plmwidgets.methods.unmasking.trace import UnmaskingTrace
from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import MaskedLM, default_precision
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.start import provenance_of
from plmwidgets.service import Priority, service_for


def unmask(
    protein: Protein | str,
    model: MaskedLM | str,
    masked: Iterable[int] | str,
    strategy: str = "one-shot",
    *,
    steps: int | None = None,
    at_a_time: int | None = None,
    schedule: str = "cosine",
    temperature: float = 1.0,
    anneal: bool = False,
    top_p: float = 1.0,
    seed: int = 0,
    pairs: Pairs | None = None,
    order: str | None = None,
    threshold: float | None = None,
) -> UnmaskingTrace:
    """Hide residues and let the model reveal them, step by step.

    Each step is one pass: the model's distribution p(i|M) at every residue that is still hidden,
    an amino acid drawn at each, and some of them kept, chosen by the strategy. The others are
    drawn anew in the next step. Waits, with a progress bar in a terminal; interrupting it (Ctrl-C)
    stops the model and keeps nothing.

    Parameters
    ----------
    protein : Protein or str
        Its residues at `masked` are not seen by the model; they serve to measure identity.
    model : MaskedLM or str
    masked : iterable of int, or str
        The positions to hide, 0-based, or text in the chain's numbering, such as ``"10-30"``.
    strategy : str
        Who is revealed first:

        - ``"one-shot"``: all in one step, each drawn without regard to the others;
        - ``"random"``: in random order (what ESM3 does by default);
        - ``"entropy"``: where the model's distribution has the lowest entropy;
        - ``"max-probability"``: whose drawn amino acid has the highest probability (MaskGIT);
        - ``"left-to-right"``;
        - ``"pair-guided"``: in one of these orders, by entropy if not stated, but a residue waits
          for a later step while it depends on one that is in this step already: see `pairs`,
          `order` and `threshold`.
    steps : int, optional
        T, at most as many as residues are hidden; 8 by default, or fewer where fewer are hidden.
    at_a_time : int, optional
        Reveal so many in each step (the last has the rest) in place of steps on a schedule: 1
        reveals one at a time.
    schedule : {"cosine", "linear", "sqrt", "square", "cubic"}
        How the number revealed changes from step to step; cosine reveals few first, many last.
    temperature : float
        1 draws from the model's distribution, less from a sharper one, 0 takes the likeliest.
    anneal : bool
        Lower the temperature from step to step: max(T0 - t/(T - 1), 0.001)², T0 = `temperature`.
    top_p : float
        Draw among the likeliest amino acids of this mass alone, one at least; 1 keeps all.
    seed : int
        Of the random numbers. The same seed gives the same trace; where a model rounds differently
        in larger batches, but for draws that this rounding decides.
    pairs : PairScan, or ndarray or DataFrame of shape (L, L), optional
        Who depends on whom, such as ``scan_pairs(protein, model)`` of the wild type: the larger
        of JS(p(i|{i}), p(i|{i,j})) and the same for j, or an array of such values in bits, of which
        a DataFrame is read by its labels. Its passes are told apart, as
        `UnmaskingTrace.map_passes`. Without it, the model is asked: a probe (one pass, counted)
        after each residue of a step, of how its drawn amino acid changes p(i|M) of the others.
    order : {"entropy", "random", "max-probability", "left-to-right"}, optional
        Of the pair-guided strategy: who is asked first to join a step; by default by entropy.
    threshold : float, optional
        Of the pair-guided strategy, in bits, 0 to 1, by default 0.002: a residue joins a step while
        what ties it to each of those in the step is below. If too few do for what the step is to
        reveal, those follow that depend the least.

    Returns
    -------
    UnmaskingTrace

    Raises
    ------
    ModelError
        If the model cannot take this sequence.
    IndexError
        If a position is outside the protein.
    TypeError, ValueError
        If nothing is hidden, or an option is unknown or makes no sense.

    Notes
    -----
    At temperature 1, one at a time, in an order that does not look at what is drawn (random,
    entropy, left to right), what is revealed follows the product of the model's conditionals: of
    a model whose conditionals are those of one joint distribution, that is exact sampling. With
    several at a time, what is lost is that they are drawn apart though they depend on each other:
    this is what pair guidance lessens. ``"max-probability"`` looks at the draws, and so samples a
    sharper distribution at any number of steps: higher probability, less diversity.

    References
    ----------
    Chang, H. et al. (2022). MaskGIT: Masked generative image transformer. CVPR.
    Hayes, T. et al. (2025). Simulating 500 million years of evolution with a language model.
    Science 387.

    Examples
    --------
    >>> from plmwidgets import Protein, unmask
    >>> trace = unmask(Protein.demo(), "demo", "10-30", "entropy", steps=4)
    >>> trace.passes
    4
    >>> len(trace.to_pandas())
    21
    """
    protein, model = as_protein(protein), as_model(model)
    model.check_sequence(protein.sequence)
    plan = plan_unmasking(
        protein,
        masked,
        strategy,
        steps=steps,
        at_a_time=at_a_time,
        schedule=schedule,
        temperature=temperature,
        anneal=anneal,
        top_p=top_p,
        seed=seed,
        pairs=pairs,
        order=order,
        threshold=threshold,
    )
    return _revealed(protein, model, Decoding(plan), passes_of(pairs), None)


def fork(
    trace: UnmaskingTrace, step: int, model: MaskedLM | None, **changes: Any
) -> UnmaskingTrace:
    """See `UnmaskingTrace.fork`."""
    if model is None:
        raise RuntimeError(
            "this trace has no model to go on with: load it with model=, or make it with unmask"
        )
    plan = plan_fork(trace.plan, trace.protein, step, **changes)
    map_passes = trace.map_passes  # also where only the steps that are kept were guided by it
    if changes.get("pairs") is not None:
        map_passes = passes_of(changes["pairs"])
    elif step == 0 and plan.dependence is None:
        map_passes = 0
    step = int(step)  # checked: a float without a fraction will do
    return _revealed(trace.protein, model, Decoding(plan, trace.steps[:step]), map_passes, step)


def passes_of(pairs: Pairs | None) -> int | None:
    """Return how many passes a map took; 0 for none, None where it is not known."""
    if pairs is None:
        return 0
    if isinstance(pairs, PairScan) and pairs.method == "exact":
        return len(pairs.protein) + pairs.pairs_computed
    return None


def trace_of(
    protein: Protein,
    model: MaskedLM,
    decoding: Decoding,
    map_passes: int | None,
    forked_at: int | None = None,
) -> UnmaskingTrace:
    """Return the trace of a decoding that is at its end."""
    provenance = provenance_of(model, default_precision(model))
    steps = tuple(decoding.steps)
    return UnmaskingTrace(protein, decoding.plan, steps, provenance, map_passes, forked_at, model)


def _revealed(
    protein: Protein,
    model: MaskedLM,
    decoding: Decoding,
    map_passes: int | None,
    forked_at: int | None,
) -> UnmaskingTrace:
    run = UnmaskingRun(protein.name, [decoding], service_for(model), Priority.VISIBLE)
    run.start()
    try:
        run.wait()
    except KeyboardInterrupt:
        run.cancel()  # or the model would go on for nobody
        raise
    return trace_of(protein, model, decoding, map_passes, forked_at)
