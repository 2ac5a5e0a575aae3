"""What the benchmarks of the scan engine share: models, fair timing, goals and tables."""

import argparse
import copy
import datetime
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from transformers import AutoTokenizer, EsmConfig, EsmForMaskedLM

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.metrics import js_distance
from plmwidgets.models.catalog import DEMO_FOLDER
from plmwidgets.models.esm import EsmMaskedLM
from plmwidgets.models.masked_lm import Context
from plmwidgets.models.tokens import ResidueTokenizer

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Run = Callable[[Sequence[Context], Ints], Floats]

SHAPES: Final = {
    "tiny": (2, 64, 4),
    "8M": (6, 320, 20),
    "35M": (12, 480, 20),
    "150M": (30, 640, 20),
    "650M": (33, 1280, 20),
    "3B": (36, 2560, 40),
}
"""Layers, width and heads of the ESM-2 models, and of one to try the scripts with."""
WEIGHT_SCALE: Final = 0.045
SPECIALS: Final = 2  # tokens beside the residues
GEMM_SIZE: Final = 2048
GEMM_SECONDS: Final = 1.0


# Models


def random_network(shape: str, seed: int = 0) -> EsmForMaskedLM:
    """Return an ESM-2 of a shape with random weights: speed does not depend on them."""
    layers, width, heads = SHAPES[shape]
    config = EsmConfig(
        vocab_size=33,
        mask_token_id=32,
        pad_token_id=1,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        position_embedding_type="rotary",
        token_dropout=True,
        emb_layer_norm_before=False,
        max_position_embeddings=1026,
        attention_probs_dropout_prob=0.0,
        hidden_dropout_prob=0.0,
        layer_norm_eps=1e-5,
    )
    torch.manual_seed(seed)
    network = EsmForMaskedLM(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 2:
                parameter.normal_(0, WEIGHT_SCALE)
    return network


def wrap(network: EsmForMaskedLM, shape: str) -> EsmMaskedLM:
    """Return the network as the package sees it."""
    tokenizer = AutoTokenizer.from_pretrained(DEMO_FOLDER / "model", trust_remote_code=False)
    return EsmMaskedLM(
        network, tokenizer, name=f"random-{shape}", checkpoint=f"random-{shape}", revision="0"
    )


def random_sequence(length: int, seed: int = 0) -> str:
    """Return a sequence of the twenty amino acids."""
    return "".join(np.random.default_rng(seed).choice(list(AMINO_ACIDS), length))


def random_pairs(length: int, count: int, seed: int = 0) -> Ints:
    """Return different pairs i < j, in random order; all of them if there are no more."""
    pairs = np.stack(np.triu_indices(length, 1), axis=1)
    random = np.random.default_rng(seed)
    return random.choice(pairs, min(count, len(pairs)), replace=False)


def published(network: Any, tokens: ResidueTokenizer) -> Run:
    """Run the network as the published notebook does.

    All logits of a batch of double-masked sequences, then the masked rows and twenty columns.
    """
    columns = torch.from_numpy(tokens.columns)

    def run(contexts: Sequence[Context], positions: Ints) -> Floats:
        ids = torch.from_numpy(tokens.encode(contexts))
        with torch.inference_mode():
            logits = network(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.float()
            rows = torch.from_numpy(positions + tokens.prefix)
            chosen = logits[torch.arange(len(ids))[:, None], rows][..., columns]
            values: Floats = chosen.log_softmax(dim=-1).numpy()
            return values

    return run


def in_bfloat16(network: EsmForMaskedLM) -> EsmForMaskedLM:
    """Return a copy of the network in bfloat16."""
    return copy.deepcopy(network).to(torch.bfloat16)


def ours(model: EsmMaskedLM, precision: str) -> Run:
    """Run the package's exact forward."""

    def run(contexts: Sequence[Context], positions: Ints) -> Floats:
        return model.log_probabilities(contexts, positions, precision=precision)

    return run


def pass_flops(shape: str, length: int) -> float:
    """Operations of one whole pass over a context of so many residues."""
    layers, d, _ = SHAPES[shape]
    tokens = length + SPECIALS
    return layers * (24 * tokens * d**2 + 4 * tokens**2 * d)


# Accuracy


def answers(run: Run, sequence: str, pairs: Ints, batch: int = 8) -> tuple[Floats, Floats]:
    """Return log p(i|{i}) and log p(i|{i,j}) of pairs, at both residues of each, (n, 2, 20)."""
    alone = [Context(sequence, (position,)) for position in pairs.ravel().tolist()]
    both = [Context(sequence, (i, j)) for i, j in pairs.tolist()]
    singles = in_batches(run, alone, pairs.reshape(-1, 1), batch)
    return singles.reshape(len(pairs), 2, -1), in_batches(run, both, pairs, batch)


def in_batches(run: Run, contexts: Sequence[Context], positions: Ints, batch: int) -> Floats:
    """Run many contexts, some at a time."""
    starts = range(0, len(contexts), batch)
    return np.concatenate([run(contexts[s : s + batch], positions[s : s + batch]) for s in starts])


def both_ways(directed: Floats, pairs: Ints) -> Floats:
    """Return p(i|{i,j}) and p(j|{i,j}) of pairs, (n, 2, 20), from those of all, (L, L, 20)."""
    i, j = pairs.T
    return np.stack([directed[i, j], directed[j, i]], axis=1)


def distance_errors(found: tuple[Floats, Floats], true: tuple[Floats, Floats]) -> Floats:
    """Absolute errors of js_dist between what `answers` returned for two ways to compute it."""
    return np.abs(js_distance(*found) - js_distance(*true)).ravel()


# Timing


@dataclass(frozen=True)
class Variant:
    """One way to compute the same.

    Attributes
    ----------
    name : str
    run : Run
    batches : sequence of int
        Sizes to choose the best of.
    peak : str
        The type whose largest matrix product its speed is a share of.
    """

    name: str
    run: Run
    batches: Sequence[int]
    peak: str = "float32"


@dataclass
class Work:
    """Random pairs of a sequence, dealt out in batches that are never the same."""

    sequence: str
    seed: int = 0
    _random: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def time(self, variant: Variant, batch: int, batches: int = 1) -> float:
        """Return seconds a pass, over so many batches."""
        asked = []
        for _ in range(batches):
            pairs = self._draw(batch)
            asked.append(([Context(self.sequence, (i, j)) for i, j in pairs.tolist()], pairs))
        began = time.perf_counter()
        for contexts, pairs in asked:
            variant.run(contexts, pairs)
        return (time.perf_counter() - began) / (batch * batches)

    def best_batch(self, variant: Variant, repeats: int = 2) -> tuple[int, float]:
        """Return the batch that makes a pass cheapest, and seconds a pass at it."""
        times = {}
        for batch in variant.batches:
            self.time(variant, batch)  # the first call makes its buffers
            times[batch] = min(self.time(variant, batch) for _ in range(repeats))
        best = min(times, key=lambda batch: times[batch])
        return best, times[best]

    def _draw(self, count: int) -> Ints:
        length = len(self.sequence)
        first = self._random.integers(length, size=count)
        second = (first + self._random.integers(1, length, size=count)) % length
        return np.sort(np.stack([first, second], axis=1), axis=1)


def compare(
    variants: Sequence[Variant], work: Work, rounds: int, seconds: float = 0.4
) -> tuple[dict[str, int], dict[str, Floats]]:
    """Time variants in turn, in a new random order each round, each at its best batch.

    Parameters
    ----------
    variants : sequence of Variant
    work : Work
    rounds : int
    seconds : float
        How long a variant runs in a round, at least one batch.

    Returns
    -------
    batches : dict of str to int
    times : dict of str to ndarray, shape (rounds,)
        Seconds a pass.
    """
    chosen = {variant.name: work.best_batch(variant) for variant in variants}
    times: dict[str, list[float]] = {variant.name: [] for variant in variants}
    random = np.random.default_rng(work.seed)
    for _ in range(rounds):
        for index in random.permutation(len(variants)):
            variant = variants[index]
            batch, expected = chosen[variant.name]
            batches = max(1, round(seconds / (expected * batch)))
            times[variant.name].append(work.time(variant, batch, batches))
    batches_of = {name: batch for name, (batch, _) in chosen.items()}
    return batches_of, {name: np.array(values) for name, values in times.items()}


@dataclass(frozen=True)
class Ratio:
    """Median of the ratios of single rounds, and a bootstrap 95 % interval (None of one round)."""

    median: float
    interval: tuple[float, float] | None

    def __str__(self) -> str:
        text = f"{self.median:.2f}x"
        if self.interval is not None:
            text += f" [{self.interval[0]:.2f}, {self.interval[1]:.2f}]"
        return text


def ratio_of(values: Sequence[float] | Floats, samples: int = 4000) -> Ratio:
    """Summarise ratios, one a round."""
    ratios = np.asarray(values, np.float64)
    if len(ratios) < 2:
        return Ratio(float(ratios[0]), None)
    index = np.random.default_rng(0).integers(len(ratios), size=(samples, len(ratios)))
    low, high = np.percentile(np.median(ratios[index], axis=1), [2.5, 97.5])
    return Ratio(float(np.median(ratios)), (float(low), float(high)))


def gemm_peak(dtype: str, size: int = GEMM_SIZE) -> float:
    """Operations a second of a large square matrix product: the fastest of a second's worth."""
    a, b = (torch.randn(size, size).to(getattr(torch, dtype)) for _ in range(2))
    out = torch.empty_like(a)
    fastest, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < GEMM_SECONDS:
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        fastest = min(fastest, time.perf_counter() - start)
    return 2 * size**3 / fastest


# Conditions


def cpu_info(key: str) -> str:
    """Return an entry of the first processor in /proc/cpuinfo; empty where there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself."""
    return "avx512_bf16" in cpu_info("flags").split()


def conditions(arguments: argparse.Namespace) -> dict[str, Any]:
    """Collect under what a measurement was made."""
    flags = set(cpu_info("flags").split())
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": cpu_info("model name") or platform.processor(),
        "cpu_flags": sorted(flags & {"avx2", "avx512f", "avx512_bf16", "amx_bf16"}),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "threads": torch.get_num_threads(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
        "arguments": {k: v for k, v in vars(arguments).items() if k != "json"},
    }


# Reports


@dataclass(frozen=True)
class Goal:
    """A figure and what it should reach.

    Attributes
    ----------
    what : str
    value : float
    goal : float
    at_least : bool
        Whether larger is better.
    interval : tuple of float or None
    """

    what: str
    value: float
    goal: float
    at_least: bool
    interval: tuple[float, float] | None

    @property
    def met(self) -> bool:
        """NaN meets nothing."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def verdict(self) -> str:
        """PASS or FAIL, with the goal."""
        sign = ">=" if self.at_least else "<="
        return f"{'PASS' if self.met else 'FAIL'} ({sign} {self.goal:g})"


class Report:
    """Prints a section as it is measured, and keeps its figures.

    Parameters
    ----------
    title : str
    arguments : Namespace
        Of `parser`; the number of threads is set here.
    """

    def __init__(self, title: str, arguments: argparse.Namespace) -> None:
        torch.set_num_threads(arguments.threads)
        transformers.utils.logging.disable_progress_bar()
        self.conditions = conditions(arguments)
        self._title = title
        self._path: Path | None = arguments.json
        self._began = time.perf_counter()
        self._figures: list[dict[str, Any]] = []
        self._goals: list[Goal] = []
        where = self.conditions
        print(f"\n{title}\n{'=' * len(title)}")
        print(
            f"{where['cpu']}, {where['threads']} threads of {where['cores']} cores; "
            f"torch {where['torch']}, transformers {where['transformers']}; {where['date']}"
        )

    def figures(self, name: str, **values: Any) -> None:
        """Keep figures for the JSON file."""
        self._figures.append({"name": name, **values})

    def goal(
        self, what: str, value: float | Ratio, goal: float | None, at_least: bool = True
    ) -> str:
        """Keep a figure with its goal; return the verdict, empty if there is no goal."""
        if goal is None:
            return ""
        interval = None
        if isinstance(value, Ratio):
            interval, value = value.interval, value.median
        self._goals.append(Goal(what, float(value), goal, at_least, interval))
        return self._goals[-1].verdict

    def text(self, line: str) -> None:
        """Print a line."""
        print(line, flush=True)

    def table(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Print rows of one set of columns."""
        columns = list(rows[0])
        lines = [columns, *([row[column] for column in columns] for row in rows)]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        for line in lines:
            cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
            cells[0] = line[0].ljust(widths[0])
            print("  ".join(cells).rstrip(), flush=True)

    def finish(self) -> None:
        """Print how long it took and write the JSON file, if one is wanted."""
        seconds = time.perf_counter() - self._began
        print(f"{seconds:.0f} s")
        if self._path is None:
            return
        record = {
            "title": self._title,
            "conditions": self.conditions,
            "seconds": seconds,
            "figures": self._figures,
            "goals": [{**asdict(goal), "met": bool(goal.met)} for goal in self._goals],
        }
        self._path.write_text(json.dumps(record, indent=1, default=_plain) + "\n")


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the arguments that all benchmarks take."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--json", type=Path, metavar="PATH", help="save the figures")
    made.add_argument("--quick", action="store_true", help="fewer rounds and shorter sequences")
    return made


def add_shape(made: argparse.ArgumentParser, lengths: Sequence[int]) -> None:
    """Add the arguments of benchmarks of random networks."""
    made.add_argument("--shape", choices=SHAPES, default="8M")
    made.add_argument("--lengths", type=int, nargs="+", default=list(lengths))


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Ratio):
        return asdict(value)
    return value.tolist()  # numpy
