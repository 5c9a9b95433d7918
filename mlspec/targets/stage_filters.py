"""Filters for the stages of a Dockerfile: plain words, and the arguments of FROM and COPY."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlspec.targets.command_filters import wrap_words


def word(value: str) -> str:
    """Return a value that is one plain word of a Dockerfile: no space, quote, ``$`` or backslash.

    Raises ValueError for any other value.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.,:/@+=~\[\]-]+", value):
        raise ValueError(f"not a plain word: {value!r}")
    return value


def lock_file(value: str, is_multi_platform: bool) -> str:
    """Return the name of a lock as one plain word; for several platforms, with ``$TARGETARCH`` before its suffix."""
    return f"{word(value.removesuffix('.lock'))}.$TARGETARCH.lock" if is_multi_platform else word(value)


def platform(value: str | None) -> str:
    """Return FROM's option for the platform of the build machine, or "" for the platform of the image."""
    return f"--platform={value} " if value == "$BUILDPLATFORM" else ""


def packages_of(stage: str) -> str:
    """Return the arguments of COPY for the packages of a stage."""
    return f"--from={word(stage)} /opt /opt"


def modules_of(stage: str) -> str:
    """Return the arguments of COPY for the compiled modules of the project from a stage."""
    return f"--from={word(stage)} /srv/built /"


def copies_of_sources(folders: Iterable[str]) -> str:
    """Return the command that copies the sources in C, C++ or Cython from folders of the code to those of the build."""
    names = r"-regex '.*\.\(c\|cc\|cpp\|cxx\|h\|hh\|hpp\|hxx\|inc\|pyx\|pxd\|pxi\)'"
    return (
        f"env -C /srv/image find {wrap_words(folders, 8)} -type f {names} \\\n"
        "        -exec cp --parents --target-directory=/srv/project {} +"
    )


def named_folders(stage: str) -> str:
    """Return the arguments of FROM for the stage of the folders, made from ``stage``."""
    return f"{word(stage)} AS folders"


def git_lock(file: str, is_multi_platform: bool) -> str:
    """Return the arguments of COPY for the lock of git dependencies."""
    return f"{lock_file(file, is_multi_platform)} /git.lock"
