"""Rules about the files of the project's folder that are copied into the image."""

from __future__ import annotations

import json
from collections.abc import Iterator

from mlspec.advice.lint.container_command import StartScript, command_key, script_of
from mlspec.advice.lint.subject import Context, Look, Subject, Weight, with_slip
from mlspec.errors import Problem, quote_value
from mlspec.plan.ignore_file import include_entry
from mlspec.targets import ignore_patterns
from mlspec.text import format_size, nearest

_LARGE = 100_000_000
_MANY = 10_000
# A file or folder with this share of its parent folder's weight is reported in place of the parent.
_MOST = 0.8


def is_large(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of the largest file or folder that would be copied into the image, unless ``include`` names it.

    An explicit entry, such as the weights that the image serves, is intended.
    """
    named = tuple(entry for entry in subject.settings.include or () if not entry.startswith("!") and entry != ".")
    for path in context.below(""):
        weight = context.weights[path]
        if (weight.size < _LARGE and weight.files < _MANY) or any(_names(entry, path) for entry in named):
            continue
        path = _culprit(context, path)
        include = subject.settings.include
        mount = yaml_word(f"./{path}:{subject.settings.working_dir}/{path}")
        hint = (
            f"to leave it out: {_including(subject, f'!{include_entry(path)}')}\n"
            f"to mount it for a run instead: mounts: [{mount}]\n"
            f"to copy it, name it: {_including(subject, path)}"
        )
        message = f"{path} would be copied into the image: {_format_weight(context.weights[path])}"
        yield subject.warn(message, hint, *(() if include is None else ("include",)))
        return


def _names(entry: str, path: str) -> bool:
    return entry == path or entry.startswith(f"{path}/") or any(character in entry for character in "*?[")


def _culprit(context: Context, path: str) -> str:
    inside = next(iter(context.below(path)), "")
    if not inside or context.weights[inside].size < _MOST * context.weights[path].size:
        return path
    # A folder of data is reported as a whole. Of a folder that also holds code, only the heavy part is reported.
    holds_code = any(kept.startswith(f"{path}/") and kept.endswith(".py") for kept in context.kept)
    is_folder = any(True for _ in context.below(inside)) or context.weights[inside].files > 1
    return _culprit(context, inside) if holds_code or is_folder else path


def _format_weight(weight: Weight) -> str:
    least = "" if weight.is_whole else "at least "
    files = f" in {weight.files:,} files" if weight.files > 1 else ""
    return f"{least}{format_size(weight.size)}{files}"


def left_out(subject: Subject, path: str) -> str:
    """Return a hint with the ``include`` that leaves the file or folder at ``path`` out of the image."""
    return f"leave it out: {_including(subject, f'!{include_entry(path)}')}"


def _including(subject: Subject, entry: str) -> str:
    include = ["."] if subject.settings.include is None else subject.settings.include
    return f"include: [{', '.join(map(yaml_word, (*include, entry)))}]"


def yaml_word(entry: str) -> str:
    """Quote an entry for a YAML list, if it needs quotes."""
    return entry if all(c.isalnum() or c in "./_-:" for c in entry) else json.dumps(entry, ensure_ascii=False)


def includes_nothing(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of entries of ``include`` that match no file, or only files that every image leaves out."""
    for index, entry in enumerate(subject.settings.include or ()):
        path = entry.rstrip("/").removeprefix("./")
        if (
            entry.startswith("!")
            or path in {"", "."}
            or ignore_patterns.matches(path, context.kept)
            or not context.is_whole
        ):
            continue
        if context.looks.get(entry):
            message = f"{quote_value(entry)} copies nothing: it is empty, mounted, secret, or useless in an image"
            yield subject.warn(message, "remove the entry; the ignore file lists what is left out", "include", index)
        else:
            near = nearest(path, {*context.names, *context.weights})
            hint = f"did you mean {near[0]}?" if near else "correct it, or remove the entry"
            warning = subject.warn(f"{quote_value(entry)} does not exist beside the spec", hint, "include", index)
            yield with_slip(warning, path, {*context.names, *context.weights})


def copies_pointers(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of files that git-lfs has not fetched: the image would get pointers, a few lines of text."""
    if not context.pointers:
        return
    first, *others = sorted(context.pointers)
    more = f", and so {'is 1 other' if len(others) == 1 else f'are {len(others)} others'}" if others else ""
    message = f"{first} is a pointer of git-lfs, not the file itself{more}: the image would get a few lines of text"
    yield subject.warn(message, "git lfs pull", *(("include",) if subject.settings.include is not None else ()))


# The script that a container starts with


def lacks_script(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of a command whose script is not in the project, or is left out of the image."""
    script = script_of(subject)
    # A custom base may have the script, and a build step may write it.
    if not script or not subject.is_official or subject.plan.code.steps:
        return
    look = context.looks.get(script.path)
    if look is None and (above := context.looks.get(f"../{script.path}")) and above.is_file:
        message = f"{script.path} is in the parent folder, and the build copies only files from the folder of the spec"
        hint = f"move the spec and its generated files to the folder of {script.path}"
        if subject.plan.context.place:
            message = f"{script.path} is in the parent folder of the spec"
            hint = f"write it from the folder of the spec: ../{script.path}"
        yield subject.warn(message, hint, command_key(subject))
    elif look is None:
        near = nearest(script.path, {*context.names, *context.texts})
        hint = f"did you mean {near[0]}?" if near else "a path in the command is relative to the folder of the spec"
        warning = subject.warn(f"there is no {script.path} beside the spec", hint, command_key(subject))
        yield with_slip(warning, script.path, {path for path in context.texts if path.endswith((".py", ".sh"))})
    elif look.is_file and not look.is_kept:
        hint = f"add it: {_including(subject, script.path)}"
        if any(entry.strip("!/") == script.path for entry in subject.settings.include or ()):
            hint = "see the warning at include"
        yield subject.warn(f"{script.path} is not copied into the image", hint, command_key(subject))


def cannot_start(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of a script that Linux would refuse to start, for example because of Windows line endings."""
    script = script_of(subject)
    look = context.looks.get(script.path) if script else None
    if script and look and look.is_file and look.is_kept and look.text and (why := _refusal(script, look)):
        yield subject.warn(*why, command_key(subject))


def _refusal(script: StartScript, look: Look) -> tuple[str, str] | None:
    """Return message and hint if Linux would not start a script; None if it would."""
    path = script.path
    first, newline, _ = look.text.partition("\n")
    has_returns = bool(newline) and first.endswith("\r")
    if has_returns and script.interpreter != "python":
        hint = rf"sed -i 's/\r$//' {path}; and to keep it so, in .gitattributes: {path} text eol=lf"
        return f"{path} has Windows line endings, so Linux cannot start it", hint
    if script.interpreter:
        return None
    if not first.startswith("#!"):
        how = "#!/usr/bin/env python3" if path.endswith(".py") else "#!/bin/sh"
        return f"{path} has no #! line to say what runs it", f"make this its first line: {how}"
    if not look.is_executable:
        return f"{path} is not executable", f"chmod +x {path}; in git too: git update-index --chmod=+x {path}"
    return None
