"""Train a protein language model on sequences of the demo family.

The network learns by masked language modelling from Gibbs samples alone; it never sees the Potts
model's fields, couplings or conditionals. Runs on the CPU with fixed seeds. Two shapes: `demo`, the
bundled model (ESM-1b's kind, absolute positions), and `deep`, the harder test of approximate scans
(ESM-2's kind, rotary positions, six layers).
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from build_family import DEMO, js_distances, letters
from structure_file import read_sequence
from transformers import EsmConfig, EsmForMaskedLM, EsmTokenizer
from transformers.models.esm import modeling_esm

from plmwidgets.alphabet import AMINO_ACIDS, INDEX
from plmwidgets.models.potts import PottsModel

VOCABULARY = (
    *("<cls>", "<pad>", "<eos>", "<unk>"),
    *"LAGVSERTIDPKQNFYMHWCXBUZO.-",
    *("<null_1>", "<mask>"),
)
TRAINING_SEED, HELD_OUT_SEED, TORCH_SEED = 11, 12, 13
CHAINS, BURN_IN, THINNING, SNAPSHOTS = 8000, 60, 3, 32
# Shares of the sequences in a batch by what is hidden: nothing, one, two, a part of the residues
# that is drawn for each sequence from the range.
HIDDEN_SHARES = (0.03, 0.12, 0.15, 0.70)
CHOSEN = (0.05, 0.35)
HELD_OUT = 10
WARM_UP = 300


SHAPES: dict[str, dict[str, Any]] = {
    "demo": {
        "hidden_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 6,
        "position_embedding_type": "absolute",
        "emb_layer_norm_before": True,
    },
    "deep": {
        "hidden_size": 128,
        "num_hidden_layers": 6,
        "num_attention_heads": 8,
        "position_embedding_type": "rotary",
        "emb_layer_norm_before": False,
    },
}


def training_sequences(model: PottsModel) -> np.ndarray:
    """Snapshots of many chains, (CHAINS * SNAPSHOTS, L), as columns."""
    columns = model.sample(CHAINS, TRAINING_SEED, sweeps=BURN_IN)
    snapshots = [columns]
    for k in range(1, SNAPSHOTS):
        columns = model.sample(CHAINS, TRAINING_SEED + 1000 * k, sweeps=THINNING, start=columns)
        snapshots.append(columns)
    return np.concatenate(snapshots).astype(np.int8)


def make_tokenizer(folder: Path) -> EsmTokenizer:
    """Save the ESM vocabulary of 33 tokens in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(VOCABULARY))
    tokenizer = EsmTokenizer(str(vocabulary))
    tokenizer.save_pretrained(folder)
    return tokenizer


def make_network(length: int, shape: str) -> EsmForMaskedLM:
    """Make a network of one of `SHAPES`, not trained yet."""
    # Torch's own GELU is the same function to rounding and a fifth of the training time faster.
    modeling_esm.gelu = torch.nn.functional.gelu
    torch.manual_seed(TORCH_SEED)
    config = EsmConfig(
        vocab_size=len(VOCABULARY),
        pad_token_id=VOCABULARY.index("<pad>"),
        mask_token_id=VOCABULARY.index("<mask>"),
        bos_token_id=VOCABULARY.index("<cls>"),
        eos_token_id=VOCABULARY.index("<eos>"),
        intermediate_size=4 * SHAPES[shape]["hidden_size"],
        # Two special tokens, and positions that count from after the padding index.
        max_position_embeddings=length + 2 + 2,
        token_dropout=True,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        layer_norm_eps=1e-5,
        **SHAPES[shape],
    )
    return EsmForMaskedLM(config)


class Masker:
    """Chooses what to hide and what to ask for in a batch of tokens."""

    def __init__(self, residue_tokens: torch.Tensor, seed: int) -> None:
        self.residue_tokens = residue_tokens
        self.random = torch.Generator().manual_seed(seed)

    def __call__(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the tokens to show and which of them count in the loss, both (n, L + 2)."""
        inner = tokens[:, 1:-1]
        n, length = inner.shape
        rank = torch.rand(n, length, generator=self.random).argsort(dim=1).argsort(dim=1)
        group = torch.multinomial(
            torch.tensor(HIDDEN_SHARES), n, replacement=True, generator=self.random
        )
        low, high = CHOSEN
        part = low + (high - low) * torch.rand(n, generator=self.random)
        many = (part * length).round().long()
        count = torch.where((group == 1) | (group == 2), group, many)
        chosen = rank < count[:, None]
        # As in BERT, a tenth of the larger parts keep their residue and a tenth get a random one.
        fate = torch.rand(n, length, generator=self.random)
        fate = torch.where(group[:, None] == 0, 0.8 + 0.2 * fate, fate)
        fate = torch.where((group[:, None] == 1) | (group[:, None] == 2), 0.0, fate)
        swaps = self.residue_tokens[
            torch.randint(len(AMINO_ACIDS), (n, length), generator=self.random)
        ]
        shown = torch.where(chosen & (fate < 0.8), VOCABULARY.index("<mask>"), inner)
        shown = torch.where(chosen & (fate >= 0.9), swaps, shown)
        edge = torch.zeros(n, 1, dtype=torch.bool)
        return (
            torch.cat([tokens[:, :1], shown, tokens[:, -1:]], dim=1),
            torch.cat([edge, chosen, edge], dim=1),
        )


@torch.inference_mode()
def network_js_distances(
    network: EsmForMaskedLM, tokens: torch.Tensor, residue_tokens: torch.Tensor
) -> np.ndarray:
    """Directed JS distances (L, L) of one sequence's tokens (L + 2,), as `js_distances`."""
    length = len(tokens) - 2
    mask = VOCABULARY.index("<mask>")
    i, j = np.triu_indices(length)
    contexts = tokens.repeat(len(i), 1)
    contexts[torch.arange(len(i)), torch.as_tensor(i) + 1] = mask
    contexts[torch.arange(len(i)), torch.as_tensor(j) + 1] = mask
    logits = torch.cat([network(batch).logits[:, 1:-1] for batch in contexts.split(256)])
    probability = logits[..., residue_tokens].double().softmax(dim=-1).numpy()
    rows = np.arange(len(i))
    both = np.empty((length, length, len(AMINO_ACIDS)))
    both[i, j] = probability[rows, i]
    both[j, i] = probability[rows, j]
    one = both[np.arange(length), np.arange(length)][:, None]
    middle = (one + both) / 2
    divergence = (one * np.log2(one / middle) + both * np.log2(both / middle)).sum(axis=-1) / 2
    return np.sqrt(np.clip(divergence, 0, 1))


def agreement(found: np.ndarray, exact: np.ndarray, edges: np.ndarray) -> tuple[float, float]:
    """Precision of js_dist_avg at K contacts, and Pearson of the directed distances."""
    length = len(found)
    i, j = np.triu_indices(length, 1)
    best = np.argsort(-(found + found.T)[i, j])[: len(edges)]
    planted = np.zeros((length, length), dtype=bool)
    planted[tuple(edges.T)] = True
    off = ~np.eye(length, dtype=bool)
    return float(planted[i[best], j[best]].mean()), float(np.corrcoef(found[off], exact[off])[0, 1])


class Trainer:
    """The network, its data and its curve.

    Parameters
    ----------
    family : PottsModel
        Only sampled from; its exact map is what the curve is measured against.
    residue_tokens : Tensor, shape (20,)
        Token of each amino acid.
    shape : str
        One of `SHAPES`.
    """

    def __init__(self, family: PottsModel, residue_tokens: torch.Tensor, shape: str) -> None:
        self.started = time.time()
        self.family, self.residue_tokens = family, residue_tokens
        self.training = training_sequences(family)
        held_out = family.sample(HELD_OUT, HELD_OUT_SEED)
        self.held_out = self.tokens_of(held_out)
        self.exact = [js_distances(family, sequence) for sequence in letters(held_out)]
        self.network = make_network(self.training.shape[1], shape)
        self.curve: list[dict[str, float]] = []
        self.scores: list[tuple[float, float]] = []

    def tokens_of(self, columns: np.ndarray) -> torch.Tensor:
        """Tokens (n, L + 2) of sequences (n, L) given as columns."""
        inner = self.residue_tokens[torch.as_tensor(columns, dtype=torch.long)]
        first = inner.new_full((len(inner), 1), VOCABULARY.index("<cls>"))
        last = inner.new_full((len(inner), 1), VOCABULARY.index("<eos>"))
        return torch.cat([first, inner, last], dim=1)

    def run(self, steps: int, batch: int, rate: float) -> None:
        """Train with a short warm-up and a cosine decay to zero."""
        masker = Masker(self.residue_tokens, TORCH_SEED)
        order = torch.Generator().manual_seed(TORCH_SEED)
        optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser,
            lambda step: (
                min(1.0, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / steps)) / 2
            ),
        )
        recent: list[float] = []
        for step in range(1, steps + 1):
            rows = torch.randint(len(self.training), (batch,), generator=order).numpy()
            tokens = self.tokens_of(self.training[rows])
            shown, counted = masker(tokens)
            logits = self.network(shown).logits
            loss = torch.nn.functional.cross_entropy(logits[counted], tokens[counted])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            recent.append(loss.item())
            if step % 500 == 0 or step == steps:
                self.measure(step, float(np.mean(recent)), 2 if step < steps else HELD_OUT)
                recent.clear()

    def measure(self, step: int, loss: float, count: int) -> None:
        """Compare the maps of some held-out sequences and add a point to the curve."""
        self.network.eval()
        self.scores = [
            agreement(
                network_js_distances(self.network, self.held_out[k], self.residue_tokens),
                self.exact[k],
                self.family.edges,
            )
            for k in range(count)
        ]
        self.network.train()
        precision, pearson = np.mean(self.scores, axis=0)
        point = {
            "step": step,
            "loss": round(loss, 4),
            "precision_at_k": round(float(precision), 4),
            "pearson": round(float(pearson), 4),
            "seconds": round(time.time() - self.started),
        }
        self.curve.append(point)
        print(point, flush=True)


def main() -> None:
    """Train, report and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=DEMO, help="folder with fold and family")
    parser.add_argument("--shape", choices=SHAPES, default="demo")
    parser.add_argument("--out", type=Path, help="folder of the model; by default DEMO/model")
    parser.add_argument("--half", action="store_true", help="round the saved weights to float16")
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=2e-3)
    args = parser.parse_args()
    torch.set_num_threads(1)  # repeatable, and as fast for so small a network
    family = PottsModel.load(args.demo / "family.safetensors", "potts-demo")
    folder = args.out or args.demo / "model"
    tokenizer = make_tokenizer(folder)
    residue_tokens = torch.tensor(tokenizer.convert_tokens_to_ids(list(AMINO_ACIDS)))
    trainer = Trainer(family, residue_tokens, args.shape)
    trainer.run(args.steps, args.batch, args.rate)
    parameters = trainer.network.num_parameters()
    (trainer.network.half() if args.half else trainer.network).eval().save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    demo = np.array([INDEX[letter] for letter in read_sequence(args.demo / "fold.cif")])
    report = {
        "method": "masked language modelling on Gibbs samples of family.safetensors",
        "seeds": {"sequences": TRAINING_SEED, "held_out": HELD_OUT_SEED, "torch": TORCH_SEED},
        "sequences": len(trainer.training),
        "demo_sequence_in_training": bool((trainer.training == demo).all(axis=1).any()),
        "steps": args.steps,
        "batch": args.batch,
        "rate": args.rate,
        "parameters": parameters,
        "hidden_shares_none_one_two_part": HIDDEN_SHARES,
        "hidden_part": CHOSEN,
        "held_out_precision_at_k": [round(precision, 4) for precision, _ in trainer.scores],
        "held_out_pearson": [round(pearson, 4) for _, pearson in trainer.scores],
        "curve": trainer.curve,
    }
    place = args.out or args.demo
    (place / "training.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
