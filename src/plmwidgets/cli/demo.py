"""Scan all pairs of masks of the bundled demo protein with the bundled model.

Print the strongest pairs and how many are contacts; write the table and the map.
"""

import argparse
from pathlib import Path

HELP = "scan all pairs of the bundled demo protein, offline"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("demo-output"),
        help="folder for pairs.csv and map.png (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> None:
    """Scan the demo protein and write ``pairs.csv`` and ``map.png`` into a folder."""
    from plmwidgets.charts import pair_map
    from plmwidgets.models import load_model
    from plmwidgets.protein import Protein
    from plmwidgets.scan.start import scan_pairs

    output = options.output
    output.mkdir(parents=True, exist_ok=True)
    protein, model = Protein.demo(), load_model("demo")
    print(f"{protein!r}\n{model!r}\n")
    scan = scan_pairs(protein, model)
    scan.wait()

    print("\nThe ten pairs that depend most on each other:\n")
    print(scan.top_pairs(10).to_string(index=False))
    print(f"\n{scan.summary().to_string()}\n")
    table, picture = output / "pairs.csv", output / "map.png"
    scan.to_pandas().to_csv(table, index=False)
    pair_map(scan).save(str(picture), scale_factor=2)
    print(f"Table: {table}\nMap:   {picture}")
