"""What a pair scan will take, before it starts: passes, time, memory and room on disk."""

import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import psutil
from numpy.typing import NDArray

from plmwidgets.models import as_model
from plmwidgets.models.masked_lm import Context, MaskedLM, chosen_precision
from plmwidgets.protein import Protein, as_protein
from plmwidgets.scan.audit import default_replacements
from plmwidgets.scan.blocks import TILE
from plmwidgets.scan.start import check_scan, positions_of
from plmwidgets.scan.superposed import AUDITED
from plmwidgets.service import ModelService, Priority, service_for

PROBE_SECONDS: Final = 1.0
"""How long passes are timed."""
PROBE_PAIRS: Final = 4096
COPIES: Final = 4
"""Of the result in memory, while a store is opened."""
PAIR_BYTES: Final = 64
"""For each pair, beside its numbers: which block it is in, and whether it is done."""
COMPRESSED: Final = 0.92
"""Size of log-probabilities in a store, against that in memory."""
FILE_SECONDS: Final = 0.003
"""To write a file of a store on a local disk."""
_SCALES: Final = ((86400.0, "days"), (3600.0, "h"), (60.0, "min"))


@dataclass(frozen=True, slots=True, repr=False)
class ScanPlan:
    """What a pair scan will take.

    Attributes
    ----------
    protein : str
        Its name.
    residues, pairs : int
    model, device, method, precision : str
    passes : float
        Of the model over the protein; for the superposed pass, their worth in work.
    seconds_a_pass : float
        Measured just now on this device, in this shape.
    seconds : float
        The whole scan, with a store, if the machine stays as busy as it is.
    host_bytes : int
        Peak of the resident memory of this process, what it holds already included.
    device_bytes : int or None
        Peak on a GPU; None on the CPU.
    store_bytes, store_files : int
        The finished store.
    spilled_bytes : int
        What a superposed pass will have to keep in a temporary file, which makes it slower.
    """

    protein: str
    residues: int
    pairs: int
    model: str
    device: str
    method: str
    precision: str
    passes: float
    seconds_a_pass: float
    seconds: float
    host_bytes: int
    device_bytes: int | None
    store_bytes: int
    store_files: int
    spilled_bytes: int

    def __repr__(self) -> str:
        return f"<ScanPlan: {self.method}, about {_duration(self.seconds)}>\n{self}"

    def __str__(self) -> str:
        memory = f"{_size(self.host_bytes)} of host memory"
        if self.device_bytes is not None:
            memory += f", {_size(self.device_bytes)} on {self.device}"
        lines = [
            f"{self.method} scan of {self.protein!r}: {self.residues:,} residues, "
            f"{self.pairs:,} pairs; {self.model} on {self.device}, {self.precision} precision",
            f"  work    {self.passes:,.0f} passes of {_duration(self.seconds_a_pass)}",
            f"  time    about {_duration(self.seconds)}",
            f"  memory  about {memory}",
            f"  store   about {_size(self.store_bytes)} in {self.store_files:,} files",
        ]
        if self.spilled_bytes:
            lines.append(
                f"  {_size(self.spilled_bytes)} of the superposed pass do not fit the memory that "
                "is free and go to a temporary file (TMPDIR), which is much slower: scan fewer "
                "positions, or on a machine with more memory"
            )
        return "\n".join(lines)


def plan_scan(
    protein: Protein | str,
    model: MaskedLM | str,
    positions: Iterable[int] | str | None = None,
    *,
    method: Literal["exact", "superposed"] = "exact",
    precision: str | None = None,
) -> ScanPlan:
    """Estimate what `scan_pairs` would take, from some passes of this very shape.

    It takes a second or two, longer where a layer, or on a GPU a batch, takes longer. Nothing is
    kept of it.

    Parameters
    ----------
    protein, model, positions, method, precision
        As for `scan_pairs`.

    Returns
    -------
    ScanPlan

    Raises
    ------
    ModelError, ValueError
        As `scan_pairs`.
    """
    protein, model = as_protein(protein), as_model(model)
    chosen = None if positions is None else positions_of(protein, positions)
    check_scan(protein, model, chosen, method)
    precision = chosen_precision(model, precision)
    seconds = seconds_a_pass(service_for(model), protein.sequence, precision)
    length = len(protein)
    scanned = np.arange(length) if chosen is None else np.array(chosen)
    count = len(scanned)
    pairs = count * (count - 1) // 2
    tiles = len(np.unique(scanned // TILE))
    tiles = tiles * (tiles + 1) // 2
    number = 8 if model.identity.dtype == "float64" else 4
    arrays = COPIES * length**2 * 20 * number + PAIR_BYTES * pairs
    stored = COMPRESSED * (40 * number * pairs + 4 * length**2)
    files = tiles + 8  # and the singles, the predicted effects, and metadata
    passes: float = 1 + length + pairs
    states = 0
    if method == "superposed":
        checks = min(pairs, default_replacements(count) + AUDITED)
        passes = length + model.pair_pass_cost(length, count) + checks  # type: ignore[attr-defined]
        states = model.pair_pass_bytes(length, count)  # type: ignore[attr-defined]
        # Exact pairs, scattered among the estimates, and what was estimated of them.
        files += tiles
        stored += 2 * 40 * number * checks
    host = psutil.Process().memory_info().rss
    on_device, spilled = None, 0
    if model.identity.device.startswith("cuda"):
        on_device = _most_allocated(model.identity.device) + states
    else:
        spilled = max(0, states - psutil.virtual_memory().available * 4 // 5)
        arrays = max(arrays, states - spilled)  # not at one time
    return ScanPlan(
        protein=protein.name,
        residues=length,
        pairs=pairs,
        model=model.name,
        device=model.identity.device,
        method=method,
        precision=precision,
        passes=passes,
        seconds_a_pass=seconds,
        seconds=passes * seconds + files * FILE_SECONDS,
        host_bytes=host + arrays,
        device_bytes=on_device,
        store_bytes=int(stored),
        store_files=files,
        spilled_bytes=spilled,
    )


def seconds_a_pass(service: ModelService, sequence: str, precision: str) -> float:
    """Time passes for pairs of hidden residues, in batches as a scan takes them.

    Parameters
    ----------
    service : ModelService
        What else it does meanwhile makes passes look slow.
    sequence : str
        At least two residues.
    precision : str

    Returns
    -------
    float
    """
    random = np.random.default_rng(0)
    first = random.integers(len(sequence), size=PROBE_PAIRS)
    second = (first + random.integers(1, len(sequence), size=PROBE_PAIRS)) % len(sequence)
    pairs = np.sort(np.stack([first, second], axis=1), axis=1)
    contexts = [Context(sequence, (i, j)) for i, j in pairs.tolist()]
    model = service.model
    # Elsewhere than on a CPU, a step only says that its work has been asked for.
    if "precision" in model.capabilities and model.identity.device == "cpu":
        count = model.preferred_batch(len(sequence)) or 1
        steps = _some_steps(model, contexts[:count], pairs[:count], precision)
        batch = float(service.submit_steps(steps, priority=Priority.VISIBLE).result()[0])
        if batch > PROBE_SECONDS / 2:
            return batch / count
    return _some_batches(service, contexts, pairs, precision)


def _some_steps(
    model: Any, contexts: list[Context], pairs: NDArray[np.int64], precision: str
) -> Generator[float, None, NDArray[np.float64]]:
    """Return the seconds of a batch, (1,), from its first layers if it takes long."""
    began: tuple[float, float] | None = None
    seconds = 0.0
    for share in model.log_probability_steps(contexts, pairs, precision):
        now = time.perf_counter()
        if began is None:  # before it, weights were laid out and buffers made
            began = (now, share)
        else:
            seconds = (now - began[0]) / (share - began[1])
            if now - began[0] > PROBE_SECONDS:
                break
        yield share
    return np.array([seconds])


def _some_batches(
    service: ModelService, contexts: list[Context], pairs: NDArray[np.int64], precision: str
) -> float:
    """Return the seconds a pass of batches, while their size is learnt as in a scan."""
    times: list[tuple[float, int]] = [(time.perf_counter(), 0)]
    future = service.submit(
        contexts,
        pairs,
        priority=Priority.VISIBLE,
        precision=precision,
        on_part=lambda start, stop, values: times.append((time.perf_counter(), stop)),
    )
    while not future.done() and (len(times) < 3 or times[-1][0] - times[0][0] < PROBE_SECONDS):
        time.sleep(0.02)
    if not future.cancel():
        future.result()  # a failure is the caller's
    # The latter half: before it, batches were small and memory was new.
    middle = (times[0][0] + times[-1][0]) / 2
    since = next(entry for entry in reversed(times[:-1]) if entry[0] <= middle)
    return (times[-1][0] - since[0]) / (times[-1][1] - since[1])


def _most_allocated(device: str) -> int:
    import torch

    return int(torch.cuda.max_memory_allocated(device))


def _duration(seconds: float) -> str:
    for scale, unit in _SCALES:
        if seconds >= 2 * scale:
            return f"{seconds / scale:.1f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{1000 * seconds:.2g} ms"


def _size(size: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size / 1000:.0f} kB"
