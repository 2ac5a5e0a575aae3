"""The sequence track of ESM3, through its own package.

That package (``esm`` of EvolutionaryScale) wants another transformers than the rest of this
package, so it lives in an environment of its own: see ``plmwidgets serve --python``. This module
runs there, and so does all that it imports.
"""

import json
from types import SimpleNamespace
from typing import Any, Final

import torch
from torch import Tensor

from plmwidgets.models.checkpoint import Source, first_line, locate
from plmwidgets.models.huggingface import HuggingFaceMaskedLM
from plmwidgets.models.masked_lm import ModelError

SIZES: Final = ("d_model", "n_heads", "v_heads", "n_layers")
"""What ``config.json`` of a folder says of the network, beside ``"model_type": "esm3"``."""
NEEDS_OWN_ENVIRONMENT: Final = (
    "ESM3 needs its own package (pip install esm==3.2.1.post1 httpx), which wants an older "
    "transformers than plmwidgets: install it in an environment of its own, hold the model there "
    "with  plmwidgets serve --model {name} --python ENVIRONMENT/bin/python  and use "
    "load_model({name!r}, backend='ray'); see docs/shared_models.md"
)


class SequenceTrack(torch.nn.Module):
    """ESM3 with all other tracks empty: token ids in, logits of the sequence out.

    Parameters
    ----------
    network : esm.models.esm3.ESM3
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        mask = network.tokenizers.sequence.mask_token_id
        self.config = SimpleNamespace(model_type="esm3", mask_token_id=mask)

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        weight: Tensor = self.get_input_embeddings().weight
        return weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Of its weights."""
        weight: Tensor = self.get_input_embeddings().weight
        return weight.dtype

    def get_input_embeddings(self) -> Any:
        """Return the table of the residues' embeddings."""
        return self.network.encoder.sequence_embed

    def forward(self, input_ids: Tensor, return_dict: bool = True) -> Any:
        """Return logits, shape (n, T, 64), as transformers' networks do."""
        return SimpleNamespace(logits=self.network(sequence_tokens=input_ids).sequence_logits)


def load(
    source: Source, device: torch.device, dtype: torch.dtype, memory: int | None = None
) -> HuggingFaceMaskedLM:
    """Load ESM3's open model, or a folder with ``config.json`` and ``model.safetensors``.

    Raises
    ------
    ModelError
        If its package is not in this environment, or the model cannot be loaded.
    ValueError
        If another type than float32 is asked for.
    """
    if source.contact_head:
        raise ModelError(f"{source.name} has no contact head: leave contact_head away")
    if dtype != torch.float32:
        raise ValueError(f"{source.name} runs in float32 alone: leave dtype away")
    try:
        from esm.models.esm3 import ESM3
        from esm.tokenization.sequence_tokenizer import EsmSequenceTokenizer
    except ImportError as error:
        raise ModelError(NEEDS_OWN_ENVIRONMENT.format(name=source.name)) from error
    tokenizer = EsmSequenceTokenizer()
    try:
        if source.folder is None:
            from esm.utils.constants.esm3 import data_root

            revision = data_root("esm3").name  # fetched by the package itself: a commit
            network = ESM3.from_pretrained("esm3-open", device=torch.device("cpu")).float()
        else:
            network, revision = _of_folder(source, ESM3, tokenizer)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"{source.name} cannot be loaded by ESM3's package ({first_line(error)}): accept its "
            f"terms at https://huggingface.co/{source.checkpoint} and run `hf auth login`, or "
            "check the folder"
        ) from error
    needed = sum(4 * int(weight.numel()) for weight in network.parameters())
    if memory is not None and needed > memory:
        raise ModelError(
            f"{source.name} needs {needed / 1e9:.3g} GB for its weights, and {memory / 1e9:.3g} GB "
            "are allowed: it cannot be streamed"
        )
    return HuggingFaceMaskedLM(
        SequenceTrack(network).requires_grad_(False).to(device),
        tokenizer,
        name=source.name,
        checkpoint=source.checkpoint,
        revision=revision,
        by_content=True,
        weight_bytes=needed,
    )


def _of_folder(source: Source, kind: Any, tokenizer: Any) -> tuple[Any, str]:
    """Return a network and the hash of its files."""
    from safetensors.torch import load_file

    files = locate(source)
    config = json.loads((files.folder / "config.json").read_text(encoding="utf-8"))
    missing = [name for name in SIZES if not isinstance(config.get(name), int)]
    if missing:
        raise ModelError(f"{files.folder / 'config.json'} does not say {', '.join(missing)}")
    parts = dict.fromkeys(("structure_encoder_fn", "structure_decoder_fn", "function_decoder_fn"))
    network = kind(
        **{name: config[name] for name in SIZES},
        **parts,  # of the other tracks
        tokenizers=SimpleNamespace(sequence=tokenizer),
    )
    network.load_state_dict(
        {key: value for path in files.weights for key, value in load_file(path).items()}
    )
    return network, files.revision
