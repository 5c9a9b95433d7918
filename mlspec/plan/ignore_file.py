"""What of a project stays out of an image, as lines of an ignore file.

The lines are read by github.com/moby/patternmatcher (v0.6.0, patternmatcher.go) in BuildKit, and by containers/storage
in podman. Both turn a line with a special character into a regular expression of Go, and neither escapes all that is
special there: an unescaped ``|`` left out every file of a project.
"""

from __future__ import annotations

import posixpath
import re

from mlspec.plan.unfinished_names import UNFINISHED
from mlspec.spec.keys import Settings
from mlspec.spec.values import is_below_spec

# What no image needs, whatever the project: version control, environments, caches, notebooks' and editors' leavings,
# the output folders of the usual loggers, and files that hold secrets by custom.
_NEVER = (
    "**/.git",
    "**/.hg",
    "**/.svn",
    "**/.gitignore",
    "**/.gitattributes",
    "**/.DS_Store",
    "**/.venv",
    "**/venv",
    "**/__pycache__",
    "**/*.py[cod]",
    "**/*.egg-info",
    "**/.ipynb_checkpoints",
    "**/.mypy_cache",
    "**/.pytest_cache",
    "**/.ruff_cache",
    "**/.cache",
    "**/.idea",
    "**/.vscode",
    "**/node_modules",
    "wandb",
    "mlruns",
    "lightning_logs",
    "**/.env",
    "**/.env.*",
    "**/.netrc",
    f"**/.*{UNFINISHED}",
)


def ignore_lines(settings: Settings) -> tuple[str, ...]:
    """Return the lines for what must not enter an image: what no image needs, mounts, environment files, secrets."""
    bound = [mount.source for mount in settings.mounts if mount.type == "bind"]
    paths = {_clean(path) for path in (*bound, *private_files(settings)) if is_below_spec(path)}
    return (*_NEVER, *map(path_line, sorted(paths)))


def private_files(settings: Settings) -> tuple[str, ...]:
    """Return the paths of the environment files and the secrets of an image, as the spec writes them."""
    secrets = (secret.file for secret in settings.secrets.values() if secret.file)
    return (*(entry.path for entry in settings.env_file), *secrets)


def include_line(entry: str) -> str:
    """Return the line, after one that leaves out everything, for an entry of ``include``, which may hold wildcards."""
    taken_out = entry.startswith("!")
    path = _clean(entry.removeprefix("!"))
    line = "**" if path == "." else _line(_WILDCARD.split(path))
    return line if taken_out else f"!{line}"


def path_line(path: str) -> str:
    """Return the line that means this one path, whatever characters its name holds.

    A line break or a control character, which no line can hold, becomes any one character.
    """
    return _line([path])


def include_entry(path: str) -> str:
    """Return what names a file in ``include``; there a backslash is a slash, so that ``*`` is any character."""
    entry = path_line(path).replace("\\*", "?").replace("\\?", "?")
    return entry if is_below_spec(entry) else f"./{entry}"


def _clean(path: str) -> str:
    return posixpath.normpath(path.replace("\\", "/"))


_WILDCARD = re.compile(r"(\*+|\?|\[[^\]]+\])")


def _line(parts: list[str]) -> str:
    """Return a line of texts that mean themselves; each second one is a wildcard."""
    texts = ("".join(map(_literal, part)) if number % 2 == 0 else part for number, part in enumerate(parts))
    line = "".join(texts)
    # Blanks at the ends are trimmed; in front, these begin a comment, an exception, or are a mark that is skipped.
    start, end = line[:1], line[-1:]
    front = f"[{start}]" if start.isspace() or start in {"#", "!", "\ufeff"} else start
    behind = f"[{end}]" if len(line) > 1 and end.isspace() else end * (len(line) > 1)
    return f"{front}{line[1:-1]}{behind}"


def _literal(character: str) -> str:
    """Return a character for a place where it means itself, in each of the two programs and on Windows.

    There a backslash is no escape, so that it is used only in front of what no name on Windows holds.
    """
    if character in "*?":
        return f"\\{character}"  # in brackets they are wildcards nevertheless
    if character == "^":
        return "[/^]"  # first in brackets it means "none of"; a slash is in no name
    if character in "[{}|()+":
        return f"[{character}]"
    is_unwritable = character in "\\\x7f" or character < " " or "\ud800" <= character <= "\udfff"
    return "?" if is_unwritable else character
