"""Mutation scores against transformers' own forward pass, and against the exact toy family."""

import itertools

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from plmwidgets.alphabet import AMINO_ACIDS, INDEX
from plmwidgets.methods.mutations.scores import mutation_scores
from plmwidgets.methods.mutations.variants import epistasis, score_variants
from plmwidgets.models import load_model
from plmwidgets.protein import Protein
from plmwidgets.scan.start import scan_pairs

SEQUENCE = "MKTAYIAKQRWC"


class Plain:
    """The obvious way: one sequence at a time through a Hugging Face checkpoint."""

    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForMaskedLM.from_pretrained(folder).eval()
        self.columns = self.tokenizer.convert_tokens_to_ids(list(AMINO_ACIDS))

    def rows(self, letters, masked=()):
        tokens = self.tokenizer("".join(letters), return_tensors="pt")
        for i in masked:
            tokens["input_ids"][0, i + 1] = self.tokenizer.mask_token_id
        with torch.no_grad():
            logits = self.model(**tokens).logits[0, 1:-1][:, self.columns].double()
        return torch.log_softmax(logits, -1).numpy()

    def ratio(self, position, letter, letters, masked=()):
        row = self.rows(letters, masked)[position]
        return row[INDEX[letter]] - row[INDEX[SEQUENCE[position]]]


def with_letters(changes):
    letters = list(SEQUENCE)
    for position, letter in changes.items():
        letters[position] = letter
    return letters


@pytest.mark.filterwarnings("ignore:.*returns only")
@pytest.mark.parametrize("kind", ["tiny_esm2", "tiny_esmc"])
def test_scores_of_checkpoints_equal_a_loop_through_transformers(kind, request):
    folder = request.getfixturevalue(kind)
    plain, model, protein = Plain(folder), load_model(folder), Protein(SEQUENCE)
    contexts = {"masked": [], "wild-type": [], "mutant": []}
    for i, own in enumerate(SEQUENCE):
        for a in AMINO_ACIDS:
            contexts["masked"].append(plain.ratio(i, a, SEQUENCE, [i]))
            contexts["wild-type"].append(plain.ratio(i, a, SEQUENCE))
            shown = with_letters({i: a})
            contexts["mutant"].append(0 if a == own else plain.ratio(i, a, shown))
    for context, want in contexts.items():
        scores = mutation_scores(protein, model, context)
        scores.wait(120)
        got = scores.log_ratios
        np.testing.assert_allclose(got, np.reshape(want, (-1, 20)), atol=2e-5)
        assert np.abs(got).max() > 0.5, "the checkpoint has something to say"


def test_variants_of_a_checkpoint_equal_a_loop_through_transformers(tiny_esm2):
    plain, protein = Plain(tiny_esm2), Protein(SEQUENCE)
    changes = {1: "W", 4: "D", 9: "L"}
    sums = {"mask": 0.0, "wt": 0.0, "mutant": 0.0}
    for i, a in changes.items():
        others = with_letters({j: b for j, b in changes.items() if j != i})
        sums["mask"] += plain.ratio(i, a, SEQUENCE, list(changes))
        sums["wt"] += plain.ratio(i, a, SEQUENCE, [i])
        sums["mutant"] += plain.ratio(i, a, others, [i])
    for fill, want in sums.items():
        table = score_variants(protein, str(tiny_esm2), "K2W:Y5D:R10L", fill)
        assert table["score"][0] == pytest.approx(want, abs=3e-5)


@pytest.fixture(scope="module")
def family():
    return load_model("potts-demo"), Protein.demo()


def test_masked_scores_of_the_family_equal_its_closed_form(family):
    model, protein = family
    single = model.singles(protein.sequence)
    own = np.take_along_axis(single, protein.wild_type[:, None], 1)
    scores = mutation_scores(protein, model)
    np.testing.assert_allclose(scores.log_ratios, single - own, atol=1e-10)


def energy(model, columns):
    """The log-probability of a sequence, but for a constant."""
    total = model.fields[np.arange(len(columns)), columns].sum()
    for (i, j), block in zip(model.edges, model.couplings, strict=True):
        total += block[columns[i], columns[j]]
    return total


def some_variants(protein, model, sites):
    """Variants of coupled positions, named."""
    random = np.random.default_rng(5)
    variants = []
    for edge in model.edges[:: len(model.edges) // 8]:
        others = random.permutation(len(protein)).tolist()
        chosen = sorted(list(dict.fromkeys([*edge.tolist(), *others]))[:sites])
        letters = random.choice(list("ADEFGHKLNPRSTVWY"), len(chosen))
        changes = {
            i: ("M" if a == protein.sequence[i] else str(a))
            for i, a in zip(chosen, letters, strict=True)
        }
        variants.append(changes)
    return variants


def named(protein, changes):
    return ":".join(protein.residue_labels[i] + a for i, a in changes.items())


@pytest.mark.parametrize("sites", [2, 4])
def test_epistasis_in_the_family_is_that_of_its_energy(family, sites):
    """(M - A)/2 is what the exact log-probability of the mutant has beyond its single parts."""
    model, protein = family
    variants = some_variants(protein, model, sites)
    table = epistasis(protein, model, [named(protein, changes) for changes in variants])
    wild_type = protein.wild_type
    exact, additive = [], []
    for changes in variants:
        columns = wild_type.copy()
        columns[list(changes)] = [INDEX[a] for a in changes.values()]
        exact.append(energy(model, columns) - energy(model, wild_type))
        parts = 0.0
        for i, a in changes.items():
            one = wild_type.copy()
            one[i] = INDEX[a]
            parts += energy(model, one) - energy(model, wild_type)
        additive.append(parts)
    np.testing.assert_allclose(table["additive"], additive, atol=1e-9)
    np.testing.assert_allclose(table["epistasis"], np.subtract(exact, additive), atol=1e-9)
    assert np.abs(table["epistasis"]).max() > 0.1, "some of them do interact"


def test_two_hidden_sites_are_the_pair_scan_and_the_closed_form(family):
    model, protein = family
    scan = scan_pairs(protein, model)
    scan.wait(120)
    pairs, wild_type = model.pairs(protein.sequence), protein.wild_type
    variants = some_variants(protein, model, 2)
    names = [named(protein, changes) for changes in variants]
    want = [
        sum(
            pairs[i, j, INDEX[changes[i]]] - pairs[i, j, wild_type[i]]
            for i, j in itertools.permutations(changes)
        )
        for changes in variants
    ]
    read = score_variants(protein, None, names, scan=scan)["score"]
    np.testing.assert_allclose(read, want, atol=1e-9)
    np.testing.assert_allclose(score_variants(protein, model, names)["score"], want, atol=1e-9)
