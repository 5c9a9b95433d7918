"""The user's configuration: mirrors and trusted certificates. It changes the sources of an image, not its contents."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mlspec.errors import Problem, Span, SpecError
from mlspec.text import did_you_mean, without_login


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The sources of packages and images for this user; an empty value means the public default.

    ``index_mirrors`` are pairs of a URL prefix and its replacement. ``debian_mirror`` is the folder above ``debian``
    and ``debian-security``. ``certificates`` is the path of a PEM file. ``engine`` builds and runs the images.
    """

    index_url: str = ""
    index_mirrors: tuple[tuple[str, str], ...] = ()
    registry_mirror: tuple[str, ...] = ()
    debian_mirror: str = ""
    certificates: str = ""
    engine: Literal["docker", "podman"] | None = None

    def index(self, url: str) -> str:
        """Return the URL of the mirror that replaces an index of a spec, or ``url`` itself without a mirror."""
        fitting = [pair for pair in self.index_mirrors if f"{url.rstrip('/')}/".startswith(f"{pair[0].rstrip('/')}/")]
        if not fitting:
            return url
        address, mirror = max(fitting, key=lambda pair: len(pair[0]))
        return f"{mirror.rstrip('/')}{url[len(address.rstrip('/')) :]}"


_KEYS = tuple(field.name for field in dataclasses.fields(Configuration))
VARIABLES: Mapping[str, str] = {
    "MLSPEC_INDEX_URL": "index_url",
    "MLSPEC_INDEX_MIRRORS": "index_mirrors",
    "MLSPEC_REGISTRY_MIRROR": "registry_mirror",
    "MLSPEC_DEBIAN_MIRROR": "debian_mirror",
    "MLSPEC_CERTIFICATES": "certificates",
    "MLSPEC_ENGINE": "engine",
}
"""The key of each environment variable; a variable has precedence over the file."""


class _Wrong(Exception):
    """An invalid value of a key, with a message, a hint and the text to point at in the file."""

    def __init__(self, message: str, hint: str, shown: str = "") -> None:
        self.message, self.hint, self.shown = message, hint, shown


def parse(text: str, file: str) -> Configuration:
    """Parse the configuration in ``text``, the TOML of ``file``. Raises SpecError with all problems."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(_not_toml(error, text, file)) from None
    found: dict[str, object] = {}
    problems = []
    for key, value in data.items():
        try:
            found[key] = _check_value(key, value)
        except _Wrong as wrong:
            code = "MLS352" if key in _KEYS else "MLS351"
            problem = Problem(code=code, message=wrong.message, hint=wrong.hint)
            problems.append(problem.at(file, *_place(text, key, wrong.shown)))
    if problems:
        raise SpecError(*problems)
    return Configuration(**found)  # type: ignore[arg-type] # each was checked by its key


def with_variables(configuration: Configuration, environment: Mapping[str, str]) -> Configuration:
    """Override the configuration with environment variables. Raises SpecError with all problems.

    Only a variable may hold an index URL with a login: no file holds the login, and no process list shows it.
    """
    found: dict[str, object] = {}
    problems = []
    for variable, key in VARIABLES.items():
        if text := environment.get(variable, "").strip():
            try:
                found[key] = _check_value(key, _split(key, text), may_hold_login=key == "index_url")
            except _Wrong as wrong:
                message = f"{variable}: {wrong.message}"
                problems.append(Problem(code="MLS352", message=message, hint=wrong.hint))
    if problems:
        raise SpecError(*problems)
    return dataclasses.replace(configuration, **found)  # type: ignore[arg-type]


def _split(key: str, text: str) -> object:
    if key == "registry_mirror":
        return [part.strip() for part in text.split(",") if part.strip()]
    if key != "index_mirrors":
        return text
    pairs = [pair.partition("=")[::2] for pair in text.split()]
    return dict(pairs)


# Values


def _check_value(key: str, value: object, *, may_hold_login: bool = False) -> object:
    if key not in _KEYS:
        hint = did_you_mean(key, _KEYS) or f"the keys are: {', '.join(_KEYS)}"
        raise _Wrong(f'unknown key "{key}"', hint)
    if key == "index_url":
        return _url(value, may_hold_login=may_hold_login)
    return _CHECKS[key](value)


def _url(value: object, *, may_hold_login: bool = False) -> str:
    shown = str(value)
    if not isinstance(value, str) or not re.match(r"https?://[^/\s]", value) or re.search(r"\s", value):
        raise _Wrong(f'"{without_login(shown)}" is not a URL', "write the whole URL: https://HOST/PATH", shown)
    if "@" in value.split("/")[2] and not may_hold_login:
        hint = "leave it out, and write it into ~/.netrc: machine HOST login USER password PASSWORD"
        raise _Wrong("a login does not belong in a URL", hint, shown)
    return value


def _mirrors(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise _Wrong("index_mirrors is a table of URLs", 'write: [index_mirrors], and below it "URL" = "URL"')
    return tuple((_url(address), _url(mirror)) for address, mirror in value.items())


def _registries(value: object) -> tuple[str, ...]:
    return tuple(map(_registry, value if isinstance(value, list) else [value]))


def _registry(value: object) -> str:
    shown = str(value)
    if not isinstance(value, str) or not re.fullmatch(r"(?:https?://)?[^/\s@]+(?:/[^\s@]*)?", value):
        hint = "write its host, optionally with a path: HOST/PATH; for a login: docker login HOST"
        raise _Wrong(f'"{without_login(shown)}" is not the address of a registry', hint, shown)
    return value


def _path(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Wrong("certificates is the path of a file in PEM form", 'write: certificates = "/path/to/ca.pem"')
    return value


def _engine(value: object) -> str:
    if value not in {"docker", "podman"}:
        raise _Wrong(f'"{value}" is not an engine', "write: docker or podman", str(value))
    return str(value)


_CHECKS: Mapping[str, Callable[[object], object]] = {
    "index_mirrors": _mirrors,
    "registry_mirror": _registries,
    "debian_mirror": _url,
    "certificates": _path,
    "engine": _engine,
}


# Places


def _not_toml(error: tomllib.TOMLDecodeError, text: str, file: str) -> Problem:
    lines = text.split("\n")
    message, _, place = str(error).rpartition(" (at ")
    found = re.match(r"line (\d+), column (\d+)", place)
    line, column = (int(found[1]), int(found[2])) if found else (len(lines), len(lines[-1]) + 1)
    hint = 'the file is TOML, a line for each key: index_url = "https://HOST/simple"'
    problem = Problem(code="MLS350", message=f"{message[:1].lower()}{message[1:]}", hint=hint)
    return problem.at(file, Span(line, column, line, column + 1), lines[line - 1])


def _place(text: str, key: str, shown: str) -> tuple[Span, str]:
    """Return the place of a value, or else of its key, by a search in the text: tomllib reports no places."""
    lines = text.split("\n")
    start = next(_lines_of(lines, key), 0)
    for number, line in enumerate(lines[start:] if shown else (), start=start):
        if (column := line.find(shown)) >= 0:
            return Span(number + 1, column + 1, number + 1, column + 1 + len(shown)), line
    column = lines[start].find(key)
    if column < 0:
        # The key is written with escapes, so only its line is known.
        return Span(start + 1, 1, start + 1, len(lines[start]) + 1), lines[start]
    return Span(start + 1, column + 1, start + 1, column + 1 + len(key)), lines[start]


def _lines_of(lines: list[str], key: str) -> Iterator[int]:
    opening = re.compile(rf"\s*(?:\[\s*)?[\"']?{re.escape(key)}[\"']?\s*[=\].]")
    return (number for number, line in enumerate(lines) if opening.match(line) or _decoded_key(line) == key)


_QUOTED_KEY = re.compile(r'\s*("(?:[^"\\]|\\.)*")\s*[=.]')


def _decoded_key(line: str) -> str:
    """Return the key at the start of a line if it stands in double quotes, with its escapes decoded, or else ""."""
    if not (written := _QUOTED_KEY.match(line)):
        return ""
    try:
        return next(iter(tomllib.loads(f"{written[1]} = 1")))
    except tomllib.TOMLDecodeError:
        return ""
