"""Replacements that make pip take the target for its host, and checks that they took effect."""

from __future__ import annotations

import functools
import urllib.parse
from collections.abc import Callable
from typing import Any

import pip
import pip._internal.commands.install
import pip._internal.network.session
import pip._internal.operations.prepare
import pip._internal.resolution.resolvelib.factory
import pip._internal.resolution.resolvelib.resolver
import piptools.repositories.pypi
import piptools.resolver
from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.target_python import TargetPython
from pip._internal.utils import compatibility_tags
from pip._vendor.packaging import markers
from pip._vendor.packaging.utils import canonicalize_name

from mlspec.host.resolver.child.answers import replace_links
from mlspec.host.resolver.child.crawl import plan_crawl
from mlspec.host.resolver.child.patching import check, nothing, replace, replace_everywhere
from mlspec.host.resolver.child.pin_records import replace_search
from mlspec.host.resolver.child.resolve_report import replace_report
from mlspec.host.resolver.child.seen import Seen
from mlspec.host.resolver.child.sources import replace_sdist_metadata, replace_sources
from mlspec.host.resolver.child.target import ResolverTarget
from mlspec.host.resolver.child.wheel_metadata import replace_metadata


def become(target: ResolverTarget, job: dict[str, Any], seen: Seen) -> None:
    """Replace every function with which pip examines its host; raises MismatchError if a replacement has no effect.

    Replacements in the finder are checked as soon as pip builds a finder.
    """
    replace_everywhere(
        {
            markers.default_environment: lambda: dict(target.markers),
            compatibility_tags.get_supported: lambda *_, **__: list(target.tags),
            # pip's own text describes the host, for which it starts rustc and lsb_release: a tenth of a second.
            pip._internal.network.session.user_agent: lambda: f"pip/{pip.__version__}",
        }
    )
    _replace_finder(target, job, seen)
    _replace_resolver(target, seen)
    replace_links(seen)
    replace_sources(frozenset(job["build"]), seen)
    replace_sdist_metadata(job, seen)
    # Until pip 25.2, the resolver itself ends with a download of files that mlspec does not install here.
    replace(pip._internal.operations.prepare.RequirementPreparer, "prepare_linked_requirements_more", nothing)
    replace_metadata(seen.metadata)
    replace_search(seen.records)
    replace_report(job, seen)
    for name, value in target.markers.items():
        check(not value or markers.Marker(f'{name} == "{value}"').evaluate(), f"the marker {name} is not {value}")
    factory = pip._internal.resolution.resolvelib.factory
    check(factory.get_supported() == target.tags, "the resolver sees the host's wheel tags")  # type: ignore[attr-defined]
    check(TargetPython().get_sorted_tags() == target.tags, "the default target sees the host's wheel tags")


def _replace_finder(target: ResolverTarget, job: dict[str, Any], seen: Seen) -> None:
    """Replace the builder of finders: each finder looks for the target, and asks one index for each package."""

    def build(original: Callable[..., PackageFinder]) -> Callable[..., PackageFinder]:
        @functools.wraps(original)
        def finder_for_target(self: object, options: object, session: object, *_: object, **__: object) -> Any:  # noqa: ANN401
            finder = original(self, options, session, target_python=target.python)
            evaluator = finder.make_link_evaluator("mlspec")
            check(evaluator._target_python.get_sorted_tags() == target.tags, "the finder sees the host's wheel tags")
            check(
                evaluator._target_python.py_version_info == target.version.release[:3],
                "the finder sees the host's Python",
            )
            check(len(finder.search_scope.get_index_urls_locations("mlspec")) == 1, "the indexes are not routed")
            if seen.finder is None and not job["pins"] and (crawl := plan_crawl(job, finder, seen.metadata)):
                crawl.start()
            seen.finder = finder
            return finder

        return finder_for_target

    replace(pip._internal.commands.install.InstallCommand, "_build_package_finder", build)

    def locations(_: object) -> Callable[..., list[str]]:
        def of(self: SearchScope, project_name: str) -> list[str]:
            quoted = urllib.parse.quote(canonicalize_name(project_name))
            return [f"{seen.records.route(project_name).rstrip('/')}/{quoted}/"]

        return of

    replace(SearchScope, "get_index_urls_locations", locations)


def _replace_resolver(target: ResolverTarget, seen: Seen) -> None:
    """Replace the maker of resolvers: each resolver takes the target's Python, and its result is recorded."""

    def make(original: Callable[..., Any]) -> Any:  # noqa: ANN401
        def resolver_for_target(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            resolver = original(*arguments, **{**options, "py_version_info": target.version.release[:3]})
            python = resolver.factory._python_candidate.version
            check(python.release[:3] == target.version.release[:3], "the resolver sees the host's Python")
            return resolver

        return staticmethod(resolver_for_target)

    # make_resolver is a classmethod; it is bound here to the only command that pip-tools uses.
    replace(pip._internal.commands.install.InstallCommand, "make_resolver", make)

    def keep(original: Callable[..., Any]) -> Callable[..., Any]:
        def requirements_of(self: object, resolver_result: Any) -> Any:  # noqa: ANN401
            seen.result = resolver_result
            return original(self, resolver_result=resolver_result)

        return requirements_of

    replace(piptools.resolver.BacktrackingResolver, "_get_install_requirements", keep)
