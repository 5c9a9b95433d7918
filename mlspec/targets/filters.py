"""The Jinja environment and its filters: every value names its quoting."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from mlspec.plan.healthcheck import HealthcheckPlan
from mlspec.spec.nested_keys import Secret

if TYPE_CHECKING:
    import jinja2

HOME_MARK = "\0"
"""Stands in a word of the run command for the home folder of whoever runs it; no value of a spec can hold it."""

_HEREDOC = "EOF"


def word(value: str) -> str:
    """Return a value that was checked to be one plain word of a Dockerfile: no space, quote, ``$`` or backslash."""
    if not re.fullmatch(r"[A-Za-z0-9_.,:/@+=~\[\]-]+", value):
        raise ValueError(f"not a plain word: {value!r}")
    return value


def by_architecture(value: str) -> str:
    """Return the name of a lock, one plain word, with the architecture that is built for in front of its ending."""
    return f"{word(value.removesuffix('.lock'))}.$TARGETARCH.lock"


def comment(value: str) -> str:
    """Return a value for a comment: one line of characters that print, which no trailing backslash continues."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(value.split())).rstrip("\\ ")


def exec_form(value: Iterable[str]) -> str:
    """Return the JSON array of an exec form; no shell and no variable reads it."""
    return json.dumps(list(value), ensure_ascii=False)


def env(value: str) -> str:
    """Return a value for ENV or LABEL: bare when plain, else in double quotes with ``\\ " $`` escaped."""
    if re.fullmatch(r"[A-Za-z0-9_.,:/@+=-]+", value):
        return value
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'


def sh(value: str) -> str:
    """Return a value as one word of a POSIX shell."""
    return shlex.quote(value)


def shell(value: str) -> str:
    """Return a value as one word of a POSIX shell, the mark of the home folder as ``"$HOME"``."""
    return '"$HOME"'.join(shlex.quote(part) if part else "" for part in value.split(HOME_MARK)) or "''"


def shell_words(values: Iterable[str]) -> str:
    """Return values as words of a POSIX shell on one line."""
    return " ".join(map(shell, values))


def pattern(value: str) -> str:
    """Return a line of an ignore file; what is special in it was escaped where it means itself."""
    if "\n" in value or value != value.strip():
        raise ValueError(f"not a line of an ignore file: {value!r}")
    return value


def script(value: str, folders: Iterable[str] = ()) -> str:
    """Return a user's command for RUN: on its line when it is one, else as a here-document that nothing expands.

    Everybody gets the owner's permissions for what it leaves in ``folders``. The files that were there are all of 1980
    and stay as they are: a changed mode would make a second copy of each.
    """
    text = value.strip("\n")
    names = " ".join(map(sh, folders))
    share = f"find {names} -xdev -newermt @315619200 ! -perm -o=w -exec chmod go=u {{}} +" if names else ""
    # BuildKit also continues a line whose backslash has blanks behind it.
    is_continued = text.rstrip().endswith("\\")
    # At the end of an instruction BuildKit drops whatever is blank in Unicode, which to a shell is part of a word.
    is_cut = text.rstrip(" \t") != text.rstrip()
    has_start = re.match(r"[\s#\[-]", text)
    plain = not (is_continued or is_cut or has_start or "\n" in text or "<<" in text)
    if plain and not share:
        return text
    if plain and not _KEEPS_STATE.search(text):
        return f"{text} \\\n && {share}"
    lines = text.split("\n")
    mark = next(name for n in range(len(lines) + 1) if (name := f"{_HEREDOC}{n or ''}") not in lines)
    # hadolint reads the next instruction only behind a blank line.
    # A program of its own, by its first line, must keep that line the first.
    prelude = "" if plain else "set -e\n"
    if share:
        prelude = f"trap {sh(share)} EXIT\n{prelude}"
    if text.startswith("#!"):
        prelude = ""
    return f"<<'{mark}'\n{prelude}{text}\n{mark}\n"


# Behind these, "&&" would not run, not parse, or change what set -e ends.
_KEEPS_STATE = re.compile(r"#|[;&]\s*$|\b(?:set|exit|exec|trap)\b")


def continued(values: Iterable[str], margin: int, folder: str = "") -> str:
    """Return words of a shell, one a line, each but the last continued; paths, below a folder."""
    return f" \\\n{' ' * margin}".join(folder + sh(value) for value in values)


def variables(pairs: Iterable[tuple[str, str]]) -> str:
    """Return ``NAME=VALUE`` for ENV or LABEL, one a line; ``PATH`` alone may refer to its former value."""
    return " \\\n    ".join(f"{env(name)}={env(value)}" for name, value in pairs)


def hashes(values: Iterable[str]) -> str:
    """Return pip's ``--hash`` options, one a line."""
    return " \\\n".join(f"    --hash=sha256:{word(value)}" for value in values)


def cache_mounts(targets: Iterable[str]) -> str:
    """Return RUN's options for folders that are kept between builds and stay out of the image."""
    return "".join(f"--mount=type=cache,target={word(target)} \\\n    " for target in targets)


def secret_mounts(names: Iterable[str], secrets: Iterable[tuple[str, Secret]]) -> str:
    """Return RUN's options for secrets: an environment variable, or a file below /run/secrets."""
    known = dict(secrets)
    return "".join(
        f"--mount=type=secret,id={word(name)}{f',env={word(name)}' if known[name].environment else ''},required=true"
        " \\\n    "
        for name in names
    )


def healthcheck(check: HealthcheckPlan) -> str:
    """Return what follows HEALTHCHECK."""
    if check.command is None:
        return "NONE"
    options = "".join(f"{word(flag)}={word(value)} " for flag, value in check.options)
    return f"{options}\\\n    CMD {exec_form(check.command)}"


def escaped(value: str) -> str:
    """Return a value as text of an HTML page, or of an attribute in quotes."""
    return html.escape(value)


def percent(value: float) -> str:
    """Return a share as a length of CSS."""
    return f"{value:.1f}%"


def pixels(value: float) -> str:
    """Return a length of an SVG drawing."""
    return f"{value:.1f}".removesuffix(".0")


FILTERS: Mapping[str, Callable[..., str]] = {
    "word": word,
    "by_architecture": by_architecture,
    "comment": comment,
    "exec": exec_form,
    "env": env,
    "sh": sh,
    "shell": shell,
    "shell_words": shell_words,
    "pattern": pattern,
    "script": script,
    "continued": continued,
    "variables": variables,
    "hashes": hashes,
    "cache_mounts": cache_mounts,
    "secret_mounts": secret_mounts,
    "healthcheck": healthcheck,
    "html": escaped,
    "percent": percent,
    "pixels": pixels,
}


@cache
def environment() -> jinja2.Environment:
    """Return the environment that draws the templates; an undefined name is an error."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("mlspec.templates", ""),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - a test sees that every value names its quoting, in HTML too
    )
    made.filters.update(FILTERS)
    return made


def draw(template: str, **values: object) -> str:
    """Return the text of a template with these values."""
    return environment().get_template(template).render(**values)
