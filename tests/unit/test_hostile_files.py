"""Files that were damaged, or made to do harm: an error in words, in little time and memory."""

import gzip
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import msgpack
import numpy as np
import pytest
from checkpoints import Payload
from structure_inputs import peptide, write_atoms
from toy_models import ToyModel
from view_tools import SEQUENCE

from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.start import scan_pairs
from plmwidgets.structure import files
from plmwidgets.structure.alignment import align
from plmwidgets.structure.files import UnreadableFileError

READER = Path(__file__).parents[1] / "hostile_files.py"


def read_mutated(seed, count):
    """Read mutated files in a process of 3 GB of memory; a file may take 20 seconds."""
    command = [sys.executable, str(READER), "--seed", str(seed), "--count", str(count)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    told = json.loads(ended.stdout)
    assert told["failures"] == []
    kinds = {f"{kind} {end}" for kind in files_of_each_kind for end in ("read", "refused")}
    assert set(told["counts"]) == kinds, "some files must get through, and some not"
    assert sum(told["counts"].values()) == count
    return count


files_of_each_kind = ("pdb", "cif", "bcif", "fasta")


def test_mutated_files_are_read_or_refused_in_words(record_property):
    record_property("files", read_mutated(seed=1, count=300))


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(2, 7))
def test_many_more_mutated_files(seed, record_property):
    record_property("files", read_mutated(seed, count=2_000))


def test_a_gzip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 10**6)
    for name in ("bomb.pdb.gz", "bomb.fasta.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b"A" * 10**7))
        with pytest.raises(UnreadableFileError, match="more than 1 MB unpacked"):
            Protein.from_file(tmp_path / name)
    (tmp_path / "long.fasta").write_bytes(b">a\n" + b"A" * 10**6)
    with pytest.raises(UnreadableFileError, match="more than 1 MB, which"):
        Protein.from_file(tmp_path / "long.fasta")


def test_damage_inside_a_gzip_file_is_told(tmp_path):
    content = bytearray(gzip.compress(os.urandom(2000)))
    content[12:40] = b"\xff" * 28
    (tmp_path / "damaged.pdb.gz").write_bytes(content)
    with pytest.raises(UnreadableFileError, match="cannot be unpacked"):
        Protein.from_file(tmp_path / "damaged.pdb.gz")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "endless.pdb")
    with pytest.raises(ValueError, match="no plain file"):
        Protein.from_file(tmp_path / "endless.pdb")


@pytest.mark.parametrize("size", [2**31 - 1, 2**40, -1, None, "many"])
def test_a_binary_file_cannot_claim_a_table_of_any_size(tmp_path, size):
    path = write_atoms(tmp_path / "bomb.bcif", peptide("ACDEF"))
    assert Protein.from_file(path).sequence == "ACDEF"
    tree = msgpack.unpackb(path.read_bytes())
    table = next(
        t for t in tree["dataBlocks"][0]["categories"] if t["name"].strip("_") == "atom_site"
    )
    run = np.array([1, 2**31 - 1], dtype="<i4").tobytes()
    encoding = [
        {"kind": "RunLength", "srcType": 3, "srcSize": size},
        {"kind": "ByteArray", "type": 3},
    ]
    table["columns"][-1]["data"] = {"data": run, "encoding": encoding}
    path.write_bytes(msgpack.packb(tree))
    with pytest.raises(ValueError, match=r"bomb.bcif states a table of .* values"):
        Protein.from_file(path)


def test_an_alignment_too_large_for_memory_is_refused():
    with pytest.raises(ValueError, match="too many to be aligned"):
        align("ACDE" * 5_000, "CADE" * 5_000, np.full(20_000, np.nan))


def test_atoms_thrown_far_apart_cost_no_memory(tmp_path):
    atoms = peptide("ACDEFGHIKLMNPQRS")
    atoms.coord[-4] = [9e8, -9e8, 9e8]
    protein = Protein.from_file(write_atoms(tmp_path / "thrown.cif", atoms))
    assert "_atom_site" in protein.structure.to_cif()
    assert np.isfinite(protein.distance_map()[:15, :15]).all()


def with_codec(array, witness):
    said = json.loads((array / "zarr.json").read_text())
    said["codecs"] = [{"name": "bytes"}, {"name": "numcodecs.pickle", "configuration": {}}]
    (array / "zarr.json").write_text(json.dumps(said))
    for chunk in (array / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(pickle.dumps(Payload(witness)))


def of_version_2(array, witness):
    (array / "zarr.json").unlink()
    said = {"zarr_format": 2, "shape": [22, 20], "chunks": [22, 20], "dtype": "|O", "order": "C"}
    said |= {"compressor": None, "filters": [{"id": "pickle"}], "fill_value": None}
    (array / ".zarray").write_text(json.dumps(said))
    (array / "0.0").write_bytes(pickle.dumps(Payload(witness)))


@pytest.mark.parametrize("change", [with_codec, of_version_2])
def test_a_scan_from_somebody_else_runs_no_code(tmp_path, change):
    scan = scan_pairs(SEQUENCE, ToyModel("shared"), store=tmp_path / "scan.zarr")
    scan.wait(30)
    change(tmp_path / "scan.zarr" / "single", tmp_path / "ran")
    with pytest.warns(UserWarning, match="single .* (is|was) damaged"):
        PairScan.load(tmp_path / "scan.zarr")
    assert not (tmp_path / "ran").exists()
