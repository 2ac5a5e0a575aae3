"""The command line: a module a command, each with `HELP`, `add_arguments` and `run`."""

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType

from plmwidgets._version import __version__
from plmwidgets.cli import demo

COMMANDS: dict[str, ModuleType] = {"demo": demo}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status (0 done, 1 failed, 2 wrong arguments)."""
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
        COMMANDS[options.command].run(options)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 1
    except (OSError, RuntimeError, ValueError) as error:
        print(f"plmwidgets: {error}", file=sys.stderr)
        return 1
    return 0
