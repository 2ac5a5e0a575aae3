"""Models of ESM's and ESM C's kind, computed by an `Encoder`: faster, in several precisions."""

import threading
import traceback
from collections.abc import Generator, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from plmwidgets.models.attention import AttentionBlock, encoder_blocks
from plmwidgets.models.encoder import Encoder
from plmwidgets.models.esm_layout import is_esm_like, read_encoder, read_ends
from plmwidgets.models.hidden_states import StateBlock, encoder_states
from plmwidgets.models.huggingface import HuggingFaceMaskedLM, Ints, checked_positions, power_of_two
from plmwidgets.models.layers import ARITHMETIC, Arithmetic
from plmwidgets.models.masked_lm import Context, chosen_precision, run_to_end
from plmwidgets.models.room import Room, free_memory
from plmwidgets.models.streaming import MOST_CONTEXTS, STREAM_BYTES, LayerStream
from plmwidgets.models.superposition import pass_bytes, pass_cost, superposed_pass, working_bytes
from plmwidgets.models.transfer import Pace, upload

GPU_TOKENS = 2**13
"""Tokens in a batch on a GPU at least, while the batch has more than one context."""
GPU_OPERATIONS = 2e12
"""Floating-point operations in a batch on a GPU at least: some hundredths of a second."""

Block = TypeVar("Block", AttentionBlock, StateBlock)


class EsmMaskedLM(HuggingFaceMaskedLM):
    """A Hugging Face network of ESM's or ESM C's kind.

    Parameters
    ----------
    network, tokenizer, name, checkpoint, revision, weight_bytes
        See `HuggingFaceMaskedLM`.
    layers : LayerStream, optional
        The layers, if they are not in the network, in its own arithmetic: the model is then
        streamed, as its capabilities say too.

    Attributes
    ----------
    capabilities, precisions
        See `plmwidgets.models.masked_lm`. The capability ``"streamed"`` says that the layers come
        from their files in every pass.
    """

    def __init__(
        self, network: Any, tokenizer: Any, *, layers: LayerStream | None = None, **options: Any
    ) -> None:
        super().__init__(network, tokenizer, **options)
        self.capabilities |= {"precision", "pair_pass"}
        if self.device.type == "cuda":
            self.capabilities |= {"asynchronous"}
        if layers is not None:
            self.capabilities |= {"streamed"}
            self.attention_shape = (len(layers), self.attention_shape[1])
            self.embedding_shape = (len(layers), self.embedding_shape[1])
        self.precisions = precisions(self.device, self.identity.dtype)
        self._layers = layers
        self._turn = threading.Lock()
        self._making = threading.RLock()  # a model with an adapter asks its base for encoders
        self._encoders: dict[str, Encoder] = {}

    def __repr__(self) -> str:
        streamed = ", streamed" if "streamed" in self.capabilities else ""
        return f"{super().__repr__()[:-1]}{streamed})"

    def suits(self, memory: int | None) -> bool:
        """Whether `load` would, with this memory, load the model as it has been loaded."""
        if "streamed" in self.capabilities:
            room = free_memory(self.device) if memory is None else memory
            return self._weight_bytes > room
        return super().suits(memory)

    def preferred_batch(self, length: int) -> int:
        """Return how many contexts of this length should go through the model together.

        As for `HuggingFaceMaskedLM` on a CPU. On a GPU so many that its products are large, and
        more of short proteins in small models, where a batch would be done before the next is
        asked for; of a streamed model many, as each batch reads all weights.
        """
        tokens = self.tokens.prefix + length + self.tokens.suffix
        if "streamed" not in self.capabilities:
            if self.device.type == "cpu":
                return super().preferred_batch(length)
            operations = self.embedding_shape[0] * self._step_operations(length)
            size = max(GPU_TOKENS / tokens, GPU_OPERATIONS / operations)
            return power_of_two(size, MOST_CONTEXTS)
        number = ARITHMETIC[self.precisions[0]].stream.itemsize
        context = tokens * int(self.network.config.hidden_size) * number
        return min(max(1, STREAM_BYTES // context), MOST_CONTEXTS)

    def _step_operations(self, length: int) -> float:
        """Floating-point operations in a step of one context: a layer."""
        tokens = self.tokens.prefix + length + self.tokens.suffix
        width = int(self.network.config.hidden_size)
        return 24.0 * tokens * width**2 + 4.0 * tokens**2 * width

    def log_probabilities(
        self,
        contexts: Sequence[Context],
        positions: Ints | None = None,
        precision: str | None = None,
    ) -> NDArray[np.floating[Any]]:
        """Natural-log probabilities of the twenty amino acids.

        Parameters
        ----------
        contexts, positions
            As for `HuggingFaceMaskedLM`.
        precision : str, optional
            One of `precisions`, the first by default, or ``"double"``.

        Returns
        -------
        ndarray of float32, shape (n, k, 20) or (n, L, 20)
            As for `HuggingFaceMaskedLM`; float64 in double precision.

        Raises
        ------
        ValueError
            If the precision is not offered; and as for `HuggingFaceMaskedLM`.
        """
        return run_to_end(self.log_probability_steps(contexts, positions, precision))

    def log_probability_steps(
        self,
        contexts: Sequence[Context],
        positions: Ints | None = None,
        precision: str | None = None,
    ) -> Generator[float, None, NDArray[np.floating[Any]]]:
        """Do as `log_probabilities`, but stop after each layer, where other work may go between.

        Yields the share of the layers that is done; on a GPU, of those that are queued, and 1 once
        all work is queued, the copy of the values to the host included. They are waited for after
        that.
        """
        ids, wanted = self._tokens_of(contexts, positions)
        steps, pace = self._encoder(precision).steps(ids, wanted), Pace(self.device)
        asynchronous = "asynchronous" in self.capabilities
        while True:
            # Buffers are in use within a step, and a scan may run while somebody calls the model.
            with self._turn:
                try:
                    share = next(steps)
                except StopIteration as end:
                    values = self._of_residues(end.value, wanted)
                    break
            pace.step()
            if share < 1 or not asynchronous:
                yield share
        if asynchronous:
            yield 1.0
        return values.wait()

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
            If the sequence does not fit the model.
        IndexError
            If a position lies outside 0 .. L-1.
        """
        self.check_sequence(sequence)
        checked = checked_positions(np.asarray(positions)[None], 1, len(sequence))[0]
        if len(checked) == 0:
            raise ValueError("a pair pass needs at least one position.")
        ids = upload(self.tokens.encode([Context(sequence)])[0], self.device)
        tokens = upload(checked + self.tokens.prefix, self.device)
        beside = working_bytes(int(self.network.config.hidden_size), self.device)
        room = Room(self.device, memory, beside)
        steps = superposed_pass(self._encoder(precision), ids, tokens, room)
        pace = Pace(self.device)
        try:
            while True:
                share = next(steps)
                pace.step()
                yield share
        except StopIteration as end:
            estimates: NDArray[np.float32] = end.value.numpy()
            estimates[np.diag_indices(len(positions))] = np.nan
            return estimates
        except Exception as error:
            traceback.clear_frames(error.__traceback__)  # which hold the states
            raise
        finally:
            steps.close()
            room.give_back()

    def pair_pass_cost(self, length: int, n: int) -> float:
        """Work of a pair pass over n of `length` residues, in passes over one context."""
        tokens = self.tokens.prefix + length + self.tokens.suffix
        return pass_cost(self.network.config.hidden_size, tokens, n)

    def pair_pass_bytes(self, length: int, n: int) -> int:
        """Memory of a pair pass over n of `length` residues, in float32: on a CPU, its states."""
        tokens = self.tokens.prefix + length + self.tokens.suffix
        width = int(self.network.config.hidden_size)
        return pass_bytes(width, tokens, n) + working_bytes(width, self.device)

    def _attention_blocks(self, ids: torch.Tensor, layers: int) -> Iterator[AttentionBlock]:
        # In float32 where the weights are: small differences of rows count in a contact head.
        precision = "reference" if "reference" in self.precisions else None
        yield from self._in_turn(encoder_blocks(self._encoder(precision), ids, layers))

    def _state_blocks(
        self, ids: torch.Tensor, deepest: int, precision: str | None
    ) -> Iterator[StateBlock]:
        yield from self._in_turn(encoder_states(self._encoder(precision), ids, deepest))

    def _in_turn(self, blocks: Iterator[Block]) -> Iterator[Block]:
        while True:
            with self._turn:  # as in `log_probability_steps`
                block = next(blocks, None)
            if block is None:
                return
            yield block

    def _encoder(self, precision: str | None) -> Encoder:
        name = "double" if precision == "double" else chosen_precision(self, precision)
        return self._encoder_in(name)

    def _encoder_in(self, name: str) -> Encoder:
        """Return the encoder in a kind of `ARITHMETIC`; made when first asked for, and kept."""
        with self._making:
            if "" not in self._encoders:
                self._encoders[""] = self._read_encoder()
            if name == "double":  # asked for a few times at most, and large
                return self._encoders[""].to(ARITHMETIC[name])
            if name not in self._encoders:
                self._encoders[name] = self._encoders[""].to(ARITHMETIC[name])
            return self._encoders[name]

    def _read_encoder(self) -> Encoder:
        columns, mask_id = self.tokens.columns, self.tokens.mask_id
        if self._layers is None:
            return read_encoder(self.network, columns, mask_id)
        ends = read_ends(self.network, columns, mask_id)
        own = Arithmetic(self.network.dtype, self.network.dtype)
        return Encoder(ends, self._layers, self.device, own)


def precisions(device: torch.device, dtype: str) -> tuple[str, ...]:
    """Return what can be computed with weights of a type, the default first."""
    if dtype != "float32":
        return ("final",) if dtype == "float16" else ("preview",)
    if device.type == "cuda":
        return ("final", "reference", "preview")
    return ("reference", "preview")


def has_encoder(network: Any, device: torch.device) -> bool:
    """Whether an `Encoder` computes what a network would."""
    # Apple's devices are left to the network: the encoder was never tried there.
    return device.type in ("cpu", "cuda") and is_esm_like(network)


def wrap(network: Any, tokenizer: Any, **options: Any) -> HuggingFaceMaskedLM:
    """Return a model of a network: an `EsmMaskedLM` where that is possible.

    Parameters
    ----------
    network, tokenizer
        See `HuggingFaceMaskedLM`.
    **options
        As there; ``layers`` for an `EsmMaskedLM` alone.
    """
    kind = EsmMaskedLM if has_encoder(network, network.device) else HuggingFaceMaskedLM
    return kind(network, tokenizer, **options)
