"""Secrets that a build or a run needs, and the caller does not have."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from mlspec.errors import Problem
from mlspec.host.known_secrets import remember_secret


def missing_in_build(words: Sequence[str], folder: Path) -> Iterator[Problem]:
    """Yield a problem for every secret that a build command names and that is not there.

    Those of the environment are remembered: what a step prints of them is blanked.
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
    """Return the problem of a secret that ``user`` needs and whose variable is not set."""
    what = f"the secret {name}" if name == variable else f"the secret {name}, read from {variable},"
    # Typed with a leading space, or read by `read -rs`, a secret stays out of the shell's history.
    hint = f"set it first, unseen: read -rs {variable} && export {variable}"
    return Problem(code="MLS507", message=f"{user} needs {what} and the environment does not hold it", hint=hint)
