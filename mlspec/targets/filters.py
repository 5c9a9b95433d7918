"""The Jinja environment and its filters. Each value in a template names a filter that quotes it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from mlspec.targets.command_filters import (
    account,
    continue_lines,
    creation,
    debian_sources,
    fill_lines,
    removal,
    undeclared_requirements,
    wrap_words,
)
from mlspec.targets.comment_filters import build_note, comment, heading, remark
from mlspec.targets.html_filters import escape_html, percent, pixels
from mlspec.targets.stage_filters import (
    copies_of_sources,
    git_lock,
    lock_file,
    modules_of,
    named_folders,
    packages_of,
    platform,
    word,
)

if TYPE_CHECKING:
    import jinja2

    from mlspec.plan.build_mounts import BuildMount
    from mlspec.plan.healthcheck import HealthcheckPlan
    from mlspec.spec.nested_keys import Secret

HOME_MARK = "\0"
"""The mark for the calling user's home folder in a word of the run command; no value of a spec can hold the mark."""

_HEREDOC = "EOF"


def exec_form(value: Iterable[str]) -> str:
    """Return the JSON array of an exec form; no shell reads it, and no variable in it is expanded."""
    return json.dumps(list(value), ensure_ascii=False)


def env(value: str) -> str:
    """Return a value for ENV or LABEL: without quotes if plain, else in double quotes with ``\\ " $`` escaped."""
    if re.fullmatch(r"[A-Za-z0-9_.,:/@+=-]+", value):
        return value
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'


def sh(value: str) -> str:
    """Return a value as one word of a POSIX shell."""
    return shlex.quote(value)


def shell(value: str) -> str:
    """Return a value as one word of a POSIX shell, with ``"$HOME"`` for the mark of the home folder."""
    return '"$HOME"'.join(shlex.quote(part) if part else "" for part in value.split(HOME_MARK)) or "''"


def shell_words(values: Iterable[str]) -> str:
    """Return values as words of a POSIX shell on one line."""
    return " ".join(map(shell, values))


def pattern(value: str) -> str:
    """Return a line of an ignore file. The plan escaped its literal special characters.

    Raises ValueError for a value that is not one line, or has blanks at its ends.
    """
    if "\n" in value or value != value.strip():
        raise ValueError(f"not a line of an ignore file: {value!r}")
    return value


def script(value: str, folders: Iterable[str] = ()) -> str:
    """Return a user's command for RUN: on RUN's line if it has one line, else as a here-document without expansion.

    All users get the owner's permissions for new files in ``folders``. The files that were there before are dated 1980
    and keep their modes: a changed mode would store a second copy of each file in the layer.
    """
    text = value.strip("\n")
    names = " ".join(map(sh, folders))
    share = f"find {names} -xdev -newermt @315619200 ! -perm -o=w -exec chmod go=u {{}} +" if names else ""
    # BuildKit also continues a line if blanks follow its backslash.
    is_continued = text.rstrip().endswith("\\")
    # BuildKit trims all Unicode blanks at the end of an instruction, but to a shell they can be part of a word.
    is_cut = text.rstrip(" \t") != text.rstrip()
    has_start = re.match(r"[\s#\[-]", text)
    plain = not (is_continued or is_cut or has_start or "\n" in text or "<<" in text)
    if plain and not share:
        return text
    if plain and not _KEEPS_STATE.search(text):
        return f"{text} \\\n && {share}"
    lines = text.split("\n")
    mark = next(name for n in range(len(lines) + 1) if (name := f"{_HEREDOC}{n or ''}") not in lines)
    # hadolint reads the next instruction only after a blank line.
    # A shebang must stay the first line.
    prelude = "" if plain else "set -e\n"
    if share:
        prelude = f"trap {sh(share)} EXIT\n{prelude}"
    if text.startswith("#!"):
        prelude = ""
    return f"<<'{mark}'\n{prelude}{text}\n{mark}\n"


# After these, "&&" would not run, would not parse, or would change the effect of set -e.
_KEEPS_STATE = re.compile(r"#|[;&]\s*$|\b(?:set|exit|exec|trap)\b")


def variables(pairs: Iterable[tuple[str, str]]) -> str:
    """Return ``NAME=VALUE`` for ENV or LABEL, one on each line."""
    return " \\\n    ".join(f"{env(name)}={env(value)}" for name, value in pairs)


def hashes(values: Iterable[str]) -> str:
    """Return pip's ``--hash`` options, one on each line."""
    return " \\\n    ".join(f"--hash=sha256:{word(value)}" for value in values)


def wheel_pins(values: Iterable[tuple[str, str]]) -> str:
    """Return pip's requirements for wheels, one on each line, from their pins and SHA-256."""
    return "\n".join(f"{word(pin)} {hashes([sha256])}" for pin, sha256 in values)


def cache_mounts(targets: Iterable[str]) -> str:
    """Return RUN's options for cache mounts: builds share these folders, and they stay out of the image."""
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
    """Return the arguments of HEALTHCHECK."""
    if check.command is None:
        return "NONE"
    options = "".join(f"{word(flag)}={word(value)} " for flag, value in check.options)
    return f"{options}\\\n    CMD {exec_form(check.command)}"


def words(values: Iterable[str]) -> str:
    """Return plain words of a Dockerfile on one line. Raises ValueError for any other value."""
    return " ".join(map(word, values))


def variables_in_line(pairs: Iterable[tuple[str, str]]) -> str:
    """Return ``NAME=VALUE`` for ENV on lines of at most 130 columns; only ``PATH`` may refer to its former value."""
    texts = (f"{name}={value if name == 'PATH' else env(value)}" for name, value in pairs)
    return fill_lines(texts, 4, 130)


def mounts(values: Iterable[BuildMount]) -> str:
    """Return RUN's options for mounts: up to two on the line of the command, more on one line each."""
    options = [
        f"--mount={','.join(f'{word(name)}={word(value)}' for name, value in mount.options)}" for mount in values
    ]
    return "".join(f"{option}{' ' if len(options) <= 2 else _CONTINUED}" for option in options)


_CONTINUED = " \\\n    "


def default_index(url: str | None) -> str:
    """Return the variable that makes ``url`` the only index of uv, or "" without a URL."""
    return f"UV_DEFAULT_INDEX={sh(url)} " if url else ""


def python_platform(manylinux: str) -> str:
    """Return uv's option for the architecture of the image, or "" if packages are installed on that architecture."""
    machine = 'case "$TARGETARCH" in amd64) echo x86_64 ;; arm64) echo aarch64 ;; esac'
    return f'--python-platform "$({machine})-{word(manylinux)}" ' if manylinux else ""


def user(value: str | None) -> str:
    """Return the line USER for ``UID:GID``, or "" to keep the base's user."""
    if value is None:
        return ""
    # hadolint warns of root. Root is intended: the spec asks for it, or the base has another user for its programs.
    return f"{'# hadolint ignore=DL3002' + chr(10) if value.startswith('0:') else ''}USER {word(value)}\n"


def instruction(value: object, keyword: str, form: str, *arguments: object) -> str:
    """Return a whole line of a Dockerfile with ``value`` filtered by the filter named ``form``, or "" without one."""
    return f"{keyword} {FILTERS[form](value, *arguments)}\n" if value else ""


def continuation(value: object, form: str) -> str:
    """Return one more command of a step, ``value`` filtered by the filter named ``form``, or "" without a value."""
    return f" \\\n && {FILTERS[form](value)}" if value else ""


FILTERS: Mapping[str, Callable[..., str]] = {
    "word": word,
    "lock_file": lock_file,
    "comment": comment,
    "build_note": build_note,
    "exec": exec_form,
    "env": env,
    "sh": sh,
    "shell": shell,
    "shell_words": shell_words,
    "pattern": pattern,
    "script": script,
    "continued": continue_lines,
    "variables": variables,
    "hashes": hashes,
    "cache_mounts": cache_mounts,
    "secret_mounts": secret_mounts,
    "healthcheck": healthcheck,
    "words": words,
    "wrapped": wrap_words,
    "variables_in_line": variables_in_line,
    "mounts": mounts,
    "default_index": default_index,
    "python_platform": python_platform,
    "platform": platform,
    "wheel_pins": wheel_pins,
    "removal": removal,
    "creation": creation,
    "account": account,
    "debian_sources": debian_sources,
    "undeclared_requirements": undeclared_requirements,
    "user": user,
    "packages_of": packages_of,
    "modules_of": modules_of,
    "copies_of_sources": copies_of_sources,
    "named_folders": named_folders,
    "git_lock": git_lock,
    "heading": heading,
    "remark": remark,
    "instruction": instruction,
    "continuation": continuation,
    "html": escape_html,
    "percent": percent,
    "pixels": pixels,
}


@cache
def environment() -> jinja2.Environment:
    """Return the Jinja environment of the templates; an undefined name is an error."""
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
