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

from mlspec.facts import compilers
from mlspec.host.resolver.child.contents import contents_of
from mlspec.host.resolver.child.errors import BuildFailureError
from mlspec.host.resolver.child.patching import replace
from mlspec.host.resolver.child.releases import version_of
from mlspec.host.resolver.child.seen import Seen


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


def replace_sdist_metadata(seen: Seen) -> None:
    """Read the metadata of a source where it is static; where not, its backend runs on this host, and may fail.

    What is in a source is kept by its address.
    """

    def static(original: Callable[..., None]) -> Callable[..., None]:
        def prepare(self: Any, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
            source = Path(self.req.unpacked_source_directory)
            seen.sources[self.req.link.url_without_fragment] = contents_of(source)
            if text := static_metadata(source) or told_metadata(source):
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

    replace(pip._internal.distributions.sdist.SourceDistribution, "prepare_distribution_metadata", static)


def static_metadata(source: Path) -> str:
    """Return the core metadata of an unpacked source where no build can change it, or an empty text."""
    info, project = source / "PKG-INFO", source / "pyproject.toml"
    if info.is_file():
        text = info.read_text(encoding="utf-8", errors="replace")
        headers = HeaderParser().parsestr(text)
        dynamic = {value.lower() for value in headers.get_all("Dynamic", [])}
        # Since 2.2 a field is the wheel's own unless it is named as dynamic; before, nothing is promised.
        if Version(headers.get("Metadata-Version", "1.0")) >= Version("2.2"):
            return "" if dynamic & {"requires-dist", "requires-python", "provides-extra"} else text
    return _project_metadata(project.read_text(encoding="utf-8")) if project.is_file() else ""


def told_metadata(source: Path) -> str:
    """Return the core metadata that was true where a source was packed, if its build takes what no host here has.

    Those builds ask torch what to compile, before they tell what they need.
    """
    info = source / "PKG-INFO"
    text = info.read_text(encoding="utf-8", errors="replace") if info.is_file() else ""
    headers = HeaderParser().parsestr(text)
    if "torch" not in compilers.recipe(canonicalize_name(headers.get("Name", ""))).first:
        return ""
    # Older setuptools tell dependencies in a file of their own.
    lists = sorted(source.glob("*.egg-info/requires.txt")) if "Requires-Dist" not in headers else []
    lines = lists[0].read_text(encoding="utf-8").split("\n[")[0].splitlines() if lists else []
    head, separator, body = text.partition("\n\n")
    return "\n".join((head, *(f"Requires-Dist: {line}" for line in lines if line.strip()))) + separator + body


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
