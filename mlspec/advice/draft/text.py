"""Choices to the text of a first spec."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from mlspec.advice.draft.folder import Choice
from mlspec.spec import schema

_HEAD = (
    schema.MODELINE
    + "# What the image needs. `mlspec render` compiles this file to a Dockerfile, an ignore file and run.sh.\n"
)
_COMMENTS = {
    "accelerator": "# For NVIDIA GPUs, remove the # from the next two lines.",
    "requirements": "# Packages: a file, or a list of names as pip takes them. They are pinned in requirements.lock.",
    "apt": "# Debian packages.",
    "environment": "# Variables of the program.",
    "entrypoint": "# What the image starts.",
    "working_dir": "# The folder of the code in the image.",
    "env_file": "# Variables of this machine, read when it runs; the file stays out of the image.",
    "healthcheck": "# A path that answers while the program works.",
    "shm_size": "# Memory that the processes of a data loader share.",
    "ports": "# HOST:CONTAINER; only this machine can reach it.",
    "mounts": "# Folders of this machine, HOST:CONTAINER. They stay out of the image; :ro makes one read-only.",
}
_EXAMPLES = {
    "accelerator": "accelerator: cuda\n# gpus: all",
    "requirements": "requirements: requirements.in",
    "entrypoint": "entrypoint: python train.py",
}
_ORDER = (
    "name", "python", "base", "accelerator", "requirements", "apt", "environment", "env_file", "working_dir",
    "entrypoint", "ports", "healthcheck", "shm_size", "mounts",
)  # fmt: skip


def spec_text(choices: Iterable[Choice]) -> str:
    """Return the text of the spec in which the keys stand as chosen; one without a value stands as a comment."""
    chosen = {choice.key: choice for choice in choices if choice.key in _ORDER}
    return _HEAD + "".join(_lines(chosen[key]) for key in _ORDER if key in chosen)


def _lines(choice: Choice) -> str:
    key, value = choice.key, choice.value
    comment = f"{_COMMENTS[key]}\n" if key in _COMMENTS and not (key == "accelerator" and value) else ""
    if not value:
        return f"{comment}# {_EXAMPLES[key]}\n"
    if isinstance(value, str):
        return f"{comment}{key}: {scalar(value)}\n"
    if key == "entrypoint":
        return f"{comment}{key}: [{', '.join(map(scalar, value))}]\n"
    return f"{comment}{key}:\n" + "".join(f"  - {scalar(item)}\n" for item in value)


_PART = r"[\w./=<>~*+-]+(?::[\w./=<>~*+-]+)*"
_PLAIN = re.compile(rf"\d+\.\d+(?:\.\d+)?|(?=[A-Za-z_/]|\./){_PART}(?: {_PART})*", re.ASCII)
# Words that some reader of YAML takes for a boolean or for nothing.
_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}


def scalar(text: str) -> str:
    """Return ``text`` as YAML, plain where every reader of YAML takes it for that text."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    # JSON's strings are YAML's, but for characters that YAML wants escaped and JSON does not.
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)
