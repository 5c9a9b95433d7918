"""The command line: the only part that prints or exits; a module a command."""

from __future__ import annotations

import contextlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; exits 0 fine, 1 problems or stale files, 2 usage, 3 something failed.

    And with 128 and the number of a signal that ended it.
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
        # While the first modules are read, nothing else catches it.
        code = interrupts.acknowledge()
        with contextlib.suppress(OSError, AttributeError):
            sys.stderr.write("interrupted\n")
        sys.exit(code)
