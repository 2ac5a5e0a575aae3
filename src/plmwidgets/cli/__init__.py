"""The command line: a module a command, each with `HELP`, `add_arguments` and `run`.

`run` returns an exit status, or None for 0.
"""

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType

from plmwidgets._version import __version__
from plmwidgets.cli import cache, demo, export, page, scan, serve

COMMANDS: dict[str, ModuleType] = {
    "cache": cache,
    "demo": demo,
    "export": export,
    "page": page,
    "scan": scan,
    "serve": serve,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns
    -------
    int
        The exit status: 0 done, 1 failed, 2 wrong arguments, 130 stopped by Ctrl-C, 143 by SIGTERM.
    """
    parser = argparse.ArgumentParser(
        prog="plmwidgets", description="Masked protein language models, without a notebook."
    )
    parser.add_argument("--version", action="version", version=f"plmwidgets {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        module.add_arguments(
            commands.add_parser(name, help=module.HELP, description=module.__doc__)
        )
    options = parser.parse_args(arguments)
    try:
        status: int | None = COMMANDS[options.command].run(options)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        print(f"plmwidgets: {error}", file=sys.stderr)
        return 1
    return status or 0
