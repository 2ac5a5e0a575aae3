"""Structure prediction: the handle, the loading, the views; the numbers are in the oracle tests."""

import shutil
import threading
import weakref

import numpy as np
import pytest
import torch
from checkpoints import Payload, change_config, change_weights
from safetensors.torch import load_file
from view_tools import decoded, wait_for

from plmwidgets import (
    FoldExplorer,
    ModelError,
    Protein,
    ScanPanel,
    SequenceStrip,
    StructureView,
    fold,
    load_folding_model,
    load_model,
)
from plmwidgets.models import folding
from plmwidgets.models.checkpoint import Source
from plmwidgets.models.folding import FoldedChain
from plmwidgets.models.masked_lm import ModelIdentity

SEQUENCE = "MKTAYIAKQR"


class StubModel:
    """Steps that wait for a gate, then a chain along a line; or an error."""

    name = "stub"

    def __init__(self, error=None, coordinate=1.0, held=False):
        self.identity = ModelIdentity("stub", "1", "float32", "cpu")
        self.error, self.coordinate = error, coordinate
        self.gate = threading.Event()
        if not held:
            self.gate.set()
        self.begun = 0

    def steps(self, recycles):
        return 4

    def fold(self, sequence, masked, recycles, chunk_size, step):
        self.begun += 1
        step(1)
        while not self.gate.wait(0.01):
            step(1)
        if self.error is not None:
            raise self.error
        names = ("N", "CA", "C", "CB", "O")
        coordinates = np.full((len(sequence), len(names), 3), self.coordinate)
        coordinates += np.arange(len(sequence))[:, None, None]
        present = np.ones(coordinates.shape[:2], dtype=bool)
        error = np.ones((len(sequence), len(sequence)))
        return FoldedChain(names, coordinates, present, present * 0.7, 0.5, error)


@pytest.fixture
def held():
    model = StubModel(held=True)
    found = fold(SEQUENCE, model, masked="3-4")
    wait_for(lambda: found.progress.done == 1)
    yield found, model
    model.gate.set()
    found.cancel()
    found.wait(10, quiet=True)


def finished(*args, **options):
    found = fold(*args, **options)
    found.wait(60, quiet=True)
    return found


def test_it_runs_in_the_background_and_begins_anew_after_a_cancellation(held):
    found, model = held
    assert "running: 1 of 4 blocks" in repr(found)
    assert found.protein.structure is None
    assert np.isnan(found.plddt).all()
    assert found.to_pandas()["x"].isna().all()
    with pytest.raises(ValueError, match="no structure yet"):
        found.save("x.cif")
    found.cancel()
    found.wait(10, quiet=True)
    wait_for(lambda: found.progress.done == 0)
    assert found.progress.status == "cancelled"
    model.gate.set()
    found.start()
    found.wait(10, quiet=True)
    assert model.begun == 2
    assert found.progress.status == "finished"
    assert found.progress.done == found.progress.total == 4
    assert repr(found) == (
        "Fold('protein', 10 residues, 2 of them masked, model 'stub'; mean pLDDT 70.0, pTM 0.50)"
    )


def test_predictions_of_one_model_take_turns_and_the_waiting_one_can_be_cancelled(tiny_esmfold):
    model = load_folding_model(tiny_esmfold)
    with model._busy:
        found = fold(SEQUENCE, model)
        wait_for(lambda: found.progress.stage == "waiting")
        found.cancel()
        found.wait(10, quiet=True)
        assert found.progress.status == "cancelled"
    found.start()
    found.wait(60, quiet=True)
    assert found.complete


def test_a_cancelled_prediction_leaves_the_model_as_it_was(tiny_esmfold):
    model = load_folding_model(tiny_esmfold)
    reference = finished(SEQUENCE, model)

    class StopError(Exception):
        pass

    def step(done):
        if done == 3:
            raise StopError

    with pytest.raises(StopError):
        model.fold(SEQUENCE, (), None, 2, step)
    again = finished(SEQUENCE, model)
    np.testing.assert_array_equal(again.aligned_error, reference.aligned_error)


def test_the_structure_has_the_numbers_of_the_protein_and_is_saved(tiny_esmfold, tmp_path):
    given = Protein.demo()
    found = finished(given, tiny_esmfold, masked={0, 5})
    assert found.protein.residue_labels == given.residue_labels
    assert found.protein.structure.predicted
    assert found.protein.structure is not given.structure
    names = found.structure.atoms.atom_name
    of_masked = names[np.isin(found.structure.atoms.position, [0, 5])]
    assert set(of_masked.tolist()) == {"N", "CA", "C", "O", "CB"}
    found.save(tmp_path / "x.cif")
    again = Protein.from_file(tmp_path / "x.cif")
    assert again.sequence == given.sequence
    np.testing.assert_allclose(again.structure.ca, found.structure.ca, atol=1e-3)
    np.testing.assert_allclose(again.structure.b_factors, found.plddt, atol=1e-2)
    table = found.to_pandas()
    np.testing.assert_array_equal(table["plddt"], found.plddt)
    assert table["masked"].sum() == 2
    with pytest.raises(ValueError, match=r"end x\.pdb in that"):
        found.save(tmp_path / "x.pdb")


def test_a_masked_glycine_gets_no_beta_carbon():
    found = finished("MGGA", StubModel(), masked={1})
    atoms = found.structure.atoms
    assert "CB" not in atoms.atom_name[atoms.position == 1]
    assert "CB" in atoms.atom_name[atoms.position == 0]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."),
            r"folding 10 residues \(it needed 2.00 GiB more\): give chunk_size=64",
        ),
        (RuntimeError("CUDA error: unspecified launch failure"), "device of stub .* failed"),
        (ZeroDivisionError("of the network"), "of the network"),
    ],
)
def test_what_goes_wrong_is_told_and_shown(error, words):
    found = fold(SEQUENCE, StubModel(error))
    with pytest.raises((ModelError, ZeroDivisionError), match=words):
        found.wait(10, quiet=True)
    assert found.progress.status == "failed"
    panel = ScanPanel(found)
    assert panel.scan["message"] == str(found._run.error)
    assert panel.scan["resumable"] is False
    assert StructureView(found).waiting.startswith("Structure prediction failed")


def test_what_filled_the_memory_is_let_go():
    held = []

    class Full(StubModel):
        def fold(self, *arguments):
            large = np.zeros(3)
            held.append(weakref.ref(large))
            raise MemoryError

    found = fold(SEQUENCE, Full())
    with pytest.raises(ModelError, match="ran out of memory on cpu"):
        found.wait(10, quiet=True)
    assert held[0]() is None


def test_coordinates_that_are_no_numbers_are_refused():
    found = fold(SEQUENCE, StubModel(coordinate=float("nan")))
    with pytest.raises(ModelError, match="NaN or infinite"):
        found.wait(10, quiet=True)
    assert found.structure is None
    assert np.isnan(found.plddt).all()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"protein": 3}, TypeError, "expected a Protein or a sequence"),
        ({"protein": "XXX"}, ValueError, "no residue of protein is one of the twenty"),
        ({"masked": [10]}, IndexError, "0 to 9"),
        ({"masked": "99"}, ValueError, "99"),
        ({"recycles": -1}, ValueError, "recycles=-1: it is a whole number, at least 0"),
        ({"recycles": 1.5}, ValueError, "recycles=1.5"),
        ({"chunk_size": 0}, ValueError, "chunk_size=0"),
        ({"model": 3}, TypeError, "int is no model, and structures need 'esmfold'"),
        ({"model": "esm2-8m"}, ModelError, "esm2-8m is a masked language model"),
        ({"model": "esmfold9"}, ModelError, "no model of structures 'esmfold9'"),
        ({"model": "./nowhere"}, ModelError, "there is no folder .*nowhere"),
    ],
)
def test_wrong_arguments_are_told(arguments, error, words):
    with pytest.raises(error, match=words):
        fold(**{"protein": SEQUENCE, "model": StubModel(), **arguments})


def test_the_two_kinds_of_model_know_of_each_other(tiny_esm2):
    with pytest.raises(ModelError, match=r"call plmwidgets.fold\(protein, 'esmfold'\)"):
        load_model("esmfold")
    with pytest.raises(ModelError, match="holds no ESMFold"):
        load_folding_model(tiny_esm2)
    with pytest.raises(TypeError, match="tiny-esm2 is a masked language model, and structures"):
        fold(SEQUENCE, load_model(tiny_esm2))


def test_nothing_large_is_fetched_unasked(monkeypatch):
    monkeypatch.setattr(folding, "is_cached", lambda source: False)
    with pytest.raises(ModelError, match=r"8\.4 GB, call .*download=True\) once.*14 GB of memory"):
        fold(SEQUENCE)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10**9))
    with pytest.raises(ModelError, match=r"are 8\.4 GB, and .* has 1 GB free"):
        load_folding_model("facebook/esmfold_v1", download=True)


def test_one_model_is_loaded_once(tiny_esmfold):
    one = load_folding_model(tiny_esmfold)
    assert load_folding_model(str(tiny_esmfold)) is one
    assert repr(one) == "<EsmFold 'tiny-esmfold' on cpu>"


def test_a_pickled_checkpoint_is_read_as_tensors_alone(tiny_esmfold, tmp_path):
    from plmwidgets.models import esmfold

    copy = shutil.copytree(tiny_esmfold, tmp_path / "pickled")
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    torch.save(weights, copy / "pytorch_model.bin")
    source = Source("pickled", "pickled", copy, weights_format="bin", tokenizer=False)
    model = esmfold.load(source, torch.device("cpu"))
    np.testing.assert_array_equal(
        finished(SEQUENCE, model).plddt, finished(SEQUENCE, tiny_esmfold).plddt
    )
    with pytest.raises(ModelError, match="pickle"):
        load_folding_model(copy)
    witness = tmp_path / "witness"
    torch.save({**weights, "more": Payload(witness)}, copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded as an ESMFold"):
        esmfold.load(source, torch.device("cpu"))
    assert not witness.exists()


def test_a_checkpoint_that_is_not_whole_is_refused(tiny_esmfold, tmp_path, monkeypatch):
    copy = shutil.copytree(tiny_esmfold, tmp_path / "part")
    change_weights(copy, lambda all_: {k: v for k, v in all_.items() if "lddt_head" not in k})
    with pytest.raises(ModelError, match=r"not a whole model of structures.*lddt_head"):
        load_folding_model(copy)
    change_config(copy, esmfold_config={"trunk": {"num_blocks": "many"}})
    with pytest.raises(ModelError, match="cannot be loaded as an ESMFold"):
        load_folding_model(copy)
    from plmwidgets.models import esmfold

    monkeypatch.setattr(esmfold, "free_memory", lambda device: 1000)
    other = shutil.copytree(tiny_esmfold, tmp_path / "other")
    with pytest.raises(ModelError, match=r"needs 0\.000.* GB for its weights"):
        load_folding_model(other)


# The views


def test_views_wait_for_the_structure_and_then_show_its_confidence(held):
    found, model = held
    page = FoldExplorer(found)
    assert page.selection.masked == {2, 3}
    assert page.structure.structure is None
    assert page.structure.waiting == "Structure prediction running: 1 of 4 blocks"
    assert page.structure.colour_by == page.strip.colour_by == "chemistry"
    assert np.isnan(decoded(page.heatmap.upper_map["values"])).all()
    model.gate.set()
    wait_for(lambda: page.structure.structure is not None and page.strip.colour_by == "plddt")
    wait_for(lambda: np.isfinite(decoded(page.heatmap.upper_map["values"])).any())
    wait_for(lambda: page.panel.scan["status"] == "finished")
    for view in (page.structure, page.strip):
        assert view.colour_by == "plddt"
        assert view.value_label == "pLDDT (0-100)"
        assert view.value_range == [0, 100]
        np.testing.assert_allclose(decoded(view.values), 70)
        assert view.protein.structure is not None
    assert page.strip.has_structure
    page.close()


def test_a_finished_fold_is_shown_at_once_and_so_is_its_protein(tiny_esmfold):
    found = finished(Protein.demo(), tiny_esmfold)
    for view in (StructureView(found), StructureView(found.protein), SequenceStrip(found)):
        assert view.colour_by == "plddt"
        np.testing.assert_allclose(decoded(view.values), found.plddt, rtol=1e-6)
        assert "b_factor" not in dict(view.colour_options)
    assert StructureView(found).structure == found.structure.to_cif()
    with pytest.raises(TypeError, match=r"not Fold: give its \.protein"):
        fold(found, StubModel())


def test_while_it_is_predicted_no_other_structure_is_shown():
    model = StubModel(held=True)
    found = fold(Protein.demo(), model)
    view = StructureView(found)
    assert view.structure is None
    assert view.top_k == 0
    model.gate.set()
    wait_for(lambda: view.structure is not None)
    assert view.structure == found.structure.to_cif()


@pytest.mark.parametrize("given", [None, SEQUENCE, Protein(SEQUENCE)])
def test_the_page_of_anything_else_is_refused(given):
    with pytest.raises(TypeError, match=r"FoldExplorer takes what fold\(protein, model\) returns"):
        FoldExplorer(given)
