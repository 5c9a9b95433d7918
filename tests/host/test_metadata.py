"""Tests of dynamic metadata of sources: the built sources, their build dependencies, the place, and the messages."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from mlspec import api
from mlspec.errors import LockError, SpecError
from mlspec.host.engine import metadata_build
from mlspec.host.resolver.failed_builds import FailedBuild
from mlspec.host.resolver.metadata.context import write_context
from mlspec.host.resolver.metadata.maker import MetadataMaker
from mlspec.host.resolver.metadata.unpacked_source import UnpackedSource
from mlspec.lock.pins import LockTarget
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Requirements, Stated
from mlspec.lock.state import LockOptions
from mlspec.lock.world import Compiled
from tests.support.compiling import compile_requirements
from tests.support.index import File, PackageIndex, dynamic, serving, wheel

Serve = Callable[..., PackageIndex]
TARGET = LockTarget(python="3.12.4", platform="linux/amd64", glibc="2.36")


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """A function that starts indexes; the first one replaces pip's default index."""
    with ExitStack() as stack:
        started: list[PackageIndex] = []

        def start(*files: File) -> PackageIndex:
            started.append(stack.enter_context(serving(*files)))
            monkeypatch.setenv("MLSPEC_INDEX_URL", started[0].url)
            return started[-1]

        yield start


def required(*texts: str, limits: tuple[str, ...] = (), stated: tuple[Stated, ...] = ()) -> Requirements:
    def read(path: str) -> str:
        raise FileNotFoundError(path)

    found = collect([RequirementEntry(text, ("requirements",)) for text in texts], read, "mlspec.yaml")
    bounds = collect(
        [RequirementEntry(text, ("build_constraints",)) for text in limits], read, "mlspec.yaml"
    ).requirements
    return Requirements(requirements=found.requirements, build_constraints=bounds, stated=stated)


def versions(compiled: Compiled) -> Mapping[str, str]:
    return {pin.name: pin.version for pin in compiled.pins}


def test_what_a_build_tells_is_locked(serve: Serve) -> None:
    serve(dynamic("app", "1", "requires = ['base']"), wheel("base", "2"))

    assert versions(compile_requirements(required("app"), TARGET, ())) == {"app": "1", "base": "2"}


def test_a_build_has_what_it_asks_for_within_the_bounds_of_the_spec(serve: Serve) -> None:
    told = "from importlib.metadata import version\nrequires = ['base==' + version('helper')]"
    source = dynamic("app", "1", told, build=["helper"])
    serve(source, wheel("helper", "1"), wheel("helper", "2"), wheel("base", "1"), wheel("base", "2"))

    free = compile_requirements(required("app"), TARGET, ())
    bounded = compile_requirements(required("app", limits=("helper<2",)), TARGET, ())

    assert versions(free)["base"] == "2"
    assert versions(bounded)["base"] == "1"


def test_what_a_backend_asks_for_while_it_runs_is_there_in_the_end_and_told(serve: Serve) -> None:
    told = "from importlib.metadata import version\nrequires = ['base==' + version('later')]"
    serve(dynamic("app", "1", told, asks=["later>=1"]), wheel("later", "3"), wheel("base", "3"))

    compiled = compile_requirements(required("app"), TARGET, ())

    assert versions(compiled)["base"] == "3"
    assert "later>=1" in compiled.builds["app"]


def test_what_a_build_takes_comes_from_the_index_that_the_spec_routes_it_to(serve: Serve) -> None:
    told = "from importlib.metadata import version\nrequires = ['base==' + version('torch').partition('+')[0]]"
    public = serve(dynamic("app", "1", told, build=["torch"]), wheel("torch", "9"), wheel("base", "2"))
    cpu = serve(wheel("torch", "2+cpu"))

    compiled = compile_requirements(required("app"), TARGET, (Index(url=cpu.url, packages=("torch",)),))

    assert versions(compiled)["base"] == "2"
    assert "torch" not in public.pages


def test_what_the_spec_states_needs_no_build(serve: Serve) -> None:
    serve(dynamic("app", "1", "raise SystemExit('it was built')"), wheel("base", "2"), wheel("more", "1"))
    rows = (Stated(name="app", version="1.0", requires_dist=("base", "more; extra == 'all'")),)

    compiled = compile_requirements(required("app[all]", stated=rows), TARGET, ())

    assert versions(compiled) == {"app": "1", "base": "2", "more": "1"}
    assert compiled.stated == {"app"}


def test_a_statement_about_another_release_does_not_count(serve: Serve) -> None:
    serve(dynamic("app", "1", "requires = ['base']"), wheel("base", "2"))
    rows = (Stated(name="app", version="2"),)

    assert versions(compile_requirements(required("app", stated=rows), TARGET, ())) == {"app": "1", "base": "2"}


def test_a_build_that_fails_is_told_with_its_words_and_its_place(serve: Serve) -> None:
    serve(dynamic("app", "1", "raise SystemExit('Could not find gdal-config.')"))

    with pytest.raises(LockError) as caught:
        compile_requirements(required("app"), TARGET, ())

    (problem,) = caught.value.problems
    assert problem.code == "MLS249"
    assert problem.message.startswith("app 1 is a source: only its build knows its dependencies")
    assert "failed on this host (Python 3." in problem.message
    assert problem.message.endswith(", as it misses gdal-config")
    assert "build_apt: [libgdal-dev]" in problem.hint
    assert "Could not find gdal-config." in problem.hint


@pytest.mark.parametrize(
    ("words", "way"),
    [
        ("ModuleNotFoundError: No module named 'pkg_resources'", "add: build_constraints: [setuptools<81]"),
        ("/bin/sh: 1: mysql_config: not found", "add: build_apt: [default-libmysqlclient-dev]"),
        ("OSError: mysql_config not found", "add: build_apt: [default-libmysqlclient-dev]"),
        ("Error: pg_config executable not found.", "add: build_apt: [libpq-dev]"),
        (
            "Package 'libavcodec', required by 'virtual:world', not found\nPackage libavutil was not found in the path",
            "add: build_apt: [libavcodec-dev, libavutil-dev]",
        ),
        ("something else", "require app==3, the newest that has a wheel"),
    ],
)
def test_what_was_missing_decides_what_to_do(words: str, way: str) -> None:
    problem = FailedBuild("app", "1", words, "", "3").problem(Requirements(), None)

    assert problem.hint.startswith(way)
    assert "dependency_metadata: [{name: app, version: 1, requires_dist: [...]}]" in problem.hint
    assert "in the image's build stage" in problem.message


def test_metadata_that_was_made_is_remembered_by_what_is_in_the_source(serve: Serve, tmp_path: Path) -> None:
    mark = tmp_path / "runs"
    told = f"open({str(mark)!r}, 'a').write('x')\nrequires = []"
    serve(dynamic("app", "1", told))

    compile_requirements(required("app"), TARGET, ())
    once = mark.read_text()
    compile_requirements(required("app"), TARGET, ())

    assert once == "x"
    assert mark.read_text() == once


SPEC = """\
python: 3.12
base: slim-bookworm
requirements:
  - app
  - base
build_constraints: [helper<2]
dependency_metadata: [{name: gone, requires_dist: [base]}]
entrypoint: python main.py
"""


def test_without_an_engine_the_host_builds_and_it_is_said_at_the_requirement(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_build, "unusable", lambda: "there is no engine")
    told = "from importlib.metadata import version\nrequires = ['base==' + version('helper')]"
    helpers = [wheel("helper", "1"), wheel("helper", "2")]
    serve(dynamic("app", "1", told, build=["helper"]), *helpers, wheel("base", "1"), wheel("base", "2"))
    (tmp_path / "mlspec.yaml").write_text(SPEC)
    said: list[str] = []

    rendered = api.render(tmp_path / "mlspec.yaml", LockOptions(unpinned=True), say=said.append)

    texts = {artifact.path: artifact.text for artifact in rendered.artifacts}
    (warning,) = [problem for problem in rendered.warnings if problem.code == "MLS262"]
    assert warning.span
    assert warning.span.line == 4
    assert "the requirements of app 1 come from its build on Python 3." in warning.message
    assert warning.message.endswith("not in the image: there is no engine")
    assert any("of app 1 on this host, which runs its build: there is no engine" in line for line in said)
    assert "base==1" in texts["requirements.lock"]
    assert "helper==1" in texts["requirements.build.lock"]


def test_an_engine_that_cannot_make_the_stage_leaves_it_to_the_host_and_says_why(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_build, "unusable", lambda: "")
    monkeypatch.setattr(metadata_build, "platform_for", lambda platform: platform)
    monkeypatch.setattr(metadata_build, "make", lambda *_: "E: Unable to locate package libgdal-dev")
    serve(dynamic("app", "1", "requires = []"), wheel("base", "1"), wheel("helper", "1"))
    (tmp_path / "mlspec.yaml").write_text(SPEC)

    rendered = api.render(tmp_path / "mlspec.yaml", LockOptions(unpinned=True))

    (warning,) = [problem for problem in rendered.warnings if problem.code == "MLS262"]
    assert "could not be built: E: Unable to locate package libgdal-dev" in warning.message


def test_what_cannot_be_read_of_builds_is_told_where_it_stands(tmp_path: Path) -> None:
    text = SPEC.replace("helper<2", "helper @ https://example.org/helper-1.tar.gz").replace("[base]", "[base=1]")
    (tmp_path / "mlspec.yaml").write_text(text.replace("name: gone", "name: gone, version: newest"))

    with pytest.raises(SpecError) as caught:
        api.outline(tmp_path / "mlspec.yaml")

    assert [(p.code, p.span.line if p.span else 0) for p in caught.value.problems] == [("MLS263", n) for n in (6, 7, 7)]
    assert "a URL is not a constraint" in caught.value.problems[0].message


def test_what_a_build_downloads_is_said_where_it_is_large() -> None:
    said: list[str] = []
    maker = MetadataMaker(TARGET, say=said.append)

    maker.tell_download([{"name": "setuptools", "version": "80", "size": 1_200_000}])
    assert not said
    maker.tell_download(
        [
            {"name": "torch", "version": "2.9", "size": 515_000_000},
            {"name": "numpy", "version": "2", "size": 16_000_000},
        ]
    )

    assert said == ["the build of a source downloads 531.0 MB of packages: torch 2.9 (515.0 MB), numpy 2 (16.0 MB)"]


def test_a_source_is_new_to_the_engine_whatever_times_its_archive_has(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "setup.py").write_text("")
    os.utime(tmp_path / "own" / "setup.py", (315619200, 315619200))
    words = {"name": "own", "version": "1", "requires": (), "backend": "", "backend_path": (), "languages": ()}
    source = UnpackedSource(folder=str(tmp_path / "own"), **words)  # type: ignore[arg-type]

    (tmp_path / "context").mkdir()
    write_context(tmp_path / "context", source, (), None)

    assert (tmp_path / "context" / "source" / "setup.py").stat().st_mtime > time.time() - 60
