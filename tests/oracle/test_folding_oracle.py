"""Structure prediction against transformers' own ESMFold, on a tiny one with random weights."""

import io

import numpy as np
import pytest
import torch
from biotite.structure.io.pdb import PDBFile
from checkpoints import write_vocabulary
from transformers import EsmForProteinFolding
from transformers.models.esm.openfold_utils import residue_constants
from transformers.models.esm.tokenization_esm import EsmTokenizer

from plmwidgets import fold
from plmwidgets.models.esmfold import EsmFold
from plmwidgets.models.masked_lm import ModelIdentity

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQWGNPDCEL"
MASKED = (3, 9, 22)  # one of them a glycine


@pytest.fixture(scope="module")
def network(tiny_esmfold):
    # In float32, its language model as well: so it runs here on a CPU.
    return EsmForProteinFolding.from_pretrained(tiny_esmfold).float().eval()


@pytest.fixture(scope="module")
def ids(tmp_path_factory):
    # The published checkpoint's vocabulary: the amino acids in the order of the structure module.
    folder = tmp_path_factory.mktemp("tokenizer")
    write_vocabulary(folder, (*residue_constants.restypes_with_x, "<pad>", "<mask>"), {})
    tokenizer = EsmTokenizer(str(folder / "vocab.txt"), unk_token="X", cls_token="<pad>",
                             eos_token="<pad>")  # fmt: skip

    def encode(sequence):
        return tokenizer(sequence, return_tensors="pt", add_special_tokens=False)["input_ids"]

    return encode


def predicted(network, ids, **options):
    with torch.no_grad():
        return network(ids, **options)


def check(found, output):
    """Compare a fold with transformers' output, but for which atoms there are."""
    np.testing.assert_array_equal(found.plddt, 100 * output["plddt"][0, :, 1].double().numpy())
    assert found.ptm == float(output["ptm"])
    np.testing.assert_array_equal(found.aligned_error, output["predicted_aligned_error"][0].numpy())
    # N, CA and C come first in transformers' layout as well.
    carbons = output["positions"][-1, 0, :, 1].numpy()
    np.testing.assert_array_equal(found.structure.ca, carbons)


def test_a_fold_is_that_of_transformers(network, ids, tiny_esmfold):
    found = fold(SEQUENCE, tiny_esmfold)
    found.wait(60, quiet=True)
    output = predicted(network, ids(SEQUENCE))
    check(found, output)
    # Every atom, with its name and confidence, as transformers writes them to a file.
    text = EsmForProteinFolding.output_to_pdb(output)[0]
    theirs = PDBFile.read(io.StringIO(text)).get_structure(model=1, extra_fields=["b_factor"])
    ours = found.structure.atoms
    for name in ("atom_name", "res_name", "res_id", "element"):
        np.testing.assert_array_equal(
            ours.get_annotation(name), theirs.get_annotation(name), err_msg=name
        )
    np.testing.assert_allclose(ours.coord, theirs.coord, atol=6e-4)
    np.testing.assert_allclose(ours.b_factor / 100, theirs.b_factor, atol=6e-3)


@pytest.mark.parametrize("recycles", [0, 1, 3])
def test_recycles_are_counted_as_transformers_does(network, ids, tiny_esmfold, recycles):
    found = fold(SEQUENCE, tiny_esmfold, recycles=recycles)
    found.wait(60, quiet=True)
    check(found, predicted(network, ids(SEQUENCE), num_recycles=recycles))
    assert found.progress.total == 2 + (recycles + 1) * (2 + 1)


def test_masked_residues_go_through_transformers_masking_pattern(
    network, ids, tiny_esmfold, monkeypatch
):
    found = fold(SEQUENCE, tiny_esmfold, masked=MASKED)
    found.wait(60, quiet=True)
    seen = []
    original = EsmForProteinFolding.bert_mask

    def bert_mask(self, *args):
        # transformers 5.23 cannot go on with the targets that this returns.
        shown, shown_to_esm, _ = original(self, *args)
        seen.append((shown, shown_to_esm))
        return shown, shown_to_esm, None

    monkeypatch.setattr(EsmForProteinFolding, "bert_mask", bert_mask)
    # Built as alanine: their own geometry would go back into the network.
    letters = "".join("A" if i in MASKED else a for i, a in enumerate(SEQUENCE))
    pattern = torch.tensor([[int(i in MASKED) for i in range(len(SEQUENCE))]])
    check(found, predicted(network, ids(letters), masking_pattern=pattern))
    ((shown, shown_to_esm),) = seen
    assert (shown[0, list(MASKED)] == network.mask_idx).all()
    assert (shown_to_esm[0, list(MASKED)] == network.esm_dict_mask_idx).all()


def test_what_is_masked_has_no_influence(tiny_esmfold):
    def of(sequence):
        found = fold(sequence, tiny_esmfold, masked=MASKED)
        found.wait(60, quiet=True)
        return found

    one = of(SEQUENCE)
    other = of("".join("W" if i in MASKED else a for i, a in enumerate(SEQUENCE)))
    np.testing.assert_array_equal(one.plddt, other.plddt)
    np.testing.assert_array_equal(one.aligned_error, other.aligned_error)
    # Of all atoms of the backbone: their places differ a little between amino acids.
    backbones = [
        found.structure.atoms.coord[np.isin(found.structure.atoms.atom_name, ["N", "CA", "C", "O"])]
        for found in (one, other)
    ]
    np.testing.assert_array_equal(*backbones)
    shown = fold(SEQUENCE, tiny_esmfold)
    shown.wait(60, quiet=True)
    assert np.abs(shown.structure.ca - one.structure.ca).max() > 0.1


def test_a_language_model_in_half_precision_is_that_of_transformers(ids, tiny_esmfold):
    network = EsmForProteinFolding.from_pretrained(tiny_esmfold).eval()
    assert network.esm.dtype == torch.float16  # as ESMFold comes, and runs on a GPU
    identity = ModelIdentity("tiny", "1", "float32, language model in float16", "cpu")
    found = fold(SEQUENCE, EsmFold(network, "tiny", identity))
    found.wait(60, quiet=True)
    check(found, predicted(network, ids(SEQUENCE)))


def test_chunks_change_rounding_alone(tiny_esmfold):
    whole, chunked = (fold(SEQUENCE, tiny_esmfold, chunk_size=size) for size in (None, 4))
    for found in (whole, chunked):
        found.wait(60, quiet=True)
    np.testing.assert_allclose(chunked.structure.ca, whole.structure.ca, atol=1e-3)
    np.testing.assert_allclose(chunked.plddt, whole.plddt, atol=1e-3)


def test_an_unknown_residue_is_one_for_transformers_too(network, tiny_esmfold):
    with pytest.warns(UserWarning, match="X2, U5: the model knows none but the twenty"):
        found = fold("MXTAUIAKQR", tiny_esmfold)
    found.wait(60, quiet=True)
    output = network.infer("MXTAXIAKQR")
    known = [0, 2, 3, 5, 6, 7, 8, 9]
    np.testing.assert_array_equal(
        found.structure.ca[known], output["positions"][-1, 0, known, 1].numpy()
    )
    assert np.isnan(found.plddt[[1, 4]]).all()
    assert found.structure.observed == "M-TA-IAKQR"
