"""The command line, with one module for each command; only this package prints or exits."""

from __future__ import annotations

import contextlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit.

    The exit code is 0 for success, 1 for problems or outdated files, 2 for wrong usage, 3 for a failure outside, and
    128 plus the number of a signal that ended the command.
    """
    from mlspec.host import interrupts

    try:
        interrupts.listen()
        from mlspec.cli.quick import answer_from_proofs

        if answer_from_proofs(sys.argv[1:]):
            sys.exit(0)
        from mlspec.cli.app import main as parse_and_run

        parse_and_run()
    except KeyboardInterrupt:
        # Nothing else catches an interrupt during the first imports.
        code = interrupts.acknowledge()
        with contextlib.suppress(OSError, AttributeError):
            sys.stderr.write("interrupted\n")
        sys.exit(code)
