"""When a source may be a candidate, and its metadata without a build."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import pip._internal.distributions.sdist
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.link import Link
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import Version

from mlspec.facts import compile_recipes
from mlspec.host.resolver.child.archive_contents import build_system, contents_of
from mlspec.host.resolver.child.child_errors import BuildFailureError
from mlspec.host.resolver.child.patching import replace
from mlspec.host.resolver.child.release_rows import version_of
from mlspec.host.resolver.child.seen import Seen
from mlspec.host.resolver.child.stated import stated_metadata


def replace_sources(build: frozenset[str], seen: Seen) -> None:
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

    replace(PackageFinder, "evaluate_links", policy)


def _without_sources(links: list[Link]) -> Iterator[Link]:
    with_wheels = {version_of(link) for link in links if link.is_wheel}
    return (link for link in links if link.is_wheel or version_of(link) not in with_wheels)


def replace_sdist_metadata(job: dict[str, Any], seen: Seen) -> None:
    """Take the metadata of a source as the spec states it, or as it is static; else ask for it to be made.

    What is in a source is kept by its address.
    """

    def static(_: Callable[..., None]) -> Callable[..., None]:
        def prepare(self: Any, *_: Any, **__: Any) -> None:  # noqa: ANN401
            source = Path(self.req.unpacked_source_directory)
            seen.sources[self.req.link.url_without_fragment] = facts = contents_of(source)
            name, version = _identity(self.req, source)
            if text := stated_metadata(job["metadata"], name, version):
                facts["is_stated"] = True
            else:
                text = static_metadata(source) or told_metadata(source)
            _keep(self.req, text or _build_metadata(seen, source, self.req.link, (name, version), facts))

        return prepare

    replace(pip._internal.distributions.sdist.SourceDistribution, "prepare_distribution_metadata", static)


def _identity(req: Any, source: Path) -> tuple[str, str]:  # noqa: ANN401 - pip's InstallRequirement
    """Return the name and the version of a source, each empty where nothing tells it before a build."""
    info = source / "PKG-INFO"
    said = HeaderParser().parsestr(info.read_text(encoding="utf-8", errors="replace") if info.is_file() else "")
    project = _project(source)
    name = req.name or said.get("Name") or str(project.get("name", ""))
    version = version_of(req.link) or said.get("Version") or project.get("version", "")
    return canonicalize_name(name), str(version)


def _build_metadata(seen: Seen, source: Path, link: Link, identity: tuple[str, str], facts: dict[str, Any]) -> str:
    """Return the metadata that a build of the source tells; what it requires beyond what was known is noted."""
    name, version = identity
    requires, backend, backend_path = build_system(source)
    answer = seen.channel.ask(
        "metadata",
        source={
            "name": name or link.filename,
            "version": version,
            "folder": str(source),
            "requires": requires,
            "backend": backend,
            "backend_path": backend_path,
            "languages": facts["languages"],
            "is_vcs": link.is_vcs,
        },
    )
    if "error" in answer:
        raise BuildFailureError(name or link.filename, version, answer["error"], answer["place"])
    facts["requires"] = list(dict.fromkeys((*facts["requires"], *answer["requires"])))
    facts["made_on"] = answer["place"]
    return str(answer["text"])


def _keep(req: Any, text: str) -> None:  # noqa: ANN401 - pip's InstallRequirement
    """Put metadata where pip reads it."""
    said = HeaderParser().parsestr(text)
    stem = f"{canonicalize_name(said['Name']).replace('-', '_')}-{said['Version']}"
    # Pip takes the name of a package from the name of this folder.
    folder = Path(tempfile.mkdtemp(dir=Path.cwd())) / f"{stem}.dist-info"
    folder.mkdir()
    folder.joinpath("METADATA").write_text(text, encoding="utf-8")
    req.metadata_directory = str(folder)
    if not req.name:
        req._set_requirement()


def static_metadata(source: Path) -> str:
    """Return the core metadata of an unpacked source where no build can change it, or an empty text."""
    info = source / "PKG-INFO"
    if info.is_file():
        text = info.read_text(encoding="utf-8", errors="replace")
        headers = HeaderParser().parsestr(text)
        dynamic = {value.lower() for value in headers.get_all("Dynamic", [])}
        # Since 2.2 a field is the wheel's own unless it is named as dynamic; before, nothing is promised.
        if Version(headers.get("Metadata-Version", "1.0")) >= Version("2.2"):
            return "" if dynamic & {"requires-dist", "requires-python", "provides-extra"} else text
    return _project_metadata(_project(source))


def told_metadata(source: Path) -> str:
    """Return the core metadata that was true where a source was packed, if its build takes what no host here has.

    Those builds ask torch what to compile, before they tell what they need.
    """
    info = source / "PKG-INFO"
    text = info.read_text(encoding="utf-8", errors="replace") if info.is_file() else ""
    headers = HeaderParser().parsestr(text)
    if "torch" not in compile_recipes.recipe(canonicalize_name(headers.get("Name", ""))).first:
        return ""
    # Older setuptools tell dependencies in a file of their own.
    lists = sorted(source.glob("*.egg-info/requires.txt")) if "Requires-Dist" not in headers else []
    lines = lists[0].read_text(encoding="utf-8").split("\n[")[0].splitlines() if lists else []
    head, separator, body = text.partition("\n\n")
    return "\n".join((head, *(f"Requires-Dist: {line}" for line in lines if line.strip()))) + separator + body


def _project(source: Path) -> dict[str, Any]:
    """Return the table ``project`` of a source's pyproject.toml; empty where it has none, or cannot be read."""
    try:
        table = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def _project_metadata(project: dict[str, Any]) -> str:
    """Return the core metadata that a pyproject.toml states (PEP 621), or an empty text where it leaves some open."""
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
