"""The check for secrets that a build or a run needs and that are missing on this host."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from mlspec.errors import Problem
from mlspec.host.known_secrets import remember_secret


def missing_in_build(words: Sequence[str], folder: Path) -> Iterator[Problem]:
    """Yield a problem for every missing secret of a build command.

    Secrets from the environment are remembered, so that mlspec blanks them in the output of the steps.
    """
    for flag, value in pairwise(words):
        if flag != "--secret":
            continue
        fields = dict(field.partition("=")[::2] for field in next(csv.reader([value])))
        name = fields.get("env")
        if name and name not in os.environ:
            yield missing(fields["id"], name, "the build")
        remember_secret(os.environ.get(name or "", ""))
        if "src" in fields and not (folder / fields["src"]).is_file():
            message = f"the secret {fields['id']} is read from {fields['src']}, which does not exist"
            yield Problem(code="MLS507", message=message, hint="write the file, or correct its path below secrets")


def missing(name: str, variable: str, user: str) -> Problem:
    """Return the problem for a secret of ``user`` with an unset environment variable."""
    what = f"the secret {name}" if name == variable else f"the secret {name}, read from {variable},"
    # `read -rs` keeps the secret out of the shell's history.
    hint = f"set it first, without echo: read -rs {variable} && export {variable}"
    return Problem(code="MLS507", message=f"{user} needs {what}, which is not in the environment", hint=hint)
