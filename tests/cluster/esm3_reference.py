"""Runs in ESM3's own environment: a tiny random ESM3 on disk, and what its package says of it.

python esm3_reference.py FOLDER SEQUENCE MASKED...
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from esm.models.esm3 import ESM3
from esm.sdk.api import ESMProteinTensor, LogitsConfig
from esm.tokenization.sequence_tokenizer import EsmSequenceTokenizer
from safetensors.torch import save_file

SIZES = {"d_model": 32, "n_heads": 4, "v_heads": 8, "n_layers": 2}
PARTS = ("structure_encoder_fn", "structure_decoder_fn", "function_decoder_fn")


def main(folder: Path, sequence: str, *masked: str) -> None:
    tokenizer = EsmSequenceTokenizer()
    torch.manual_seed(0)
    network = ESM3(
        **SIZES, **dict.fromkeys(PARTS), tokenizers=SimpleNamespace(sequence=tokenizer)
    ).eval()
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.copy_(torch.randn(weight.shape) * 1.5 / weight.shape[1] ** 0.5)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "esm3", **SIZES}))
    save_file(network.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    ids = torch.tensor(tokenizer.encode(sequence))
    ids[[int(i) + 1 for i in masked]] = tokenizer.mask_token_id
    logits = network.logits(ESMProteinTensor(sequence=ids), LogitsConfig(sequence=True))
    columns = tokenizer.convert_tokens_to_ids(list("ACDEFGHIKLMNPQRSTVWY"))
    chosen = logits.logits.sequence[0, 1:-1][:, columns].double()
    np.save(folder / "expected.npy", chosen.softmax(-1).detach().numpy())


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
