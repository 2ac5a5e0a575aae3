"""Any Hugging Face masked language model with one token a residue."""

import math
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from plmwidgets.models.attention import (
    AttentionBlock,
    AttentionReader,
    ContactHead,
    attention_shape,
    network_blocks,
)
from plmwidgets.models.hidden_states import (
    HiddenStateReader,
    StateBlock,
    embedding_shape,
    network_states,
)
from plmwidgets.models.masked_lm import Context, ModelError, ModelIdentity, chosen_precision
from plmwidgets.models.tokens import ResidueTokenizer
from plmwidgets.models.transfer import Download, upload

if TYPE_CHECKING:
    from plmwidgets.models.adapters import AdaptedMaskedLM

Ints = NDArray[np.int64]

OPERATIONS_A_STEP = 3e9
"""Floating-point operations for each thread of a CPU, which take it some hundredths of a second."""
LARGEST_BATCH = 64


class HuggingFaceMaskedLM(AttentionReader, HiddenStateReader):
    """A masked language model of the transformers library, as the package sees it.

    Parameters
    ----------
    network : transformers.PreTrainedModel
        A masked-LM class, such as ``EsmForMaskedLM``; it is put into evaluation mode.
    tokenizer : transformers.PreTrainedTokenizerBase
    name : str
        For people.
    checkpoint, revision : str
    by_content : bool
        See `plmwidgets.models.ModelIdentity`.
    weight_bytes : int, optional
        What all weights need on a device where they stay; only `suits` asks.
    contact_head : ContactHead, optional
        If it was trained: then the model offers contacts.
    adapter : str
        See `plmwidgets.models.ModelIdentity`.

    Attributes
    ----------
    network : torch.nn.Module
    tokenizer : transformers.PreTrainedTokenizerBase
    tokens : plmwidgets.models.tokens.ResidueTokenizer
    device : torch.device
    name, identity, capabilities, max_length, precisions
        See ``plmwidgets.models.masked_lm``.

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
        by_content: bool = False,
        weight_bytes: int = 0,
        contact_head: ContactHead | None = None,
        adapter: str = "",
    ) -> None:
        self.name = name
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.tokens = ResidueTokenizer(tokenizer, name)
        self.device: torch.device = network.device
        self.identity = ModelIdentity(
            checkpoint,
            revision,
            str(network.dtype).removeprefix("torch."),
            str(self.device),
            by_content,
            adapter,
        )
        self._check_vocabulary()
        shape = attention_shape(network.config)
        states = embedding_shape(network.config)
        self.attention_shape = shape or (0, 0)
        self.embedding_shape = states or (0, 0)
        self.contact_head = contact_head
        offered = {"attentions": shape, "contacts": contact_head, "embeddings": states}
        self.capabilities = frozenset(name for name, there in offered.items() if there)
        self.precisions: tuple[str, ...] = (
            ("reference",) if self.identity.dtype == "float32" else ("preview",)
        )
        self._weight_bytes = weight_bytes
        specials = self.tokens.prefix + self.tokens.suffix
        self.max_length, self._familiar_length = (
            None if tokens is None else tokens - specials for tokens in _token_limits(network)
        )
        self._columns = torch.from_numpy(self.tokens.columns).to(self.device)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.identity.dtype}, {self.device})"

    def suits(self, memory: int | None) -> bool:
        """Whether `load` would, with this memory, load the model as it has been loaded."""
        return memory is None or self._weight_bytes <= memory

    def with_adapter(self, folder: str | os.PathLike[str]) -> "AdaptedMaskedLM":
        """Return this model with a LoRA adapter, as another model that shares its weights.

        This one stays as it is. The other is called ``<name>+<folder>``, and the adapter is part
        of its identity: nothing that one of the two computed is taken for the other's.

        Parameters
        ----------
        folder : path
            What peft's ``save_pretrained`` wrote: ``adapter_config.json`` and
            ``adapter_model.safetensors``.

        Raises
        ------
        ModelError
            If the files are missing or damaged or hold a pickle, or if the adapter is of another
            kind or belongs to another model.
        ModuleNotFoundError
            If peft is not installed.
        """
        from plmwidgets.models.adapters import load_adapter

        return load_adapter(self, folder)

    def preferred_batch(self, length: int) -> int:
        """Return how many contexts of this length should go through the model together.

        On a CPU as many as take some hundredths of a second between two places where other work
        may go between, up to 64. It depends on nothing that changes from one moment to the next,
        as the shape of a batch may decide the last bits of a result.
        """
        if self.device.type != "cpu":
            return LARGEST_BATCH
        room = OPERATIONS_A_STEP * torch.get_num_threads() / self._step_operations(length)
        return power_of_two(room, LARGEST_BATCH)

    def _step_operations(self, length: int) -> float:
        """Floating-point operations in a step of one context: here, in the whole pass."""
        tokens = self.tokens.prefix + length + self.tokens.suffix
        parameters: int = sum(weights.numel() for weights in self.network.parameters())
        return 2.0 * tokens * parameters

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
                f"{length}: give a part of it, such as a domain, or choose a model without a "
                "limit, such as 'esm2-8m'. For pairs of masks alone, plm.scan_windows(protein, "
                "model) scans the whole in overlapping windows."
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
        self, contexts: Sequence[Context], positions: Ints | None = None
    ) -> NDArray[np.floating[Any]]:
        """Natural-log probabilities of the twenty amino acids.

        The twenty columns are taken from the logits first and normalised among themselves, in
        float32 whatever the precision of the network.

        Parameters
        ----------
        contexts : sequence of Context
            n contexts of equal length L; they form one batch.
        positions : ndarray of int64, shape (n, k), optional
            Which positions of each context are wanted, 0-based; all of them by default. Only
            these leave the device.

        Returns
        -------
        ndarray of float32, shape (n, k, 20) or (n, L, 20)
            Columns in the order of `plmwidgets.alphabet.AMINO_ACIDS`.

        Raises
        ------
        ModelError
            If a context does not fit the model.
        ValueError
            If the contexts differ in length, or `positions` has another shape.
        IndexError
            If a position lies outside 0 .. L-1.
        """
        ids, wanted = self._tokens_of(contexts, positions)
        with torch.inference_mode():
            logits = self.network(input_ids=ids, return_dict=True).logits
            if wanted is not None:
                logits = logits[torch.arange(len(ids), device=self.device)[:, None], wanted]
            found = torch.log_softmax(logits[..., self._columns].float(), dim=-1)
        return self._of_residues(found, wanted).wait()

    def _tokens_of(
        self, contexts: Sequence[Context], positions: Ints | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Token ids (n, T) of contexts, and which tokens are wanted (n, k), on the device."""
        length = _common_length(contexts)
        for sequence in {context.sequence for context in contexts}:
            self.check_sequence(sequence)
        ids = upload(self.tokens.encode(contexts), self.device)
        if positions is None:
            return ids, None
        checked = checked_positions(positions, len(contexts), length) + self.tokens.prefix
        return ids, upload(checked, self.device)

    def _of_residues(self, found: torch.Tensor, wanted: torch.Tensor | None) -> Download:
        """Begin to take results to the host, without those of special tokens."""
        if wanted is None:
            found = found[:, self.tokens.prefix : found.shape[1] - self.tokens.suffix]
        return Download(found)

    def _attention_blocks(self, ids: torch.Tensor, layers: int) -> Iterator[AttentionBlock]:
        for block in network_blocks(self.network, ids, self.attention_shape):
            if block.layer < layers:
                yield block

    def _state_blocks(
        self, ids: torch.Tensor, deepest: int, precision: str | None
    ) -> Iterator[StateBlock]:
        chosen_precision(self, precision)  # there is one alone
        yield from network_states(self.network, ids, deepest, self.embedding_shape)

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


def power_of_two(size: float, most: int) -> int:
    """Return the largest power of two up to a size, between 1 and `most`."""
    return 1 << math.floor(math.log2(min(max(size, 1), most)))


def checked_positions(positions: Ints, count: int, length: int) -> Ints:
    """Return wanted positions, (count, k), if each lies in a sequence of this length.

    Raises
    ------
    ValueError
        If the shape is another.
    IndexError
        If one lies outside.
    """
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
