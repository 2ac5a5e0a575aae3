"""Tiny checkpoints on disk, laid out as on the Hugging Face hub.

Their weights are random but large, so that attention is far from uniform and every residue's
distribution depends on the others: a slip in masks, positions or columns then shows.
"""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    EsmcConfig,
    EsmcForMaskedLM,
    EsmConfig,
    EsmForMaskedLM,
    EsmForProteinFolding,
    PreTrainedModel,
)
from transformers.models.esmc.tokenization_esmc import EsmcTokenizer

Weights = dict[str, torch.Tensor]

ESM_VOCABULARY = (
    *("<cls>", "<pad>", "<eos>", "<unk>"),
    *"LAGVSERTIDPKQNFYMHWCXBUZO.-",
    *("<null_1>", "<mask>"),
)
BERT_VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"LAGVESIKRDTPNQFYMHCWXUBZO")
LENGTH_LIMIT = 128
"""Longest sequence in residues that the checkpoints with learned positions take."""

_SHAPE = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 48}


def build_esm2(folder: Path, layers: int = 3, seed: int = 0) -> Path:
    """ESM-2's kind: rotary positions, token dropout."""
    return _build_esm(folder, layers, seed, position_embedding_type="rotary")


def build_esm1b(folder: Path, layers: int = 2, seed: int = 1) -> Path:
    """ESM-1b's kind: learned positions, a layer norm before the first layer, token dropout."""
    return _build_esm(
        folder,
        layers,
        seed,
        position_embedding_type="absolute",
        emb_layer_norm_before=True,
        max_position_embeddings=LENGTH_LIMIT + 4,
    )


def build_esmc(folder: Path, layers: int = 2, seed: int = 2) -> Path:
    """ESM C's kind: rotary positions, SwiGLU, 64 logit columns, no token dropout."""
    config = EsmcConfig(num_hidden_layers=layers, **_SHAPE)
    _randomise(EsmcForMaskedLM(config), seed).save_pretrained(folder)
    EsmcTokenizer().save_pretrained(folder)
    return folder


def build_bert_spaced(folder: Path, layers: int = 2, seed: int = 3) -> Path:
    """ProtBERT's kind: BERT with learned positions; its tokenizer wants blanks."""
    config = BertConfig(
        vocab_size=len(BERT_VOCABULARY),
        num_hidden_layers=layers,
        max_position_embeddings=LENGTH_LIMIT + 2,
        **_SHAPE,
    )
    _randomise(BertForMaskedLM(config), seed).save_pretrained(folder)
    write_vocabulary(folder, BERT_VOCABULARY, {"do_lower_case": False})
    return folder


def build_esmfold(folder: Path, seed: int = 4) -> Path:
    """ESMFold's kind: ESM-2 under two folding blocks, run twice; there is no tokenizer."""
    structure = {"sequence_dim": 24, "pairwise_dim": 16, "ipa_dim": 4, "resnet_dim": 16}
    structure |= {"num_heads_ipa": 2, "num_qk_points": 2, "num_v_points": 2, "num_blocks": 2}
    trunk = {"num_blocks": 2, "sequence_state_dim": 32, "pairwise_state_dim": 16, "max_recycles": 2}
    trunk |= {"sequence_head_width": 8, "pairwise_head_width": 8, "structure_module": structure}
    config = EsmConfig(
        vocab_size=len(ESM_VOCABULARY),
        vocab_list=ESM_VOCABULARY,
        mask_token_id=ESM_VOCABULARY.index("<mask>"),
        pad_token_id=ESM_VOCABULARY.index("<pad>"),
        num_hidden_layers=2,
        position_embedding_type="rotary",
        token_dropout=True,
        is_folding_model=True,
        esmfold_config={"lddt_head_hid_dim": 16, "trunk": trunk},
        **_SHAPE,
    )
    _randomise(EsmForProteinFolding(config).float(), seed).save_pretrained(folder)
    return folder


def write_vocabulary(folder: Path, tokens: tuple[str, ...], config: dict[str, object]) -> None:
    (folder / "vocab.txt").write_text("\n".join(tokens))
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def change_config(folder: Path, **changes: object) -> None:
    """Overwrite entries of a checkpoint's config.json."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def change_weights(folder: Path, change: Callable[[Weights], Weights]) -> None:
    """Rewrite a checkpoint's weights."""
    weights = load_file(folder / "model.safetensors")
    save_file(change(weights), folder / "model.safetensors", metadata={"format": "pt"})


class Payload:
    """What a malicious pickle does when it is read: here, it leaves a file behind."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.witness,)


def _build_esm(folder: Path, layers: int, seed: int, **options: object) -> Path:
    config = EsmConfig(
        vocab_size=len(ESM_VOCABULARY),
        mask_token_id=ESM_VOCABULARY.index("<mask>"),
        pad_token_id=ESM_VOCABULARY.index("<pad>"),
        num_hidden_layers=layers,
        token_dropout=True,
        **_SHAPE,
        **options,
    )
    _randomise(EsmForMaskedLM(config), seed).save_pretrained(folder)
    write_vocabulary(folder, ESM_VOCABULARY, {"tokenizer_class": "EsmTokenizer"})
    return folder


def _randomise(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.ndim == 1:
                weight.add_(0.1 * noise)
            elif "embeddings" in name or "embed_tokens" in name:
                weight.copy_(0.4 * noise)
            else:
                weight.copy_(noise * 1.5 / weight.shape[1] ** 0.5)
    return model.eval()
