"""ESMFold, through transformers' own network."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from transformers import AutoConfig, EsmForProteinFolding
from transformers.models.esm.openfold_utils import atom14_to_atom37, residue_constants

from plmwidgets.models.checkpoint import Source, locate
from plmwidgets.models.folding import FoldedChain
from plmwidgets.models.masked_lm import ModelError, ModelIdentity
from plmwidgets.models.pretrained import (
    LOADING,
    quietly,
    read_network,
    reason_of,
    refuse_random_parts,
)
from plmwidgets.models.room import free_memory

_UNKNOWN: Final = residue_constants.restype_order_with_x["X"]
# Masked residues are built with this one's geometry: their own would tell what they are, as the
# positions of N, CA and C, which go back into the network, differ a little between amino acids.
_STAND_IN: Final = residue_constants.restype_order["A"]


class _Network(EsmForProteinFolding):
    """transformers' network, which stumbles over the targets of masked residues (5.23)."""

    def bert_mask(self, *args: Any) -> tuple[Tensor, Tensor, None]:
        """Hide residues; there is no training here, and so no targets."""
        shown, shown_to_esm, _ = super().bert_mask(*args)
        return shown, shown_to_esm, None


class EsmFold:
    """ESMFold (Lin et al., 2023): ESM-2 under a folding trunk and a structure module.

    Make one with `load_folding_model`. Attributes and methods are those of a `FoldingModel`.

    References
    ----------
    Lin, Z. et al. (2023). Evolutionary-scale prediction of atomic-level protein structure with a
    language model. Science 379, 1123-1130.
    """

    def __init__(self, network: EsmForProteinFolding, name: str, identity: ModelIdentity) -> None:
        self.name = name
        self.identity = identity
        self.network = network.eval().requires_grad_(False)
        self._chunk_size = network.trunk.chunk_size
        # The size of chunks and the hooks belong to one prediction.
        self._busy = threading.Lock()

    def __repr__(self) -> str:
        return f"<EsmFold {self.name!r} on {self.identity.device}>"

    def steps(self, recycles: int | None) -> int:
        """Return the number of layers and blocks that a prediction passes through."""
        trunk = self.network.trunk
        # As transformers counts: its setting is the number of passes, its argument one less.
        passes = trunk.config.max_recycles if recycles is None else recycles + 1
        return len(self.network.esm.encoder.layer) + passes * (len(trunk.blocks) + 1)

    def fold(
        self,
        sequence: str,
        masked: Sequence[int],
        recycles: int | None,
        chunk_size: int | None,
        step: Callable[[int], None],
    ) -> FoldedChain:
        """Predict a structure; see `FoldingModel`."""
        order = residue_constants.restype_order
        residues = torch.tensor([[order.get(letter, _UNKNOWN) for letter in sequence]])
        pattern = torch.zeros_like(residues)
        pattern[0, list(masked)] = 1
        residues[pattern == 1] = _STAND_IN
        with self._turn(chunk_size, step), torch.no_grad():
            output = self.network(
                residues.to(self.identity.device),
                masking_pattern=pattern.to(self.identity.device) if len(masked) else None,
                num_recycles=recycles,
            )
            atoms = atom14_to_atom37(output["positions"][-1], output)
        return FoldedChain(
            tuple(residue_constants.atom_types),
            _numbers(atoms[0]),
            _numbers(output["atom37_atom_exists"][0]) > 0,
            _numbers(output["plddt"][0]),
            float(output["ptm"]),
            _numbers(output["predicted_aligned_error"][0]),
        )

    @contextmanager
    def _turn(self, chunk_size: int | None, step: Callable[[int], None]) -> Iterator[None]:
        """Wait for one's turn, and hear of every layer and block."""
        network = self.network
        parts = [*network.esm.encoder.layer, *network.trunk.blocks, network.trunk.structure_module]
        count = itertools.count(1)
        while not self._busy.acquire(timeout=0.1):
            step(0)

        def done(*_: Any) -> None:
            if self.identity.device.startswith("cuda"):
                # Or all blocks would be told of before the first is done.
                torch.cuda.current_stream(network.device).synchronize()
            step(next(count))

        hooks = [part.register_forward_hook(done) for part in parts]
        try:
            network.trunk.set_chunk_size(self._chunk_size if chunk_size is None else chunk_size)
            yield
        finally:
            for hook in hooks:
                hook.remove()
            self._busy.release()


def load(source: Source, device: torch.device) -> EsmFold:
    """Load an ESMFold through transformers.

    Raises
    ------
    ModelError
        If files are missing or damaged, are of another kind, or do not fit the memory.
    """
    files = locate(source)
    with LOADING, quietly():
        try:
            config = AutoConfig.from_pretrained(files.folder, trust_remote_code=False)
            if getattr(config, "esmfold_config", None) is None:
                raise ModelError(
                    f"{files.folder} holds no ESMFold (its config.json has no esmfold_config): "
                    "give 'esmfold', or the folder of a model that predicts structures"
                )
            half = bool(config.esmfold_config.fp16_esm) and device.type == "cuda"
            with torch.device("meta"):  # names and shapes alone
                outline = _Network(config)
            _check_memory(source, outline, device, half)
            network, report = read_network(_Network, source, files.folder, config, torch.float32)
            # Whatever the file has them in: the language model alone may be in half precision.
            network = network.float()
            if half:
                network.esm.half()
            network = network.to(device)
        except (torch.OutOfMemoryError, ModelError):
            raise
        except Exception as error:
            raise ModelError(
                f"{source.name} cannot be loaded as an ESMFold from {files.folder} "
                f"({reason_of(error)}): write it with save_pretrained of EsmForProteinFolding, or "
                "fetch it again if files are damaged"
            ) from error
    refuse_random_parts(source, report, "model of structures")
    identity = ModelIdentity(
        source.checkpoint,
        files.revision,
        "float32, language model in float16" if half else "float32",
        str(device),
        by_content=True,
    )
    return EsmFold(network, source.name, identity)


def _check_memory(source: Source, outline: Any, device: torch.device, half: bool) -> None:
    language = sum(int(each.numel()) for each in outline.esm.parameters())
    every = sum(int(each.numel()) for each in outline.parameters())
    needed = 4 * every - (2 * language if half else 0)
    room = free_memory(device)
    if needed > room:
        raise ModelError(
            f"{source.name} needs {needed / 1e9:.3g} GB for its weights, and {room / 1e9:.3g} GB "
            f"are free on {device}: use a device with more memory, or fold elsewhere and open the "
            "file with Protein.from_file"
        )


def _numbers(values: Tensor) -> Any:
    return values.to("cpu", torch.float32).numpy().astype(np.float64)
