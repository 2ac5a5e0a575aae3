"""Accuracy on the device with trained weights: those of the demo family, all pairs of its protein.

Random weights tell the error of js_dist, but not whether a map keeps its order: their pairs are too
much alike.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Final

import torch
from harness.accuracy import answers, errors_of
from harness.models import ours, published, random_pairs

from gpu.exact import PRODUCTS, error_cells, in_short, judge_errors
from gpu.session import Session
from plmwidgets import Protein, load_model
from plmwidgets.models.esm import EsmMaskedLM, precisions

TITLE: Final = "Trained models of the demo family"
MODELS: Final = ("demo", str(Path(__file__).parents[1] / "deep_model"))
BATCH: Final = 64
TRIAL_PAIRS: Final = 32
"""On a CPU, where float16 is slow."""
EXPECTED: Final = 20.0
"""Seconds, about."""


def measure(session: Session) -> None:
    """Compare each precision with transformers in float32."""
    sequence = Protein.demo().sequence
    count = len(sequence) * (len(sequence) - 1) // 2
    pairs = random_pairs(len(sequence), count if session.on_gpu else TRIAL_PAIRS)
    rows = []
    for source in MODELS:
        model, label = load_model(source, device=session.device), Path(source).name
        assert isinstance(model, EsmMaskedLM)
        model.precisions = precisions(torch.device("cuda"), "float32")
        true = answers(published(model.network, model.tokens), sequence, pairs, BATCH)
        for name in PRODUCTS:
            errors = errors_of(answers(ours(model, name), sequence, pairs, BATCH), true)
            session.report.figures("trained", model=label, variant=name, errors=asdict(errors))
            what = f"{name} pass, {label}"
            verdicts = judge_errors(session.report, what, name, errors, ranks=True)
            cells = {"model": label, "variant": name, **error_cells(errors)}
            rows.append({**cells, "goals": in_short(verdicts)})
    session.table(TITLE, rows)
