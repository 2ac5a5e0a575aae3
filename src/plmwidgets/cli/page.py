"""Run notebooks and write each as one page that needs no kernel and no network.

An Explorer in a notebook can be used in its page, for what is recorded, and an UnmaskingPlayer but
for forks; other views are pictures.
"""

import argparse
from pathlib import Path

HELP = "run notebooks and write each as a page without a kernel"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("notebooks", type=Path, nargs="+", metavar="NOTEBOOK")
    parser.add_argument(
        "--output", type=Path, default=Path("pages"), help="folder (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> None:
    """Write ``NAME.html`` for each ``NAME.ipynb``."""
    from plmwidgets.offline.notebook import notebook_page

    names = [notebook.stem for notebook in options.notebooks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(
            f"two of the notebooks are called {twice}, and one page would replace the other: write "
            "them one at a time, each with an --output of its own"
        )
    options.output.mkdir(parents=True, exist_ok=True)
    for notebook in options.notebooks:
        page = notebook_page(notebook, options.output / f"{notebook.stem}.html")
        print(f"{page}: {page.stat().st_size / 1e6:.1f} MB", flush=True)
