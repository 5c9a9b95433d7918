"""The lines of an ignore file: the files of a project that stay out of an image.

BuildKit reads the lines with github.com/moby/patternmatcher (v0.6.0, patternmatcher.go), podman with
containers/storage. Both turn a line with a special character into a regular expression of Go, and neither escapes every
special character of Go: an unescaped ``|`` excluded every file of a project.
"""

from __future__ import annotations

import posixpath
import re

from mlspec.plan.unfinished_names import UNFINISHED
from mlspec.spec.keys import Settings
from mlspec.spec.values import is_below_spec, is_relative

# Files that no image of any project needs: version control, virtual environments, caches, files that notebooks and
# editors create, output folders of common loggers, and files that usually hold secrets.
NEVER_COPIED = (
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


# The path from the build context to the spec's folder is `place` in this module; it is empty if both are the same.


def ignore_lines(settings: Settings, place: str = "") -> tuple[str, ...]:
    """Return the lines that exclude files no image needs, sources of mounts, environment files and secrets."""
    bound = [mount.source for mount in settings.mounts if mount.type == "bind"]
    written = (path for path in (*bound, *private_files(settings)) if is_relative(path))
    paths = {path for path in (_clean(path, place) for path in written) if _is_in_context(path, place)}
    return (*(line_in_context(line, place) for line in NEVER_COPIED), *map(path_line, sorted(paths)))


def _is_in_context(path: str, place: str) -> bool:
    """Return whether a path from the context is in it, and is neither the spec's folder nor a folder above that."""
    is_above = f"{place}/".startswith(f"{path}/")
    return path.partition("/")[0] not in {".", ".."} and not is_above


def private_files(settings: Settings) -> tuple[str, ...]:
    """Return the paths of the environment files and the secrets of an image, as the spec writes them."""
    secrets = (secret.file for secret in settings.secrets.values() if secret.file)
    return (*(entry.path for entry in settings.env_file), *secrets)


def line_in_context(line: str, place: str) -> str:
    """Return the line that matches from the build context what ``line`` matches from the spec's folder."""
    if not place or line.startswith("**"):
        return line
    is_kept = line.startswith("!")
    return f"{'!' * is_kept}{path_line(place)}/{line.removeprefix('!')}"


def include_line(entry: str, place: str = "") -> str:
    """Return the line for an entry of ``include``; the line stands below one that excludes all files.

    The entry may hold wildcards.
    """
    taken_out = entry.startswith("!")
    path = _clean(entry.removeprefix("!"), place)
    line = "**" if path == "." else _line(_WILDCARD.split(path))
    return line if taken_out else f"!{line}"


def find_outside(entry: str) -> str:
    """Return the literal beginning of an entry of ``include`` outside the spec's folder; empty for any other entry."""
    path = find_beginning(entry)
    return path if path.partition("/")[0] == ".." else ""


def find_beginning(entry: str) -> str:
    """Return the literal beginning of an entry of ``include``, as a path; empty for an entry that excludes files."""
    if entry.startswith("!"):
        return ""
    path = _clean(entry)
    literal = _WILDCARD.split(path)[0]
    return literal if literal == path else posixpath.dirname(literal) or "."


def path_line(path: str) -> str:
    """Return the line that matches this one path, even if the path holds special characters.

    No line can hold a line break or a control character, so each becomes the wildcard for one character.
    """
    return _line([path])


def include_entry(path: str) -> str:
    """Return the entry of ``include`` that names a file.

    A backslash means a slash in ``include``, so it cannot escape ``*``: the entry has ``?`` in place of ``*``.
    """
    entry = path_line(path).replace("\\*", "?").replace("\\?", "?")
    return entry if is_below_spec(entry) or entry.startswith("../") else f"./{entry}"


def _clean(path: str, place: str = "") -> str:
    return posixpath.normpath(posixpath.join(place, path.replace("\\", "/")))


_WILDCARD = re.compile(r"(\*+|\?|\[[^\]]+\])")


def _line(parts: list[str]) -> str:
    """Join the parts of a line, which are literal text and wildcards in turn, and escape the literal text."""
    texts = ("".join(map(_literal, part)) if number % 2 == 0 else part for number, part in enumerate(parts))
    line = "".join(texts)
    # BuildKit trims blanks at both ends. In front, "#" begins a comment, "!" an exception, and BuildKit skips a BOM.
    start, end = line[:1], line[-1:]
    front = f"[{start}]" if start.isspace() or start in {"#", "!", "\ufeff"} else start
    behind = f"[{end}]" if len(line) > 1 and end.isspace() else end * (len(line) > 1)
    return f"{front}{line[1:-1]}{behind}"


def _literal(character: str) -> str:
    """Return the pattern that matches one character literally, in BuildKit and podman, on Linux and Windows.

    A backslash does not escape on Windows, so it stands only before characters that no file name on Windows holds.
    """
    if character in "*?":
        return f"\\{character}"  # brackets do not escape these two
    if character == "^":
        return "[/^]"  # as the first character in brackets "^" would negate; no file name holds a slash
    if character in "[{}|()+":
        return f"[{character}]"
    is_unwritable = character in "\\\x7f" or character < " " or "\ud800" <= character <= "\udfff"
    return "?" if is_unwritable else character
