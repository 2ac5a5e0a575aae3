"""List the scans that Explorers keep, the one used last first, or remove them."""

import argparse

HELP = "list or clear the scans that are kept for reopened notebooks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--clear",
        nargs="*",
        metavar="KEY",
        help="remove the scans of these keys, or how they begin; without any, all of them",
    )


def run(options: argparse.Namespace) -> None:
    """Print a table of the cache, or clear it and tell what that freed."""
    from plmwidgets.scan.cache import VARIABLE, cache_folder, cached_scans, clear_cache

    folder = cache_folder()
    if folder is None:
        print(f"The cache is turned off by {VARIABLE}.")
        return
    if options.clear is not None:
        count, size = clear_cache(options.clear)
        print(f"{count} {'scan' if count == 1 else 'scans'} removed, {_size(size)} freed")
        return
    scans = cached_scans()
    if not scans:
        print(f"No scans are kept in {folder}")
        return
    import pandas as pd

    table = [
        {
            "key": scan.key[:12],
            "protein": scan.protein or "(cannot be read)",
            "residues": scan.residues,
            "model": scan.model,
            "done": f"{int(100 * scan.share)}%" + (", estimated" if scan.estimated else ""),
            "size": _size(scan.size),
            "last use": f"{scan.used:%Y-%m-%d %H:%M}",
        }
        for scan in scans
    ]
    print(pd.DataFrame(table).to_string(index=False))
    kept = f"{len(scans)} {'scan' if len(scans) == 1 else 'scans'}"
    print(f"\n{kept}, {_size(sum(scan.size for scan in scans))}, in {folder}")


def _size(size: float) -> str:
    for unit in ("kB", "MB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} GB"
