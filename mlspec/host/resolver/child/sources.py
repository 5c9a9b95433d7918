"""Sources in a resolution: their choice as candidates, and their metadata without a build."""

from __future__ import annotations

import inspect
import tempfile
import tomllib
from collections.abc import Callable, Iterable
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import pip._internal.distributions.sdist
from pip._internal.index.collector import LinkCollector
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.link import Link
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import Version

from mlspec.facts import compile_recipes
from mlspec.host.resolver.child.archive_contents import build_system, contents_of
from mlspec.host.resolver.child.child_errors import BuildFailureError
from mlspec.host.resolver.child.index_files import IndexFile, parse_file_version, read_page, without_sources
from mlspec.host.resolver.child.patching import replace
from mlspec.host.resolver.child.seen import Seen
from mlspec.host.resolver.child.stated import stated_metadata


def replace_sources(build: frozenset[str], seen: Seen) -> None:
    """Read pages as files, and allow a source as a candidate only if its release has no wheel at all.

    A source is a candidate as well if the spec wants to build its package. With wheels only, pip would choose an
    ancient release that has one. With all files, pip would choose a source whenever the newest wheels do not fit.
    """

    def policy(original: Callable[..., Any]) -> Callable[..., Any]:
        def evaluate_links(self: PackageFinder, link_evaluator: Any, links: Iterable[Link | IndexFile]) -> Any:  # noqa: ANN401
            name = canonicalize_name(link_evaluator.project_name)
            found = [link if isinstance(link, IndexFile) else IndexFile({}, "", link) for link in links]
            seen.pages.setdefault(name, {}).update((file.url, file) for file in found)
            wanted = found if name in build else without_sources(found)
            fitting = [file for file in wanted if not file.is_wheel or seen.target.may_take(file)]
            fitting = [file for file in fitting if not seen.uploads.is_young(name, file)]
            return original(self, link_evaluator, [file.link for file in fitting])

        return evaluate_links

    replace(PackageFinder, "evaluate_links", policy)

    # Since pip 26.1, the name decides whether a cached page is asked for again.
    takes_name = "package_name" in inspect.signature(LinkCollector.fetch_response).parameters

    def read(_: object) -> Callable[..., Any]:
        def process_project_url(self: PackageFinder, project_url: Link, link_evaluator: Any) -> Any:  # noqa: ANN401
            name = {"package_name": link_evaluator.project_name} if takes_name else {}

            def find() -> Any:  # noqa: ANN401
                page = self._link_collector.fetch_response(project_url, **name)
                return [] if page is None else self.evaluate_links(link_evaluator, read_page(page))  # type: ignore[arg-type]

            return seen.page_candidates.get(project_url.url, find)

        return process_project_url

    replace(PackageFinder, "process_project_url", read)


def replace_sdist_metadata(job: dict[str, Any], seen: Seen) -> None:
    """Replace pip's build of metadata: take stated or static metadata of a source, else ask the parent to build it.

    The facts from the files of a source are recorded by its address.
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
    """Return name and version of a source; each is empty if it is unknown before a build."""
    info = source / "PKG-INFO"
    said = HeaderParser().parsestr(info.read_text(encoding="utf-8", errors="replace") if info.is_file() else "")
    project = _project(source)
    name = req.name or said.get("Name") or str(project.get("name", ""))
    version = (
        parse_file_version(req.link.filename, is_wheel=req.link.is_wheel)
        or said.get("Version")
        or project.get("version", "")
    )
    return canonicalize_name(name), str(version)


def _build_metadata(seen: Seen, source: Path, link: Link, identity: tuple[str, str], facts: dict[str, Any]) -> str:
    """Return the metadata of a source from a build by the parent, and record additional build requirements."""
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
    """Write metadata into a folder that pip reads."""
    said = HeaderParser().parsestr(text)
    stem = f"{canonicalize_name(said['Name']).replace('-', '_')}-{said['Version']}"
    # pip takes the name of the package from the name of this folder.
    folder = Path(tempfile.mkdtemp(dir=Path.cwd())) / f"{stem}.dist-info"
    folder.mkdir()
    folder.joinpath("METADATA").write_text(text, encoding="utf-8")
    req.metadata_directory = str(folder)
    if not req.name:
        req._set_requirement()


def static_metadata(source: Path) -> str:
    """Return the core metadata of an unpacked source if no build can change it; else an empty text."""
    info = source / "PKG-INFO"
    if info.is_file():
        text = info.read_text(encoding="utf-8", errors="replace")
        headers = HeaderParser().parsestr(text)
        dynamic = {value.lower() for value in headers.get_all("Dynamic", [])}
        # Since metadata version 2.2, a field that is not listed as dynamic is the same in the wheel. Older versions
        # promise nothing.
        if Version(headers.get("Metadata-Version", "1.0")) >= Version("2.2"):
            return "" if dynamic & {"requires-dist", "requires-python", "provides-extra"} else text
    return _project_metadata(_project(source))


def told_metadata(source: Path) -> str:
    """Return the packed core metadata of a source whose build needs an installed torch; else an empty text.

    Such a build asks torch what to compile before it lists its dependencies. Its packed metadata was true on the host
    that packed the source.
    """
    info = source / "PKG-INFO"
    text = info.read_text(encoding="utf-8", errors="replace") if info.is_file() else ""
    headers = HeaderParser().parsestr(text)
    if "torch" not in compile_recipes.recipe(canonicalize_name(headers.get("Name", ""))).first:
        return ""
    # Older versions of setuptools write the dependencies into a separate file.
    lists = sorted(source.glob("*.egg-info/requires.txt")) if "Requires-Dist" not in headers else []
    lines = lists[0].read_text(encoding="utf-8").split("\n[")[0].splitlines() if lists else []
    head, separator, body = text.partition("\n\n")
    return "\n".join((head, *(f"Requires-Dist: {line}" for line in lines if line.strip()))) + separator + body


def _project(source: Path) -> dict[str, Any]:
    """Return the table ``project`` of a source's pyproject.toml; empty if it is missing or cannot be read."""
    try:
        table = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def _project_metadata(project: dict[str, Any]) -> str:
    """Return the core metadata in a pyproject.toml (PEP 621); empty if important fields are dynamic or missing."""
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
