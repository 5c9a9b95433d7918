"""Rules about what of the project's folder is copied into the image."""

from __future__ import annotations

import json
from collections.abc import Iterator

from mlspec.errors import Problem
from mlspec.lockfile import shown_size
from mlspec.plan import pattern
from mlspec.rules.subject import Context, Subject, Weight

_LARGE = 100_000_000
_MANY = 10_000
# Of a folder's weight, the part that makes one thing in it the culprit.
_MOST = 0.8


def is_large(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of the largest thing that would be copied into the image without being named in ``include``.

    What ``include`` names by itself, such as weights that the image is to serve, is meant.
    """
    named = tuple(entry for entry in subject.settings.include or () if not entry.startswith("!") and entry != ".")
    for path in context.below(""):
        weight = context.weights[path]
        if (weight.size < _LARGE and weight.files < _MANY) or any(_names(entry, path) for entry in named):
            continue
        path = _culprit(context, path)
        message = f"{path} would be copied into the image: {_shown(context.weights[path])}"
        yield subject.warn(message, _how_to_leave_out(subject, path), *_place(subject))
        return


def _names(entry: str, path: str) -> bool:
    return entry == path or entry.startswith(f"{path}/") or any(character in entry for character in "*?[")


def _culprit(context: Context, path: str) -> str:
    inside = next(iter(context.below(path)), "")
    if not inside or context.weights[inside].size < _MOST * context.weights[path].size:
        return path
    return _culprit(context, inside)


def _shown(weight: Weight) -> str:
    least = "" if weight.is_whole else "at least "
    files = f" in {weight.files:,} files" if weight.files > 1 else ""
    return f"{least}{shown_size(weight.size)}{files}"


def _how_to_leave_out(subject: Subject, path: str) -> str:
    include = ["."] if subject.settings.include is None else subject.settings.include
    mount = _quoted(f"./{path}:{subject.settings.working_dir}/{path}")
    return (
        f"to leave it out: include: {_list(*include, f'!{pattern(path)}')}\n"
        f"to have it there only when it runs: mounts: [{mount}]\n"
        f"where it is meant, name it: include: {_list(*include, path)}"
    )


def _list(*entries: str) -> str:
    return f"[{', '.join(map(_quoted, entries))}]"


def _quoted(entry: str) -> str:
    return entry if all(c.isalnum() or c in "./_-:" for c in entry) else json.dumps(entry, ensure_ascii=False)


def _place(subject: Subject) -> tuple[str, ...]:
    return ("include",) if subject.settings.include is not None else ()
