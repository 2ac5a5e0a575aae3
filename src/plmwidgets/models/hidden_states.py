"""Hidden states of a model: what it makes of each residue, layer by layer."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plmwidgets.models.encoder import STREAM_AT_ONCE, Encoder
from plmwidgets.models.masked_lm import Context, ModelError, run_to_end
from plmwidgets.models.tokens import ResidueTokenizer


@dataclass(frozen=True, slots=True)
class StateBlock:
    """The hidden states at one depth, for some contexts of a batch.

    Attributes
    ----------
    contexts : slice
    layer : int
        0 before the first layer, k after the k-th.
    states : Tensor, shape (n, T, d)
        Special tokens included; overwritten by the next block.
    """

    contexts: slice
    layer: int
    states: Tensor


class HiddenStateReader:
    """What a model with hidden states offers beside log-probabilities; a base of models.

    Attributes
    ----------
    embedding_shape : tuple of (int, int)
        Number of layers, and width of the hidden states.
    """

    name: str
    tokens: ResidueTokenizer
    embedding_shape: tuple[int, int]

    def embeddings(
        self,
        contexts: Sequence[Context],
        layers: Sequence[int] | None = None,
        precision: str | None = None,
    ) -> NDArray[np.float32]:
        """Hidden states of residues; see `EmbeddingMaskedLM.embeddings`."""
        return run_to_end(self.embedding_steps(contexts, layers, precision))

    def embedding_steps(
        self,
        contexts: Sequence[Context],
        layers: Sequence[int] | None = None,
        precision: str | None = None,
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Do the same in short steps; see `EmbeddingMaskedLM.embedding_steps`."""
        last, width = self.embedding_shape
        chosen = [last] if layers is None else list(layers)
        if any(not 0 <= layer <= last for layer in chosen):
            raise IndexError(
                f"the layers of {self.name} are 0 (before the first) to {last} (after the last), "
                f"not {chosen}"
            )
        ids, _ = self._tokens_of(contexts, None)
        kept = slice(self.tokens.prefix, ids.shape[1] - self.tokens.suffix)
        length = len(contexts[0].sequence)
        found = np.empty((len(contexts), len(chosen), length, width), np.float32)
        size, deepest = self.preferred_batch(length), max(chosen, default=0)
        done = 0
        for start in range(0, len(ids), size):
            for block in self._state_blocks(ids[start : start + size], deepest, precision):
                there = slice(start + block.contexts.start, start + block.contexts.stop)
                for place, layer in enumerate(chosen):
                    if layer == block.layer:
                        found[there, place] = block.states[:, kept].float().cpu().numpy()
                done += len(block.states)
                yield done / (len(ids) * (deepest + 1))
        return found

    def preferred_batch(self, length: int) -> int:
        """How many contexts of this length should go through the model together."""
        raise NotImplementedError

    def _tokens_of(
        self, contexts: Sequence[Context], positions: NDArray[np.int64] | None
    ) -> tuple[Tensor, Tensor | None]:
        raise NotImplementedError

    def _state_blocks(
        self, ids: Tensor, deepest: int, precision: str | None
    ) -> Iterator[StateBlock]:
        """Yield the blocks of token ids (n, T), from 0 to the deepest layer asked for."""
        raise NotImplementedError


@torch.inference_mode()
def encoder_states(encoder: Encoder, ids: Tensor, deepest: int) -> Iterator[StateBlock]:
    """Yield the hidden states of an encoder, layer by layer.

    Those after the last layer are normalised, as those that transformers gives are.

    Parameters
    ----------
    encoder : Encoder
        Its buffers are in use within a step.
    ids : Tensor of int64, shape (n, T)
    deepest : int
        The last layer to go through; 0 for none.
    """
    x = encoder.embed(ids)
    yield StateBlock(slice(0, len(x)), 0, x)
    rotation = encoder.rotation(ids.shape[1])
    size = max(1, STREAM_AT_ONCE // x[0].numel())
    parts = [slice(start, min(start + size, len(x))) for start in range(0, len(x), size)]
    for index in range(deepest):
        layer = encoder.layers[index]
        for part in parts:
            encoder.advance(layer, x[part], rotation, encoder.buffers)
            ended = index + 1 == len(encoder.layers)
            yield StateBlock(
                part, index + 1, encoder.ends.output_norm(x[part]) if ended else x[part]
            )


def network_states(
    network: Any, ids: Tensor, deepest: int, shape: tuple[int, int]
) -> Iterator[StateBlock]:
    """Yield the hidden states of a transformers network, as ``output_hidden_states`` gives them.

    Parameters
    ----------
    network : transformers.PreTrainedModel
    ids : Tensor of int64, shape (n, T)
    deepest : int
        The last layer that is yielded.
    shape : tuple of (int, int)
        Layers, and width.

    Raises
    ------
    ModelError
        If it does not give a state of each token for each layer.
    """
    layers, width = shape
    with torch.inference_mode():
        given = network(input_ids=ids, output_hidden_states=True, return_dict=True)
    states = tuple(given.hidden_states or ())
    expected = (*ids.shape, width)
    if len(states) != layers + 1 or any(tuple(each.shape) != expected for each in states):
        raise ModelError(
            f"{type(network).__name__} does not give hidden states of all tokens and layers: use a "
            "model of ESM's, ESM C's or BERT's kind, such as 'esm2-8m'."
        )
    for layer, each in enumerate(states[: deepest + 1]):
        yield StateBlock(slice(0, len(ids)), layer, each)


def embedding_shape(config: Any) -> tuple[int, int] | None:
    """Return the number of layers and the width that a configuration states, if it does."""
    layers = getattr(config, "num_hidden_layers", None)
    width = getattr(config, "hidden_size", None)
    return (layers, width) if isinstance(layers, int) and isinstance(width, int) else None
