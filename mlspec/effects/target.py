"""The runner: a script that makes pip believe it stands on the target, and then lets pip-tools compile.

Run in a child process, ``python -I target.py REPORT``, with the job as JSON on its standard input: it may hold logins,
which neither an argument nor a file may. REPORT is written as JSON: ``pins``, ``held_back``, ``tools``, or ``error``.
Nothing else imports this module. It touches pip's insides at the places listed in ``_become``, and checks that every
one of them took effect before it resolves anything.
"""

from __future__ import annotations

import fnmatch
import functools
import itertools
import json
import logging
import re
import shlex
import sys
import tempfile
import tomllib
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.parser import HeaderParser
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import pip._internal.commands.install
import pip._internal.distributions.sdist
import pip._internal.index.collector
import pip._internal.index.package_finder
import pip._internal.models.search_scope
import pip._internal.models.target_python
import pip._internal.operations.prepare
import pip._internal.resolution.resolvelib.factory
import pip._internal.resolution.resolvelib.resolver
import piptools.repositories.pypi
import piptools.resolver
from pip._internal.exceptions import InstallationError, NetworkConnectionError
from pip._internal.index.package_finder import LinkType, PackageFinder
from pip._internal.models.index import PyPI
from pip._internal.models.link import Link
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.target_python import TargetPython
from pip._internal.models.wheel import Wheel
from pip._internal.utils import compatibility_tags
from pip._vendor.packaging import markers
from pip._vendor.packaging.tags import Tag, compatible_tags, cpython_tags
from pip._vendor.packaging.utils import canonicalize_name, parse_sdist_filename
from pip._vendor.packaging.version import InvalidVersion, Version
from pip._vendor.resolvelib import ResolutionImpossible
from piptools.scripts.compile import cli

MISMATCH = 9
"""The exit code of a runner that could not become the target: then nothing was resolved."""


class MismatchError(Exception):
    """Pip would not be the target: this pair of pip and pip-tools has moved what must be replaced."""


class IndexFailureError(Exception):
    """An index gave no answer. Pip would skip it in silence, and the lock would say something else."""

    def __init__(self, kind: str, url: str, detail: str, status: int | None = None) -> None:
        self.kind, self.url, self.detail, self.status = kind, _without_login(url), detail, status
        super().__init__(f"{self.url}: {detail}")


class BuildFailureError(Exception):
    """The metadata of a source could not be made."""

    def __init__(self, name: str, detail: str) -> None:
        self.name, self.detail = name, detail
        super().__init__(f"{name}: {detail}")


class WrongHashesError(Exception):
    """None of the hashes that were asked for belongs to a file that fits."""

    def __init__(self, name: str, version: str) -> None:
        self.name, self.version = name, version
        super().__init__(f"{name} {version}")


@dataclass
class _Seen:
    """What passes by while pip works, and is told at the end."""

    pages: dict[str, dict[str, Link]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    finder: PackageFinder | None = None
    result: Any = None
    report: dict[str, Any] | None = None


def main() -> int:
    """Resolve the job on standard input and write the report; returns the exit code."""
    job: dict[str, Any] = json.load(sys.stdin)
    seen = _Seen()
    code = 0
    try:
        target = _Target(job["python"], job["platform"], job["glibc"])
        _become(target, job, seen)
        cli.main(args=_arguments(job), prog_name="mlspec", standalone_mode=False)
        report = seen.report or {"error": {"kind": "other", "message": "pip-tools ended without a result"}}
    except MismatchError as error:
        report, code = {"error": {"kind": "mismatch", "message": str(error)}}, MISMATCH
    except SystemExit as error:
        report, code = {"error": {"kind": "other", "message": f"pip-tools stopped ({error.code})"}}, 1
    except Exception as error:  # the report carries it; a traceback helps nobody
        report, code = {"error": _explained(error, seen, pre="--pre" in job["options"])}, 1
    report["tools"] = {name: installed_version(name) for name in ("pip", "pip-tools")}
    Path(sys.argv[1]).write_text(json.dumps(report), encoding="utf-8")
    return code


# The target


class _Target:
    """The target as pip sees a host: its marker environment and its wheel tags, best first."""

    def __init__(self, python: str, platform: str, glibc: str) -> None:
        self.version = Version(python)
        self.short = f"{self.version.major}.{self.version.minor}"
        self.machine = {"amd64": "x86_64", "arm64": "aarch64"}[platform.partition("/")[2]]
        self.markers = {
            "implementation_name": "cpython",
            "implementation_version": python,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": python,
            "python_version": self.short,
            "sys_platform": "linux",
        }
        self.tags = list(self._tags([*_manylinux(glibc, self.machine), f"linux_{self.machine}"]))

    def _tags(self, platforms: list[str]) -> Iterator[Tag]:
        python = (self.version.major, self.version.minor)
        interpreter = f"cp{python[0]}{python[1]}"
        # The ABI is said aloud: left out, it is the host's, free-threaded or debug.
        yield from cpython_tags(python_version=python, abis=[interpreter], platforms=platforms)
        yield from compatible_tags(python_version=python, interpreter=interpreter, platforms=platforms)

    @property
    def python(self) -> TargetPython:
        """The target as the finder takes it, its tags set rather than worked out."""
        python = TargetPython(py_version_info=self.version.release[:3])
        python._valid_tags = list(self.tags)
        python._valid_tags_set = set(self.tags)
        return python


# PEP 600: the older names of three of its versions.
_MANYLINUX_ALIASES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def _manylinux(glibc: str, machine: str) -> Iterator[str]:
    """Yield the manylinux platforms that a C library runs, newest first."""
    major, minor = map(int, glibc.split(".")[:2])
    # Nothing older than 2.17 was ever built for other machines than x86_64.
    for older in range(minor, (5 if machine == "x86_64" else 17) - 1, -1):
        yield f"manylinux_{major}_{older}_{machine}"
        if older in _MANYLINUX_ALIASES:
            yield f"{_MANYLINUX_ALIASES[older]}_{machine}"


# The replacements


def _become(target: _Target, job: dict[str, Any], seen: _Seen) -> None:
    """Replace every place where pip looks at its host, and check those that can be checked before a finder exists."""
    _replace_everywhere(markers.default_environment, lambda: dict(target.markers))
    _replace_everywhere(compatibility_tags.get_supported, lambda *_, **__: list(target.tags))
    _replace_finder(target, job, seen)
    _replace_resolver(target, seen)
    _replace_links(seen)
    _replace_sources(frozenset(job["build"]), seen)
    _replace_sdist_metadata()
    # Until 25.2 the resolver itself ends by fetching what it will not install here.
    _replace(pip._internal.operations.prepare.RequirementPreparer, "prepare_linked_requirements_more", _nothing)
    _replace_report(job, seen)
    for name, value in target.markers.items():
        _check(not value or markers.Marker(f'{name} == "{value}"').evaluate(), f"the marker {name} is not {value}")
    factory = pip._internal.resolution.resolvelib.factory
    _check(factory.get_supported() == target.tags, "the resolver sees the host's wheel tags")  # type: ignore[attr-defined]
    _check(TargetPython().get_sorted_tags() == target.tags, "the default target sees the host's wheel tags")


def _nothing(_: object) -> Callable[..., None]:
    return lambda *_, **__: None


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise MismatchError(message)


def _replace(owner: Any, name: str, new: Callable[[Any], Any]) -> None:  # noqa: ANN401 - modules and classes of pip
    """Put ``new(original)`` in the place of an attribute, which must exist."""
    _check(hasattr(owner, name), f"{getattr(owner, '__name__', owner)} has no {name}")
    setattr(owner, name, new(getattr(owner, name)))


def _replace_everywhere(original: Callable[..., Any], new: Callable[..., Any]) -> None:
    """Replace a function under every name by which pip's and pip-tools' modules imported it."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(("pip.", "piptools")):
            for name, value in list(vars(module).items()):
                if value is original:
                    setattr(module, name, new)


def _replace_finder(target: _Target, job: dict[str, Any], seen: _Seen) -> None:
    """Build every finder for the target, and send it to one index for each package."""
    default = job["default_index"] or PyPI.simple_url
    route = functools.partial(_route, job["indexes"], default)

    def build(original: Callable[..., PackageFinder]) -> Callable[..., PackageFinder]:
        @functools.wraps(original)
        def finder_for_target(self: object, options: object, session: object, *_: object, **__: object) -> Any:  # noqa: ANN401
            finder = original(self, options, session, target_python=target.python)
            evaluator = finder.make_link_evaluator("mlspec")
            _check(evaluator._target_python.get_sorted_tags() == target.tags, "the finder sees the host's wheel tags")
            _check(
                evaluator._target_python.py_version_info == target.version.release[:3],
                "the finder sees the host's Python",
            )
            _check(len(finder.search_scope.get_index_urls_locations("mlspec")) == 1, "the indexes are not routed")
            seen.finder = finder
            return finder

        return finder_for_target

    _replace(pip._internal.commands.install.InstallCommand, "_build_package_finder", build)

    def locations(_: object) -> Callable[..., list[str]]:
        def of(self: SearchScope, project_name: str) -> list[str]:
            quoted = urllib.parse.quote(canonicalize_name(project_name))
            return [f"{route(project_name).rstrip('/')}/{quoted}/"]

        return of

    _replace(SearchScope, "get_index_urls_locations", locations)
    # What a build needs is installed by another pip, on the host: it must not see the routed indexes, where anyone
    # could have put a "setuptools".
    build_index = route("setuptools")
    _replace(PackageFinder, "index_urls", lambda _: property(lambda self: [build_index]))


def _route(indexes: list[dict[str, Any]], default: str, name: str) -> str:
    """Return the address of the one index that answers for a package, with its login."""
    wanted = canonicalize_name(name)
    for index in indexes:
        if any(fnmatch.fnmatchcase(wanted, _pattern(pattern)) for pattern in index["packages"]):
            return _with_login(index)
    return next((_with_login(index) for index in indexes if not index["packages"]), default)


def _pattern(pattern: str) -> str:
    return re.sub(r"[-_.]+", "-", pattern).lower()


def _with_login(index: dict[str, Any]) -> str:
    url = str(index["url"])
    if not index["username"] and not index["password"]:
        return url
    scheme, _, rest = url.partition("://")
    login = ":".join(urllib.parse.quote(index[key], safe="") for key in ("username", "password"))
    return f"{scheme}://{login}@{rest}"


def _without_login(url: str) -> str:
    return re.sub(r"://[^/@]*@", "://", url.partition("#")[0])


def _replace_resolver(target: _Target, seen: _Seen) -> None:
    """Make every resolver for the target's Python, and keep its result."""

    def make(original: Callable[..., Any]) -> Any:  # noqa: ANN401
        def resolver_for_target(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            resolver = original(*arguments, **{**options, "py_version_info": target.version.release[:3]})
            python = resolver.factory._python_candidate.version
            _check(python.release[:3] == target.version.release[:3], "the resolver sees the host's Python")
            return resolver

        return staticmethod(resolver_for_target)

    # A classmethod, bound here once to the only command that pip-tools makes.
    _replace(pip._internal.commands.install.InstallCommand, "make_resolver", make)

    def keep(original: Callable[..., Any]) -> Callable[..., Any]:
        def requirements_of(self: object, resolver_result: Any) -> Any:  # noqa: ANN401
            seen.result = resolver_result
            return original(self, resolver_result=resolver_result)

        return requirements_of

    _replace(piptools.resolver.BacktrackingResolver, "_get_install_requirements", keep)


def _replace_links(seen: _Seen) -> None:
    """Keep the sizes that an index tells (PEP 700), and stop where an index does not answer."""

    def sized(original: Any) -> Any:  # noqa: ANN401
        def from_json(file_data: dict[str, Any], page_url: str) -> Link | None:
            link: Link | None = original(file_data, page_url)
            if link and isinstance(file_data.get("size"), int):
                seen.sizes[link.url] = file_data["size"]
            return link

        return staticmethod(from_json)

    _replace(Link, "from_json", sized)

    def strict(_: object) -> Callable[..., None]:
        def fail(link: Link, reason: str | Exception, meth: object = None) -> None:
            if failure := _failure(link, reason):
                raise failure

        return fail

    _replace(pip._internal.index.collector, "_handle_get_simple_fail", strict)

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.notes.append(_without_login(record.getMessage()))

    for name in ("pip._internal.index.collector", "pip._internal.network.session"):
        logging.getLogger(name).addHandler(Notes(logging.WARNING))
        # Of its own, or pip-tools being quiet would silence it.
        logging.getLogger(name).setLevel(logging.WARNING)


def _failure(link: Link, reason: str | Exception) -> IndexFailureError | None:
    """Return why an index gave no page; not having a package is an answer."""
    status = getattr(getattr(reason, "response", None), "status_code", None)
    if status in {404, 410}:
        return None
    text = str(reason)
    # Such an answer is asked for again, and only the number of attempts is told in the end.
    if repeated := re.search(r"too many (\d{3}) error responses", text):
        status = int(repeated[1])
    if status in {401, 403, 407}:
        return IndexFailureError("login", link.url, text, status)
    if status:
        return IndexFailureError("http", link.url, text, status)
    return IndexFailureError(_network_kind(text), link.url, text)


def _network_kind(text: str) -> str:
    words = text.lower()
    if "certificate" in words or "ssl" in words:
        return "tls"
    if "proxy" in words:
        return "proxy"
    return "timeout" if "timed out" in words or "timeout" in words else "connect"


def _replace_sources(build: frozenset[str], seen: _Seen) -> None:
    """Let a source be a candidate only where its release has no wheel for anyone, or the spec asks to build it.

    Asked for wheels only, pip would take the newest ancient release that has one; asked for anything, it would take a
    source whenever the newest wheels do not fit.
    """

    def policy(original: Callable[..., Any]) -> Callable[..., Any]:
        def evaluate_links(self: PackageFinder, link_evaluator: Any, links: Iterable[Link]) -> Any:  # noqa: ANN401
            name = canonicalize_name(link_evaluator.project_name)
            found = list(links)
            seen.pages.setdefault(name, {}).update((link.url, link) for link in found)
            return original(self, link_evaluator, found if name in build else list(_without_sources(found)))

        return evaluate_links

    _replace(PackageFinder, "evaluate_links", policy)


def _without_sources(links: list[Link]) -> Iterator[Link]:
    with_wheels = {_version(link) for link in links if link.is_wheel}
    return (link for link in links if link.is_wheel or _version(link) not in with_wheels)


def _version(link: Link) -> Version | None:
    try:
        if link.is_wheel:
            return Version(Wheel(link.filename).version)
        return parse_sdist_filename(link.filename.replace(".tgz", ".tar.gz").replace(".tar.bz2", ".tar.gz"))[1]
    except (ValueError, InstallationError):
        return None


def _replace_sdist_metadata() -> None:
    """Read the metadata of a source where it is static; where not, its backend runs on this host, and may fail."""

    def static(original: Callable[..., None]) -> Callable[..., None]:
        def prepare(self: Any, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
            source = Path(self.req.unpacked_source_directory)
            if text := _static_metadata(source):
                said = HeaderParser().parsestr(text)
                stem = f"{canonicalize_name(said['Name']).replace('-', '_')}-{said['Version']}"
                # Pip takes the name of a package from the name of this folder.
                folder = Path(tempfile.mkdtemp(dir=Path.cwd())) / f"{stem}.dist-info"
                folder.mkdir()
                folder.joinpath("METADATA").write_text(text, encoding="utf-8")
                self.req.metadata_directory = str(folder)
                if not self.req.name:
                    self.req._set_requirement()
                return
            try:
                original(self, *arguments, **options)
            except Exception as error:
                raise BuildFailureError(self.req.name or str(self.req), str(error)) from error

        return prepare

    _replace(pip._internal.distributions.sdist.SourceDistribution, "prepare_distribution_metadata", static)


def _static_metadata(source: Path) -> str:
    """Return the core metadata of an unpacked source where no build can change it, or an empty text."""
    info = source / "PKG-INFO"
    if info.is_file():
        text = info.read_text(encoding="utf-8", errors="replace")
        headers = HeaderParser().parsestr(text)
        dynamic = {value.lower() for value in headers.get_all("Dynamic", [])}
        # Since 2.2 a field is the wheel's own unless it is named as dynamic.
        is_static = Version(headers.get("Metadata-Version", "1.0")) >= Version("2.2")
        decisive = {"requires-dist", "requires-python", "provides-extra"}
        return text if is_static and not dynamic & decisive else ""
    project = source / "pyproject.toml"
    return _project_metadata(project.read_text(encoding="utf-8")) if project.is_file() else ""


def _project_metadata(text: str) -> str:
    """Return the core metadata that a pyproject.toml states (PEP 621), or an empty text where it leaves some open."""
    try:
        project = tomllib.loads(text).get("project", {})
    except tomllib.TOMLDecodeError:
        return ""
    decisive = {"version", "dependencies", "optional-dependencies", "requires-python"}
    if decisive & set(project.get("dynamic", ())) or not {"name", "version"} <= set(project):
        return ""
    lines = ["Metadata-Version: 2.2", f"Name: {project['name']}", f"Version: {project['version']}"]
    lines += [f"Requires-Python: {project['requires-python']}"] if "requires-python" in project else []
    lines += [f"Requires-Dist: {dependency}" for dependency in project.get("dependencies", ())]
    for extra, dependencies in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        for dependency in dependencies:
            bare, _, marker = dependency.partition(";")
            own = f"({marker.strip()}) and " if marker else ""
            lines.append(f'Requires-Dist: {bare.strip()} ; {own}extra == "{extra}"')
    return "\n".join(lines) + "\n"


# The report


def _replace_report(job: dict[str, Any], seen: _Seen) -> None:
    """Report the pins where pip-tools would look for hashes: it downloads every file of a release to make them."""

    def hashes(_: object) -> Callable[..., Any]:
        def resolve_hashes(self: Any, ireqs: set[Any]) -> dict[Any, set[str]]:  # noqa: ANN401
            _check(seen.finder is not None and seen.result is not None, "the resolver is not the one prepared")
            reporter = _Reporter(self, job, seen)
            ordered_ireqs = sorted(ireqs, key=lambda ireq: str(ireq.name))
            # An index that tells no sizes is asked for each file's.
            with ThreadPoolExecutor(8) as pool:
                pins = dict(zip(ordered_ireqs, pool.map(reporter.pin, ordered_ireqs), strict=True))
            ordered = sorted(pins.values(), key=lambda pin: str(pin["name"]))
            seen.report = {"pins": ordered, "held_back": list(reporter.held_back(ordered))}
            return {ireq: set(pin["hashes"]) for ireq, pin in pins.items()}

        return resolve_hashes

    _replace(piptools.resolver.BacktrackingResolver, "resolve_hashes", hashes)


class _Reporter:
    """Resolved requirements to plain data."""

    def __init__(self, resolver: Any, job: dict[str, Any], seen: _Seen) -> None:  # noqa: ANN401 - pip-tools' resolver
        self.resolver = resolver
        self.job = job
        self.seen = seen
        self.finder: PackageFinder = resolver.finder
        repository = resolver.repository
        self.repository = getattr(repository, "repository", repository)

    def pin(self, ireq: Any) -> dict[str, Any]:  # noqa: ANN401 - pip's InstallRequirement
        """Return one package as the report tells it."""
        name = canonicalize_name(ireq.name)
        (specifier,) = ireq.req.specifier
        pin = {"name": name, "version": specifier.version, "via": sorted(ireq._required_by), "url": "", "size": None}
        link: Link = ireq.link
        if ireq.original_link or ireq.req.url:
            known = {} if link.is_vcs else {"hashes": [self._hash(link)], "size": self._size(link)}
            return {**pin, "url": link.url, "hashes": [], "is_source": not link.is_wheel, **known}
        fitting = [c.link for c in self.finder.find_all_candidates(name) if c.version == Version(specifier.version)]
        hashes = {self._hash(candidate) for candidate in fitting}
        if given := set(self.job["hashes"].get(name, ())):
            hashes &= given
            if not hashes:
                raise WrongHashesError(name, specifier.version)
        return {
            **pin,
            "requirement": f"{name}{specifier}",
            "hashes": sorted(hashes),
            "file": link.filename,
            "is_source": not link.is_wheel,
            "size": self._size(link),
        }

    def _hash(self, link: Link) -> str:
        known = (getattr(link, "_hashes", None) or {}).get("sha256")
        # An index without hashes leaves one way: to fetch the files that fit, and no others.
        return f"sha256:{known}" if known else str(self.repository._get_file_hash(link))

    def _size(self, link: Link) -> int | None:
        if link.url in self.seen.sizes:
            return self.seen.sizes[link.url]
        if link.is_file:
            return Path(link.file_path).stat().st_size
        try:
            headers = {"Accept-Encoding": "identity"}
            response = self.repository.session.head(link.url_without_fragment, allow_redirects=True, headers=headers)
            return int(response.headers["Content-Length"]) if response.ok else None
        except (OSError, KeyError, ValueError):
            return None

    def held_back(self, pins: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
        """Yield each package whose newest release was not taken, with the reason where it is one."""
        pre = "--pre" in self.job["options"]
        for pin in pins:
            for release in _releases(pin["name"], self.seen, pre=pre):
                if release["version"] <= Version(pin["version"]):
                    break
                if reason := release["reason"] or self._holder(pin["name"], release["version"]):
                    if reason in {"it is a pre-release", "it was withdrawn"}:
                        continue
                    yield {
                        "name": pin["name"],
                        "version": pin["version"],
                        "newest": str(release["version"]),
                        "reason": reason,
                    }
                    break

    def _holder(self, name: str, version: Version) -> str:
        """Return who asks for less than ``version``; no one does where only the lock before holds it."""
        for key, criterion in self.seen.result.criteria.items():
            if canonicalize_name(str(key).partition("[")[0]) != name:
                continue
            for information in criterion.information:
                specifier = getattr(getattr(information.requirement, "_ireq", None), "specifier", None)
                if specifier is not None and not specifier.contains(version, prereleases=True):
                    parent = information.parent
                    who = f"{parent.project_name} {parent.version}" if parent else "the spec"
                    return f"{who} wants {name}{specifier}"
        return ""


def _releases(name: str, seen: _Seen, *, pre: bool) -> Iterator[dict[str, Any]]:
    """Yield the releases an index has of a package, newest first, and why one is no candidate, if so."""
    links = list(seen.pages.get(canonicalize_name(name), {}).values())
    assert seen.finder is not None  # noqa: S101 - pages are read by finders
    evaluator = seen.finder.make_link_evaluator(name)
    versioned = sorted(((v, link) for link in links if (v := _version(link))), key=lambda pair: pair[0], reverse=True)
    for version, group in itertools.groupby(versioned, key=lambda pair: pair[0]):
        yield {"version": version, "reason": _reason(version, [link for _, link in group], evaluator, pre=pre)}


def _reason(version: Version, links: list[Link], evaluator: Any, *, pre: bool) -> str:  # noqa: ANN401
    if version.is_prerelease and not pre:
        return "it is a pre-release"
    if all(link.is_yanked for link in links):
        return "it was withdrawn"
    has_wheels = any(link.is_wheel for link in links)
    pythons = []
    for link in links:
        kind, _ = evaluator.evaluate_link(link)
        if kind == LinkType.candidate and (link.is_wheel or not has_wheels):
            return ""
        if kind == LinkType.requires_python_mismatch:
            pythons.append(str(link.requires_python))
    if len(pythons) == len(links) or (pythons and not has_wheels):
        return f"it needs Python {pythons[0]}"
    return "it has no wheel that fits the target"


# Failures


def _explained(error: Exception, seen: _Seen, *, pre: bool) -> dict[str, Any]:
    """Return a failure as plain data, told apart by ``kind``."""
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, IndexFailureError):
            return {"kind": cause.kind, "url": cause.url, "status": cause.status, "message": cause.detail}
        if isinstance(cause, BuildFailureError):
            return {"kind": "build", "name": cause.name, "message": cause.detail}
        if isinstance(cause, WrongHashesError):
            return {"kind": "hashes", "name": cause.name, "message": str(cause)}
        if isinstance(cause, ResolutionImpossible):
            return _conflict(cause, seen, pre=pre)
        if isinstance(cause, NetworkConnectionError) and cause.response is not None:
            kind = "login" if cause.response.status_code in {401, 403, 407} else "http"
            url = _without_login(cause.response.url)
            return {"kind": kind, "url": url, "status": cause.response.status_code, "message": str(cause)}
        if type(cause).__module__.startswith(("pip._vendor.requests", "pip._vendor.urllib3")) or type(
            cause
        ).__name__ in {
            "ConnectionFailedError",
            "ConnectionTimeoutError",
            "SSLVerificationError",
            "ProxyConnectionError",
        }:
            url = next(iter(re.findall(r"https?://[^\s'\"]+", str(cause))), "")
            return {"kind": _network_kind(str(cause)), "url": _without_login(url), "message": str(cause)}
    return {"kind": "other", "message": f"{type(error).__name__}: {error}", "notes": seen.notes}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _conflict(error: Any, seen: _Seen, *, pre: bool) -> dict[str, Any]:  # noqa: ANN401 - resolvelib's generics
    causes = []
    for cause in error.causes:
        ireq = getattr(cause.requirement, "_ireq", None)
        is_python = "Requires-Python" in str(cause.requirement.name)
        specifier = getattr(cause.requirement, "specifier", None) if is_python else getattr(ireq, "specifier", "")
        causes.append(
            {
                "name": "" if is_python else canonicalize_name(cause.requirement.project_name),
                "specifier": str(specifier or ""),
                "parent": canonicalize_name(cause.parent.project_name) if cause.parent else "",
                "parent_version": str(cause.parent.version) if cause.parent else "",
            }
        )
    names = sorted({cause["name"] for cause in causes} - {""})
    releases = {
        name: [[str(r["version"]), r["reason"]] for r in itertools.islice(_releases(name, seen, pre=pre), 400)]
        for name in names
        if seen.finder
    }
    return {"kind": "conflict", "causes": causes, "releases": releases, "notes": seen.notes}


# The call


def _arguments(job: dict[str, Any]) -> list[str]:
    """Return pip-compile's arguments; they are passed within this process, so a login in them shows nowhere."""
    default = job["default_index"] or PyPI.simple_url
    pip_options = ["--index-url", default, "--retries", "3", "--timeout", "60", "--no-input"]
    # Many indexes do not serve metadata apart. Reading it out of the end of a wheel took 8 s for torch and what it
    # brings, where fetching every wheel whole (3 GB) took 24 s on a fast line.
    pip_options += ["--use-feature", "fast-deps"]
    # Pip finds the login of a page by the indexes it was given; which of them it asks is routed.
    for index in job["indexes"]:
        pip_options += ["--extra-index-url", _with_login(index)]
    for option in job["options"]:
        pip_options += [] if option == "--pre" else shlex.split(option)
    pip_options += ["--cert", job["cert"]] if job["cert"] else []
    arguments = ["--no-config", "--no-header", "--quiet", "--allow-unsafe", "--strip-extras", "--generate-hashes"]
    arguments += ["--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links", "--no-emit-options"]
    arguments += ["--resolver", "backtracking", "--cache-dir", job["cache"], "--output-file", "compiled.txt"]
    arguments += ["--pre"] if "--pre" in job["options"] else []
    arguments += ["--constraint", "constraints.txt"] if Path("constraints.txt").exists() else []
    for name in job["upgrade_packages"]:
        arguments += ["--upgrade-package", name]
    return [*arguments, "--pip-args", shlex.join(pip_options), "requirements.in"]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InvalidVersion as error:
        sys.exit(str(error))
