"""``plmwidgets export``: what is read back equals the scan."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from toy_models import ToyModel

from plmwidgets.alphabet import AMINO_ACIDS
from plmwidgets.cli import main
from plmwidgets.metrics import PAIR_METRICS
from plmwidgets.protein import Protein
from plmwidgets.scan.pair import PairScan
from plmwidgets.scan.start import scan_pairs

SEQUENCE = "MKTAYIAKQRQISF"


@pytest.fixture
def scan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scan = scan_pairs(Protein(SEQUENCE, "mine"), ToyModel("export"), store=tmp_path / "mine.zarr")
    scan.wait(30)
    return scan


def export(*arguments):
    assert main(["export", "mine.zarr", *arguments]) == 0


def test_csv_is_the_table(scan, tmp_path, capsys):
    export("--to", "csv")
    table = pd.read_csv(tmp_path / "mine.csv")
    pd.testing.assert_frame_equal(table, scan.to_pandas(), check_dtype=False)
    assert "mine.csv: 91 pairs" in capsys.readouterr().out


def test_parquet_is_the_table(scan, tmp_path):
    export("--to", "parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "mine.parquet"), scan.to_pandas())


def test_parquet_without_pyarrow_says_what_to_install(scan, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["export", "mine.zarr", "--to", "parquet"]) == 1
    assert "pip install pyarrow" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.zarr"]


def test_npz_holds_every_array(scan, tmp_path):
    export("--to", "npz", "--output", "other.npz")
    with np.load(tmp_path / "other.npz") as found:
        for name in PAIR_METRICS:
            np.testing.assert_array_equal(found[name], scan.values(name))
        np.testing.assert_array_equal(found["log_probability"], scan.log_probabilities)
        np.testing.assert_array_equal(
            found["single_log_probability"], scan.single.log_probabilities
        )
        np.testing.assert_array_equal(found["origin"], scan.origin)
        assert found["residues"].tolist() == list(scan.protein.residue_labels)
        assert "".join(found["amino_acids"]) == AMINO_ACIDS
        assert (str(found["sequence"]), str(found["name"])) == (SEQUENCE, "mine")
        assert json.loads(str(found["provenance"]))["model"] == "export"


def test_netcdf_holds_the_dataset(scan, tmp_path):
    xarray = pytest.importorskip("xarray")
    export("--to", "netcdf")
    with xarray.open_dataset(tmp_path / "mine.nc") as found:
        expected = scan.to_xarray()
        assert set(found.variables) == set(expected.variables)
        for name, values in expected.data_vars.items():
            np.testing.assert_array_equal(found[name], values)
        assert found.attrs["sequence"] == SEQUENCE


def test_a_part_of_a_scan_is_exported_with_a_warning(scan, tmp_path, capsys):
    scan.origin[:8, 8:] = scan.origin[8:, :8] = 0
    scan.save(tmp_path / "part.zarr")
    assert main(["export", "part.zarr", "--to", "csv"]) == 0
    assert "48 of 91 pairs (53%) are not computed yet" in capsys.readouterr().err
    assert len(pd.read_csv(tmp_path / "part.csv")) == 2 * (91 - 48)
    assert PairScan.load(tmp_path / "part.zarr").pairs_computed == 91 - 48


def test_nothing_is_overwritten_and_no_half_file_is_left(scan, tmp_path, capsys):
    (tmp_path / "mine.csv").write_text("mine")
    assert main(["export", "mine.zarr", "--to", "csv"]) == 1
    assert "mine.csv exists already" in capsys.readouterr().err
    assert (tmp_path / "mine.csv").read_text() == "mine"
    assert main(["export", "nowhere.zarr", "--to", "csv"]) == 1
    assert "no pair scan at nowhere.zarr" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("store", "to", "output", "match"),
    [
        ("mine.zarr", "npz", "out.csv", "files of --to npz are kept as .npz: end out.csv in that"),
        ("mine.zarr", "netcdf", "none/x.nc", "there is no folder none: make it first"),
        ("alone.zarr", "csv", "x.csv", "alone.zarr holds none of 91 pairs, so there is nothing"),
        ("own", "csv", "x.csv", "holds something else: choose another path"),
    ],
)
def test_what_cannot_be_exported_is_refused(scan, tmp_path, capsys, store, to, output, match):
    scan.single.save(tmp_path / "alone.zarr")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "letters.txt").write_text("keep me")
    assert main(["export", store, "--to", to, "--output", output]) == 1
    assert match in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"mine.zarr", "alone.zarr", "own"}
