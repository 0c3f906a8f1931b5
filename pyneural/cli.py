"""The command `pyneural`. `python -m pyneural` does the same."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a sub-command. Returns the exit status; mistakes of the user end in one line, not in a traceback."""
    from pyneural._version import __version__
    from pyneural.bench import command

    parser = argparse.ArgumentParser(prog="pyneural", description="A neural-network library with Keras 3's names.")
    parser.add_argument("--version", action="version", version=f"pyneural {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    command.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, OSError, ImportError) as error:
        print(f"pyneural: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
