"""Any Hugging Face masked language model with one token a residue."""

import threading
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from transformers import AutoModelForMaskedLM, AutoTokenizer

from plmwidgets.models.checkpoint import Source, first_line, locate
from plmwidgets.models.encoder import Encoder
from plmwidgets.models.esm_layout import is_esm_like, read_encoder
from plmwidgets.models.layers import ARITHMETIC
from plmwidgets.models.masked_lm import Context, ModelError, ModelIdentity
from plmwidgets.models.room import Room
from plmwidgets.models.superposition import superposed_pass
from plmwidgets.models.tokens import ResidueTokenizer

Ints = NDArray[np.int64]

_DTYPES: Final = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
# transformers sets process-wide state (default dtype, verbosity) while it loads.
_LOADING: Final = threading.Lock()


class HuggingFaceMaskedLM:
    """A masked language model of the transformers library, as the package sees it.

    Parameters
    ----------
    network : transformers.PreTrainedModel
        A masked-LM class, such as ``EsmForMaskedLM``; it is put into evaluation mode.
    tokenizer : transformers.PreTrainedTokenizerBase
    name : str
        For people.
    checkpoint, revision : str
        See `plmwidgets.models.ModelIdentity`.

    Attributes
    ----------
    network : torch.nn.Module
    tokens : plmwidgets.models.tokens.ResidueTokenizer
    device : torch.device
    name, identity, capabilities, max_length, precisions
        See `plmwidgets.models.masked_lm`. Networks of ESM's and ESM C's kind are computed by an
        `Encoder`, which is faster and offers more than one precision; others by themselves.

    Raises
    ------
    ModelError
        If the tokenizer does not give one token a residue, or does not fit the network.
    """

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        *,
        name: str,
        checkpoint: str,
        revision: str,
    ) -> None:
        self.name = name
        self.network = network.eval()
        self.tokens = ResidueTokenizer(tokenizer, name)
        self.device: torch.device = network.device
        self.identity = ModelIdentity(
            checkpoint, revision, str(network.dtype).removeprefix("torch."), str(self.device)
        )
        self._check_vocabulary()
        self._encoders: dict[str, Encoder] = {}
        # Apple's devices are left to the network: the encoder was never tried there.
        fast = self.device.type in ("cpu", "cuda") and is_esm_like(network)
        self.capabilities = frozenset({"precision", "pair_pass"} if fast else ())
        self.precisions = _precisions(self.device, self.identity.dtype, fast)
        specials = self.tokens.prefix + self.tokens.suffix
        self.max_length, self._familiar_length = (
            None if tokens is None else tokens - specials for tokens in _token_limits(network)
        )
        self._columns = torch.from_numpy(self.tokens.columns).to(self.device)

    def __repr__(self) -> str:
        return f"HuggingFaceMaskedLM({self.name!r}, {self.identity.dtype}, {self.device})"

    def check_sequence(self, sequence: str) -> None:
        """Raise `ModelError`, saying why, if the model cannot take this sequence.

        Warns once about a sequence longer than those the model was made for.
        """
        length = len(sequence)
        if length == 0:
            raise ModelError("the sequence is empty: give at least one residue.")
        if self.max_length is not None and length > self.max_length:
            raise ModelError(
                f"{self.name} takes at most {self.max_length} residues and this sequence has "
                f"{length}: cut it into domains, or choose a model without a limit, such as "
                "'esm2-8m'."
            )
        self.tokens.check(sequence)
        if self._familiar_length is not None and length > self._familiar_length:
            warnings.warn(
                f"{self.name} was made for at most {self._familiar_length} residues and this "
                f"sequence has {length}: its predictions may be worse, and memory and time grow "
                "with the square of the length.",
                stacklevel=2,
            )
            self._familiar_length = None

    def log_probabilities(
        self,
        contexts: Sequence[Context],
        positions: Ints | None = None,
        precision: str | None = None,
    ) -> NDArray[np.floating[Any]]:
        """Natural-log probabilities of the twenty amino acids.

        The twenty columns are taken from the logits first and normalised among themselves, in
        float32 at least.

        Parameters
        ----------
        contexts : sequence of Context
            n contexts of equal length L; they form one batch.
        positions : ndarray of int64, shape (n, k), optional
            Which positions of each context are wanted, 0-based; all of them by default. Only
            these leave the device.
        precision : str, optional
            One of `precisions`, the first by default, or ``"double"``.

        Returns
        -------
        ndarray of float32, shape (n, k, 20) or (n, L, 20)
            Columns in the order of `plmwidgets.alphabet.AMINO_ACIDS`; float64 in double precision.

        Raises
        ------
        ModelError
            If a context does not fit the model.
        ValueError
            If the contexts differ in length, or `positions` has another shape.
        IndexError
            If a position lies outside 0 .. L-1.
        """
        length = _common_length(contexts)
        for sequence in {context.sequence for context in contexts}:
            self.check_sequence(sequence)
        ids = torch.from_numpy(self.tokens.encode(contexts)).to(self.device)
        wanted = None
        if positions is not None:
            checked = _checked_positions(positions, len(contexts), length) + self.tokens.prefix
            wanted = torch.from_numpy(checked).to(self.device)
        if "precision" in self.capabilities:
            found = self._encoder(precision).log_probabilities(ids, wanted)
        else:
            found = self._by_network(ids, wanted)
        if positions is None:
            found = found[:, self.tokens.prefix : self.tokens.prefix + length]
        values: NDArray[np.floating[Any]] = found.cpu().numpy()
        return values

    def pair_pass(
        self,
        sequence: str,
        positions: Ints,
        precision: str | None = None,
        memory: int | None = None,
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Estimate log p(i|{i,j}) of all pairs of positions by a superposed pass.

        A generator of short steps: it yields the share of the work that is done.

        Parameters
        ----------
        sequence : str
        positions : ndarray of int64, shape (n,)
            0-based.
        precision : str, optional
            One of `precisions`, the first by default.
        memory : int, optional
            Bytes that the states may take on the device; by default most of what is free. The
            rest goes to host memory or to a temporary file.

        Returns
        -------
        ndarray of float32, shape (n, n, 20)
            ``[i, j]`` estimates log p(i|{i,j}); NaN on the diagonal.

        Raises
        ------
        ModelError
            If the network is not of ESM's or ESM C's kind.
        """
        if "pair_pass" not in self.capabilities:
            raise ModelError(
                f"{self.name} is not of ESM's or ESM C's kind, and only these have a superposed "
                "pass: scan with method='exact'."
            )
        self.check_sequence(sequence)
        ids = torch.from_numpy(self.tokens.encode([Context(sequence)])[0]).to(self.device)
        tokens = torch.from_numpy(positions + self.tokens.prefix).to(self.device)
        steps = superposed_pass(self._encoder(precision), ids, tokens, Room(self.device, memory))
        while True:
            try:
                share = next(steps)
            except StopIteration as end:
                estimates: NDArray[np.float32] = end.value.numpy()
                estimates[np.diag_indices(len(positions))] = np.nan
                return estimates
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)  # or other work would wait for a long queue
            yield share

    def _by_network(self, ids: torch.Tensor, wanted: torch.Tensor | None) -> torch.Tensor:
        with torch.inference_mode():
            logits = self.network(input_ids=ids, return_dict=True).logits
            if wanted is not None:
                logits = logits[torch.arange(len(ids), device=self.device)[:, None], wanted]
            return torch.log_softmax(logits[..., self._columns].float(), dim=-1)

    def _encoder(self, precision: str | None) -> Encoder:
        """Return the encoder of a precision; made when first asked for, and kept."""
        name = self.precisions[0] if precision is None else precision
        if name not in self._encoders:
            if "" not in self._encoders:
                self._encoders[""] = read_encoder(
                    self.network, self.tokens.columns, self.tokens.mask_id
                )
            self._encoders[name] = self._encoders[""].to(ARITHMETIC[name])
        return self._encoders[name]

    def _check_vocabulary(self) -> None:
        rows = self.network.get_input_embeddings().weight.shape[0]
        if self.tokens.largest_id >= rows:
            raise ModelError(
                f"the tokenizer of {self.name} does not belong to its weights: it uses token "
                f"{self.tokens.largest_id} and the network knows {rows}. Fetch both again."
            )
        # ESM finds the masks that its token dropout counts by the id in its configuration.
        configured = getattr(self.network.config, "mask_token_id", None)
        if configured is not None and configured != self.tokens.mask_id:
            raise ModelError(
                f"the tokenizer of {self.name} does not belong to its weights: it hides residues "
                f"with token {self.tokens.mask_id}, config.json says {configured}. Fetch both "
                "again."
            )


def load(source: Source, device: torch.device, dtype: torch.dtype) -> HuggingFaceMaskedLM:
    """Load a checkpoint through transformers' own classes; no code of the checkpoint is run.

    Raises
    ------
    ModelError
        If files are missing, damaged or cannot be fetched, or the model cannot be used.
    """
    files = locate(source)
    with _LOADING, _quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(files.folder, trust_remote_code=False)
        except Exception as error:
            raise ModelError(
                f"the tokenizer of {source.name} cannot be loaded from {files.folder} "
                f"({_reason(error)}): write it there with its save_pretrained, or fetch it again."
            ) from error
        try:
            network, report = AutoModelForMaskedLM.from_pretrained(
                files.folder,
                # Here, not by `.to(dtype)` later, which would also round rotary frequencies.
                dtype=dtype,
                trust_remote_code=False,
                use_safetensors=source.weights_format == "safetensors",
                weights_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
            )
            network = network.to(device)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            raise ModelError(
                f"{source.name} cannot be loaded as a masked language model from {files.folder} "
                f"({_reason(error)}): choose a masked language model that transformers knows, "
                "saved whole by save_pretrained, or fetch it again if files are damaged."
            ) from error
    _refuse_random_parts(source, report)
    return HuggingFaceMaskedLM(
        network,
        tokenizer,
        name=source.name,
        checkpoint=source.checkpoint,
        revision=files.revision,
    )


def _precisions(device: torch.device, dtype: str, fast: bool) -> tuple[str, ...]:
    """Return what can be computed with weights of a type, the default first."""
    if not fast:
        return ("reference",) if dtype == "float32" else ("preview",)
    if dtype != "float32":
        return ("final",) if dtype == "float16" else ("preview",)
    if device.type == "cuda":
        return ("final", "reference", "preview")
    return ("reference", "preview")


def choose_device(device: str | torch.device | None) -> torch.device:
    """Return the device asked for, or the best there is: CUDA, else Apple's MPS, else the CPU.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    present = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    present += ["mps:0"] if torch.backends.mps.is_available() else []
    present += ["cpu"]
    wanted = present[0] if device is None else str(device)
    wanted = {"cuda": "cuda:0", "mps": "mps:0"}.get(wanted, wanted)
    if wanted not in present:
        raise ValueError(f"there is no device {wanted!r} here: use one of {', '.join(present)}.")
    return torch.device(wanted)


def choose_dtype(dtype: str | torch.dtype | None) -> torch.dtype:
    """Return the arithmetic asked for; float32 by default.

    Raises
    ------
    ValueError
        If it is not one of float32, bfloat16 and float16.
    """
    name = "float32" if dtype is None else str(dtype).removeprefix("torch.")
    if name not in _DTYPES:
        raise ValueError(f"unknown dtype {name!r}: use one of {', '.join(map(repr, _DTYPES))}.")
    return _DTYPES[name]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' notes on keys away from the reader; what matters is checked here."""
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(verbosity)


def _reason(error: Exception) -> str:
    if "trust_remote_code" in str(error):
        return "it needs Python code of its own, which is never run here"
    return first_line(error)


def _refuse_random_parts(source: Source, report: dict[str, Any]) -> None:
    """Refuse a network of which parts were left random, for want of fitting weights."""
    wrong_shape = sorted(str(entry[0]) for entry in report["mismatched_keys"])
    if wrong_shape:
        raise ModelError(
            f"the weights of {source.name} do not fit its config.json: {_some(wrong_shape)} "
            "have another shape. Fetch or write the model again."
        )
    # The contact head takes no part in predictions.
    missing = sorted(key for key in report["missing_keys"] if "contact_head" not in key)
    if missing:
        raise ModelError(
            f"{source.name} is not a whole masked language model: its weights lack "
            f"{_some(missing)}, which would stay random. Choose a checkpoint that was saved with "
            "its masked-LM head."
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" and more" if len(names) > 3 else "")


def _token_limits(network: Any) -> tuple[int | None, int | None]:
    """Most tokens that a network can take, and most that it was made for (None: no such limit)."""
    for name, module in network.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            # RoBERTa and ESM-1b count positions from the padding index + 1, BERT from 0.
            first = 0 if module.padding_idx is None else module.padding_idx + 1
            return module.num_embeddings - first, None
    longest = getattr(network.config, "max_position_embeddings", None)
    if longest is not None and network.config.model_type == "esm":
        # ESM-2 keeps that counting in its configuration, though its positions are rotary.
        longest -= network.config.pad_token_id + 1
    return None, longest


def _common_length(contexts: Sequence[Context]) -> int:
    lengths = {len(context.sequence) for context in contexts}
    if len(lengths) != 1:
        raise ValueError(
            f"the contexts of a batch need one common length, and these have {sorted(lengths)}: "
            "ask for each length by itself."
        )
    return lengths.pop()


def _checked_positions(positions: Ints, count: int, length: int) -> Ints:
    wanted = np.asarray(positions, dtype=np.int64)
    if wanted.ndim != 2 or len(wanted) != count:
        raise ValueError(
            f"positions have shape {wanted.shape}: give one row for each of the {count} contexts."
        )
    if wanted.size and not 0 <= wanted.min() <= wanted.max() < length:
        raise IndexError(
            f"positions reach from {wanted.min()} to {wanted.max()}: they are counted from 0 to "
            f"{length - 1}."
        )
    return wanted
