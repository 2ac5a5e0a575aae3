"""Embeddings: what is taken, kept, stored and exported, and what is refused in words."""

import errno
import gzip
import sys
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from toy_models import ToyModel
from view_tools import wait_for

from plmwidgets import Embeddings, ModelError, Protein, StoreError, embed, load_model
from plmwidgets.cluster import remote_lm
from plmwidgets.methods.embeddings import states as embedding_states
from plmwidgets.methods.embeddings.states import EmbeddingStore
from plmwidgets.models.masked_lm import Context
from plmwidgets.scan.progress import ScanStatus

SEQUENCES = ["MKTAYIAKQR", "MKV", "MKTAYIAKQL", "WWWWW", "MKL"]
LAYERS, WIDTH = 3, 4


class StateModel(ToyModel):
    """Hidden states that depend on the context, and can be told apart from each other."""

    capabilities = frozenset({"embeddings"})
    embedding_shape = (LAYERS, WIDTH)

    def __init__(self, name, **options):
        # Toy models of other tests may have this name, and equal identities share a service.
        super().__init__(name, revision="with states", **options)
        self.batches = []
        self.spoils = None

    def preferred_batch(self, length):
        return 2

    def states(self, context, layer):
        values = self.expected(context)[:, :WIDTH] + np.float32(10 * layer)
        if context.sequence == self.spoils:
            values[0, 0] = np.nan
        return values

    def embedding_steps(self, contexts, layers=None, precision=None):
        self.batches.append([context.sequence for context in contexts])
        found = []
        for k, context in enumerate(contexts):
            yield k / len(contexts)
            if self.fails_with is not None:
                raise self.fails_with
            time.sleep(self.seconds)
            found.append([self.states(context, layer) for layer in layers])
        return np.array(found, np.float32)


def finished(proteins, model, **options):
    found = embed(proteins, model, **options)
    found.wait(30, quiet=True)
    return found


def test_sequences_of_one_length_go_together_and_nothing_is_padded():
    model = StateModel("together")
    found = finished(SEQUENCES, model, layers="all")
    assert sorted(map(sorted, model.batches)) == [
        ["MKL", "MKV"],
        ["MKTAYIAKQL", "MKTAYIAKQR"],
        ["WWWWW"],
    ]
    assert found.names == tuple(f"sequence {k}" for k in range(1, 6))
    for index, sequence in enumerate(SEQUENCES):
        for layer in range(LAYERS + 1):
            expected = model.states(Context(sequence), layer)
            np.testing.assert_array_equal(found.residues(index, layer), expected)
            np.testing.assert_allclose(found.pooled(layer)[index], expected.mean(0), rtol=1e-6)
    assert (len(found), found.layers, found.width) == (5, (0, 1, 2, 3), WIDTH)
    assert repr(found) == (
        "Embeddings('5 sequences', 5 of 5 sequences, layers 0, 1, 2, 3, 4 wide, residues and "
        "means, model 'together')"
    )
    assert found.progress.status is ScanStatus.FINISHED


def test_the_last_layer_is_the_default_and_results_are_not_shared():
    model = StateModel("default")
    found = finished("MKTAY", model)
    assert found.layers == (LAYERS,)
    found.residues()[:] = 0
    found.pooled()[:] = 0
    np.testing.assert_array_equal(found.residues(), model.states(Context("MKTAY"), LAYERS))
    assert found.pooled().any()


def test_masked_residues_are_hidden_from_the_model():
    model = StateModel("masked states")
    found = finished("MKTAY", model, masked="2-3, Y5")
    expected = model.states(Context("MKTAY", (1, 2, 4)), LAYERS)
    np.testing.assert_array_equal(found.residues(), expected)
    assert found.masked == (1, 2, 4)
    with pytest.raises(ValueError, match="positions of one protein, and these are 5"):
        embed(SEQUENCES, model, masked=[0])
    with pytest.raises(IndexError, match="out of range"):
        embed("MKTAY", model, masked=[5])


def test_a_fasta_file_is_read_whole(tmp_path):
    path = tmp_path / "family.fasta.gz"
    path.write_bytes(gzip.compress(b">a first\nMKT\nAYI\n\n>b\nmkv\n"))
    for given in (path, str(path)):
        found = finished(given, StateModel("fasta"))
        assert found.names == ("a", "b")
        assert [protein.sequence for protein in found.proteins] == ["MKTAYI", "MKV"]
    assert found.residues("b").shape == (3, WIDTH)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (">a\nMKT\n>b\nMK-T\n>c\nM1\n", r"entry 2, 'b': .*gap.*; entry 3, 'c': .*numbers"),
        (">a\nMKT\n>b\nMKV\n>a\nMKL\n", "entries 1 and 3 are both named 'a'"),
        (">a\n>b\nMKV\n", "entry 1, 'a': the sequence is empty"),
        ("MKT\n", "is no FASTA file: its first line is 'MKT'"),
        ("", "is empty"),
        ("".join(f">{k}\nM*K\n" for k in range(9)), r"entry 3, '2'.* \(and 6 more\)"),
    ],
)
def test_bad_records_are_named(tmp_path, text, words):
    path = tmp_path / "bad.fasta"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        embed(path, StateModel("bad records"))


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ([], ValueError, "no sequence to embed"),
        ("", ValueError, "sequence is empty"),
        (["MKT", "M?T"], ValueError, "sequence 2: .*unknown residue"),
        (["MKT", 3], TypeError, "sequence 2: expected a Protein"),
        (7, TypeError, "list of them or the path of a FASTA file, not int"),
        (b"MKT", TypeError, "not bytes"),
        (np.array("MKT"), TypeError, "not ndarray"),
        ({"MKT": "AYI"}, TypeError, r"of a dict .*list\(named.values\(\)\)"),
        ({"MKT", "AYI"}, TypeError, "of a set have no order"),
        (pd.DataFrame({"seq": ["AYI"]}), TypeError, "of a DataFrame"),
        ("no/such.fasta", FileNotFoundError, "no file 'such.fasta'"),
        ("tests/conftest.py", ValueError, "cannot tell what conftest.py is"),
    ],
)
def test_what_cannot_be_embedded_is_told(given, kind, words, request):
    if isinstance(given, str) and given.startswith("tests"):
        given = str(request.config.rootpath / given)
    with pytest.raises(kind, match=words):
        embed(given, StateModel("refusing"))


@pytest.mark.parametrize(
    ("layers", "kind", "words"),
    [
        (4, IndexError, r"are 0 \(what the first layer is given\) to 3 \(after the last\), not 4"),
        (-1, IndexError, "not -1"),
        ([0, 9], IndexError, "not 0, 9"),
        ([1.5], IndexError, r"not 1\.5"),
        ([True], IndexError, "not True"),
        ([], ValueError, "no layer to keep: name some of 0 to 3"),
        ([1, 1], ValueError, "name each layer once"),
        ("last", ValueError, "name them by number, such as 3, or 'all'"),
        (2.0, TypeError, "a list of whole numbers"),
        (np.array(2), TypeError, "a list of whole numbers"),
    ],
)
def test_layers_that_are_not_there_are_refused(layers, kind, words):
    with pytest.raises(kind, match=words):
        embed("MKT", StateModel("layers"), layers=layers)


def test_models_without_hidden_states_say_so():
    with pytest.raises(ModelError, match=r"potts-demo has no hidden states.*'esm2-8m' or 'demo'"):
        embed("M" * 64, "potts-demo")
    assert "embeddings" in remote_lm.NOT_ASKED_FOR
    remote = ToyModel("remote states")
    remote.capabilities = frozenset({"remote"})
    with pytest.raises(ModelError, match="computes elsewhere"):
        embed("MKT", remote)


def test_sequences_that_do_not_fit_are_all_named(tiny_esm1b):
    model = load_model(tiny_esm1b, device="cpu")
    proteins = [Protein("MK" * n, f"p{n}") for n in (3, 80, 90)]
    with pytest.raises(ModelError, match=r"2 of 3 sequences do not fit\. 'p80': .*160\b.*'p90'"):
        embed(proteins, model)

    with pytest.raises(ModelError, match=r"1 of 2 sequences do not fit\. 'sequence 2': .*'J'"):
        embed(["MKX", "MJK"], model)


def test_names_find_proteins():
    found = finished(
        [Protein("MKT", "a"), Protein("MKV", "b"), Protein("MKL", "b")], StateModel("n")
    )
    np.testing.assert_array_equal(found.residues("a"), found.residues(0))
    with pytest.raises(ValueError, match="sequences 1, 2 have the name 'b': give its number"):
        found.residues("b")
    with pytest.raises(ValueError, match="none has the name 'c'"):
        found.residues("c")
    with pytest.raises(IndexError, match="no sequence 3: they are 0 to 2"):
        found.residues(3)
    with pytest.raises(
        IndexError, match="layer 0 is not kept here, only 3: call embed with layers="
    ):
        found.residues(0, 0)


def test_means_alone_keep_no_residues(tmp_path):
    whole = finished(SEQUENCES, StateModel("means"), layers=[1, 3])
    found = finished(SEQUENCES, StateModel("means"), layers=[1, 3], pooled=True)
    np.testing.assert_array_equal(found.pooled(1), whole.pooled(1))
    assert not found.has_residues
    with pytest.raises(ValueError, match="without pooled=True"):
        found.residues(0)
    found.save(tmp_path / "means.zarr")
    np.testing.assert_array_equal(Embeddings.load(tmp_path / "means.zarr").pooled(), whole.pooled())
    assert not (tmp_path / "means.zarr" / "residues").exists()


def test_what_is_not_there_yet_is_said_and_the_rest_is_given():
    model = StateModel("half way", seconds=0.05)
    found = embed(SEQUENCES, model)
    wait_for(lambda: found.progress.done >= 1)
    found.cancel()
    found.wait(10, quiet=True)
    done = found.computed
    assert 1 <= done.sum() < 5
    missing = int(np.flatnonzero(~done)[0])
    with pytest.raises(RuntimeError, match=f"'sequence {missing + 1}' is not computed yet"):
        found.residues(missing)
    with pytest.raises(RuntimeError, match=r"not finished .*to_pandas"):
        found.pooled()
    assert list(found.to_pandas().index) == [found.names[k] for k in np.flatnonzero(done)]
    found.resume()
    found.wait(10, quiet=True)
    assert found.pooled().shape == (5, WIDTH)


def test_values_that_are_no_numbers_end_it_and_lose_nothing():
    model = StateModel("spoilt")
    model.spoils = "WWWWW"
    found = embed(SEQUENCES, model)
    with pytest.raises(ModelError, match=r"spoilt .*NaN or infinite values for 'sequence 4'"):
        found.wait(10, quiet=True)
    assert found.computed[[0, 2]].all()
    assert not found.computed[3]


PLACES = ["in memory", "in a temporary folder"]


@pytest.mark.parametrize("place", PLACES)
def test_what_is_saved_is_loaded(tmp_path, monkeypatch, place):
    if place != "in memory":
        monkeypatch.setattr(embedding_states, "IN_MEMORY", 0)
    proteins = [Protein("MKTAYIAKQR", "a"), Protein("MKV", "b")]
    found = finished(proteins, StateModel(f"saved {place}"), layers=[3, 0])
    assert found.states.temporary == (place != "in memory")
    assert found.store_path is None
    found.save(tmp_path / "e.zarr")
    loaded = Embeddings.load(tmp_path / "e.zarr")
    assert (loaded.names, loaded.layers, loaded.progress.status) == (
        ("a", "b"),
        (3, 0),
        ScanStatus.FINISHED,
    )
    for index in range(2):
        for layer in (0, 3):
            np.testing.assert_array_equal(
                loaded.residues(index, layer), found.residues(index, layer)
            )
    with pytest.raises(StoreError, match="exists already"):
        found.save(tmp_path / "e.zarr")
    found.save(tmp_path / "e.zarr", replace=True)
    assert Embeddings.load(tmp_path / "e.zarr", proteins).proteins == tuple(proteins)
    with pytest.raises(ValueError, match="holds embeddings of '2 sequences'"):
        Embeddings.load(tmp_path / "e.zarr", ["MKT"])
    with pytest.raises(FileNotFoundError, match="no set of embeddings at"):
        Embeddings.load(tmp_path / "other.zarr")
    with pytest.raises(RuntimeError, match="no model to run on"):
        loaded.start()


def test_a_store_goes_on_where_it_stopped(tmp_path):
    sequences = [f"MK{'T' * n}" for n in range(1, 12)]
    whole = finished(sequences, StateModel("whole"), layers="all")
    model = StateModel("resumed", seconds=0.02)
    found = embed(sequences, model, layers="all", store=tmp_path / "e.zarr")
    assert embed(sequences, model, layers="all", store=tmp_path / "e.zarr") is found
    wait_for(lambda: found.progress.done >= 2)
    found.cancel()
    found.wait(10, quiet=True)
    done = found.progress.done
    assert 2 <= done < 11
    kept = Embeddings.load(tmp_path / "e.zarr")
    assert kept.progress.done == done
    model.batches.clear()
    again = finished(sequences, model, layers="all", store=tmp_path / "e.zarr")
    assert len(model.batches) == 11 - done
    for index in range(11):
        for layer in again.layers:
            np.testing.assert_array_equal(
                again.residues(index, layer), whole.residues(index, layer)
            )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layers": [0]}, r"layers is \[3\], not \[0\]"),
        ({"pooled": True}, "pooled is False, not True"),
        ({"masked": [1]}, r"masked is \[\], not \[1\]"),
    ],
)
def test_a_store_of_others_is_refused(tmp_path, options, words):
    finished("MKT", StateModel("owner of states"), store=tmp_path / "e.zarr")
    with pytest.raises(StoreError, match=rf"another set of embeddings: .*{words}"):
        embed("MKT", StateModel("owner of states"), store=tmp_path / "e.zarr", **options)
    with pytest.raises(StoreError, match="its sequence is that of 'protein'"):
        embed(["MKV"], StateModel("owner of states"), store=tmp_path / "e.zarr")


@pytest.mark.parametrize("what", ["residues", "pooled"])
def test_what_is_damaged_is_named_and_computed_again(tmp_path, what):
    store, name = tmp_path / "e.zarr", f"damaged {what}"
    whole = finished(SEQUENCES, StateModel(name), store=store)
    expected = whole.residues(1)
    chunk = store / what / "c" / "1" / "0" / "0"
    chunk = chunk / "0" if what == "residues" else chunk
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 0xFF
    chunk.write_bytes(content)
    if what == "pooled":
        with pytest.warns(UserWarning, match="what is known of 'sequence 2' in .* is damaged"):
            loaded = Embeddings.load(store)
    else:
        loaded = Embeddings.load(store)
        with pytest.raises(StoreError, match=r"of 'sequence 2' is damaged .*call embed with"):
            loaded.residues(1)
    assert list(loaded.computed) == [True, False, True, True, True]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = StateModel(name)
        again = embed(SEQUENCES, model, store=store)
        again.wait(10, quiet=True)
    np.testing.assert_array_equal(again.residues(1), expected)
    assert Embeddings.load(store).complete


@pytest.mark.parametrize("pooled", [False, True])
def test_a_full_disk_ends_it_in_plain_words_and_loses_nothing(tmp_path, monkeypatch, pooled):
    store, model = tmp_path / "e.zarr", StateModel(f"full disk {pooled}")
    write = EmbeddingStore.write

    def full_at_two(self, index, values, means):
        if index == 2:
            monkeypatch.setattr(
                "zarr.Array.__setitem__",
                lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")),
            )
        write(self, index, values, means)

    monkeypatch.setattr(EmbeddingStore, "write", full_at_two)
    found = embed(SEQUENCES, model, store=store, pooled=pooled)
    with pytest.raises(StoreError, match=r"disk is full.*free some space"):
        found.wait(10, quiet=True)
    assert found.computed[0]
    monkeypatch.undo()
    found.resume()
    found.wait(10, quiet=True)
    assert Embeddings.load(store).complete
    np.testing.assert_array_equal(
        Embeddings.load(store).pooled(), finished(SEQUENCES, model, pooled=pooled).pooled()
    )


def test_tables_have_a_row_a_protein_or_a_residue():
    found = finished(
        [Protein("MKT", "a"), Protein("MKV", "b")], StateModel("tables"), layers=[0, 2]
    )
    table = found.to_pandas()
    assert table.shape == (2, WIDTH)
    assert list(table.index) == ["a", "b"]
    np.testing.assert_array_equal(table, found.pooled(2))
    residues = found.to_pandas("b", layer=0)
    assert list(residues.index) == ["M1", "K2", "V3"]
    np.testing.assert_array_equal(residues, found.residues(1, 0))


def test_anndata_says_where_it_comes_from(tmp_path):
    found = finished([Protein("MKT", "a"), Protein("MKV", "b")], StateModel("ann"), layers=[0, 2])
    pytest.importorskip("anndata")
    kept = found.to_anndata()
    np.testing.assert_array_equal(kept.X, found.pooled(2))
    assert list(kept.obs_names) == ["a", "b"]
    assert list(kept.obs["length"]) == [3, 3]
    assert kept.uns["plmwidgets"]["layer"] == 2
    residues = found.to_anndata("b", layer=0)
    assert list(residues.obs["amino_acid"]) == list("MKV")
    residues.write_h5ad(tmp_path / "residues.h5ad")
    kept.write_h5ad(tmp_path / "means.h5ad")


def test_a_missing_package_is_named(monkeypatch):
    found = finished("MKT", StateModel("no anndata"))
    monkeypatch.setitem(sys.modules, "anndata", None)
    with pytest.raises(ImportError, match=r"pip install 'plmwidgets\[anndata\]'"):
        found.to_anndata()
