"""The categorical Jacobian against its definition, and against a Potts model."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from plmwidgets import Protein, jacobian, load_model
from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.models.potts import PottsModel

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQL"
FOLDERS = ["tiny_esm2", "tiny_esm1b", "tiny_esmc"]


@pytest.fixture(params=FOLDERS)
def folder(request):
    return request.getfixturevalue(request.param)


def centred_along_all(tensor):
    """Centre along each of the four axes that is longer than one."""
    for axis in range(4):
        if tensor.shape[axis] > 1:
            tensor = tensor - tensor.mean(axis=axis, keepdims=True)
    return tensor


def corrected(norms):
    """Zero diagonal, average product correction, zero diagonal, symmetric."""
    scores = norms.copy()
    np.fill_diagonal(scores, 0)
    scores = scores - np.outer(scores.sum(1), scores.sum(0)) / scores.sum()
    np.fill_diagonal(scores, 0)
    return (scores + scores.T) / 2


def full_definition(logits_of, sequence):
    """Scores, and the raw tensor, from logits of whole sequences: section by section."""
    wild = logits_of(list(sequence))
    tensor = np.zeros((len(sequence), 20, len(sequence), 20))
    for n in range(len(sequence)):
        for a, letter in enumerate(AMINO_ACIDS):
            mutant = list(sequence)
            mutant[n] = letter
            tensor[n, a] = logits_of(mutant) - wild
    centred = centred_along_all(tensor)
    symmetric = (centred + centred.transpose(2, 3, 0, 1)) / 2
    norms = np.sqrt((symmetric**2).sum(axis=(1, 3)))
    return corrected(norms), tensor


def fast_definition(logits_of, sequence, mask):
    tensor = np.zeros((len(sequence), 1, len(sequence), 20))
    for n in range(len(sequence)):
        hidden = list(sequence)
        hidden[n] = mask
        tensor[n, 0] = logits_of(hidden)
    norms = np.sqrt((centred_along_all(tensor) ** 2).sum(axis=(1, 3)))
    return corrected((norms + norms.T) / 2)


def plain_logits(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForMaskedLM.from_pretrained(folder).eval()
    columns = tokenizer.convert_tokens_to_ids(list(AMINO_ACIDS))

    def logits_of(symbols):
        encoded = tokenizer("".join(symbols), return_tensors="pt")
        with torch.no_grad():
            return network(**encoded).logits[0, 1:-1][:, columns].double().numpy()

    return logits_of, tokenizer.mask_token


def finished(protein, model, **options):
    found = jacobian(protein, model, **options)
    found.wait(60, quiet=True)
    return found


def test_the_full_one_equals_its_definition(folder):
    logits_of, _ = plain_logits(folder)
    expected, tensor = full_definition(logits_of, SEQUENCE)
    found = finished(SEQUENCE, load_model(folder, device="cpu"))
    scores = found.contacts().to_numpy()
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    np.testing.assert_array_equal(scores, scores.T)
    np.testing.assert_array_equal(np.diag(scores), 0)
    one, other = tensor[3, :, 11], tensor[11, :, 3].T
    mean = (one + other) / 2
    block = mean - mean.mean(0) - mean.mean(1)[:, None] + mean.mean()
    np.testing.assert_allclose(found.block(3, 11), block, atol=1e-5)
    np.testing.assert_array_equal(found.block(11, 3), found.block(3, 11).T)


def test_the_fast_one_equals_its_definition(folder):
    logits_of, mask = plain_logits(folder)
    expected = fast_definition(logits_of, SEQUENCE, mask)
    found = finished(SEQUENCE, load_model(folder, device="cpu"), method="fast")
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(found.contacts(), expected, atol=1e-5)


def random_potts(length=9, edges=((0, 3), (0, 8), (1, 4), (2, 7), (3, 6), (5, 8))):
    random = np.random.default_rng(5)
    return PottsModel(
        random.normal(size=(length, 20)),
        np.array(edges),
        random.normal(size=(len(edges), 20, 20)),
        name="random potts",
    )


def zero_sum(block):
    return block - block.mean(0) - block.mean(1)[:, None] + block.mean()


@pytest.mark.parametrize("kind", ["random", "potts-demo"])
def test_of_a_potts_model_it_is_the_coupling_tensor(kind):
    model = random_potts() if kind == "random" else load_model(kind)
    protein = Protein("MKTAYIAKQ") if kind == "random" else Protein.demo()
    couplings = np.zeros((len(protein), 20, len(protein), 20))
    for (i, j), block in zip(model.edges, model.couplings, strict=True):
        couplings[i, :, j], couplings[j, :, i] = block, block.T
    norms = np.sqrt((centred_along_all(couplings) ** 2).sum(axis=(1, 3)))
    found = finished(protein, model)
    off = ~np.eye(len(protein), dtype=bool)
    np.testing.assert_allclose(found.norms().to_numpy()[off], norms[off], atol=1e-11)
    np.testing.assert_allclose(found.contacts(), corrected(norms), atol=1e-11)
    for i, j in [*model.edges[:4].tolist(), (1, 2)]:
        np.testing.assert_allclose(
            found.block(i, j), zero_sum(couplings[i, :, j]), atol=1e-12, err_msg=f"{i}, {j}"
        )


def test_it_finds_the_contacts_of_the_demo_family():
    protein = Protein.demo()
    table = finished(protein, load_model("potts-demo")).to_pandas()
    apart = table[table.position_j - table.position_i >= 3]
    coupled = len(load_model("potts-demo").edges)
    assert apart.nlargest(coupled, "score").contact.mean() == 1
    labels = protein.residue_labels
    first = table.iloc[0]
    assert (first.label_i, first.label_j) == (labels[0], labels[1])
    assert len(table) == 64 * 63 // 2
