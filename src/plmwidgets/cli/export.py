"""Write a stored pair scan as a table or as arrays, for other programs.

csv, parquet: one row for each ordered pair, the columns of PairScan.to_pandas. netcdf: every matrix
and the log-probabilities, labelled, as PairScan.to_xarray. npz: the same arrays for numpy, with
residues, amino_acids, sequence, name and provenance (JSON) as arrays of text.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plmwidgets.scan.pair import PairScan

HELP = "write a stored pair scan as CSV, Parquet, npz or netCDF"
SUFFIXES = {"csv": ".csv", "parquet": ".parquet", "npz": ".npz", "netcdf": ".nc"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("store", help="where the scan is kept")
    parser.add_argument("--to", required=True, choices=SUFFIXES, help="which kind of file")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="by default, named after the store, here"
    )


def run(options: argparse.Namespace) -> None:
    """Write the file, whole or not at all."""
    from plmwidgets._files import fresh_file, path_ending, path_text
    from plmwidgets.scan.pair import PairScan

    place = path_text(options.store, "path of a store")
    name = PurePosixPath(place.rstrip("/")).name.removesuffix(".zarr")
    suffix = SUFFIXES[options.to]
    output = path_ending(options.output or name + suffix, suffix, f"files of --to {options.to}")
    if output.exists():
        raise FileExistsError(f"{output} exists already: choose another --output, or remove it")
    scan = PairScan.load(options.store)
    if not scan.pairs_computed:
        raise ValueError(
            f"{options.store} holds none of {scan.pairs_total:,} pairs, so there is nothing to "
            "export: scan them first, or read its single masks with SingleScan.load"
        )
    missing = scan.pairs_total - scan.pairs_computed
    if missing:
        print(
            f"plmwidgets: warning: {missing:,} of {scan.pairs_total:,} pairs "
            f"({missing / scan.pairs_total:.0%}) are not computed yet and missing in {output}",
            file=sys.stderr,
        )
    with fresh_file(output, replace=False) as unfinished:
        _WRITERS[options.to](scan, unfinished)
    print(f"{output}: {scan.pairs_computed:,} pairs, {output.stat().st_size / 1e6:,.1f} MB")


def _write_csv(scan: "PairScan", path: Path) -> None:
    scan.to_pandas().to_csv(path, index=False)


def _write_parquet(scan: "PairScan", path: Path) -> None:
    table = scan.to_pandas()
    try:
        import pyarrow  # noqa: F401 - what pandas writes it with
    except ImportError as error:
        raise ImportError(
            "Parquet needs pyarrow, which is not installed: pip install pyarrow, or use --to csv"
        ) from error
    table.to_parquet(path, index=False, engine="pyarrow")


def _write_npz(scan: "PairScan", path: Path) -> None:
    import numpy as np

    from plmwidgets.alphabet import AMINO_ACIDS
    from plmwidgets.metrics import PAIR_METRICS

    arrays: dict[str, Any] = {name: scan.values(name) for name in PAIR_METRICS}
    arrays |= {
        "log_probability": scan.log_probabilities,
        "origin": scan.origin,
        "residues": scan.protein.residue_labels,
        "amino_acids": list(AMINO_ACIDS),
        "sequence": scan.protein.sequence,
        "name": scan.protein.name,
        "provenance": json.dumps(scan.provenance, default=str),
    }
    if scan.single is not None:
        arrays["single_log_probability"] = scan.single.log_probabilities
    with path.open("wb") as file:  # numpy would add an ending to a name without one
        np.savez_compressed(file, **arrays)


def _write_netcdf(scan: "PairScan", path: Path) -> None:
    # scipy, which is always there, writes netCDF 3; xarray takes a better engine if there is one.
    scan.to_xarray().to_netcdf(path)


_WRITERS: dict[str, Callable[["PairScan", Path], None]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "npz": _write_npz,
    "netcdf": _write_netcdf,
}
