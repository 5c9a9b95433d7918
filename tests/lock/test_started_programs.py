"""Tests of the search for the package that has the started program: in a table, or else in the wheels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlspec import api
from mlspec.host.resolver.compile import Resolver
from mlspec.host.resolver.metadata.maker import MetadataMaker
from mlspec.lock.mlspec_lock import parse_lock
from mlspec.lock.pins import LockTarget
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.started_programs import list_unknown_programs
from mlspec.lock.state import LockOptions
from mlspec.spec.document import parse
from mlspec.spec.spec import validate
from tests.support.index import PackageIndex, sdist, serving, wheel

TARGET = LockTarget(python="3.12.4", platform="linux/amd64", glibc="2.36")
POINTS = "# of its own\n[console_scripts]\nServe-It = bakery.cli:main [all]\n\n[other]\nplugin = bakery:plugin\n"
BAKERY = wheel("bakery", "1", ["flour"], entry_points=POINTS, size=200_000)
FLOUR = wheel("flour", "2", entry_points="[gui_scripts]\nmill = flour:main\n")


@pytest.fixture(autouse=True)
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PackageIndex]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with serving(BAKERY, FLOUR) as served:
        monkeypatch.setenv("MLSPEC_INDEX_URL", served.url)
        yield served


def brought(*programs: str, requirement: str = "bakery") -> dict[str, str]:
    wanted = collect([RequirementEntry(requirement, ())], lambda path: "", "mlspec.yaml")
    return dict(Resolver(TARGET, (), MetadataMaker(TARGET), programs=programs).compile(wanted).programs)


def messages(folder: Path) -> list[str]:
    return [problem.message for problem in api.check(folder / "mlspec.yaml") if problem.code == "MLS645"]


def write(folder: Path, command: str) -> Path:
    spec = folder / "mlspec.yaml"
    spec.write_text(f"python: 3.12\nbase: slim-bookworm\nrequirements: [bakery]\nentrypoint: {command}\n")
    return spec


def locked(spec: Path) -> str:
    """Lock a spec, write the artifacts, and return the text of mlspec.lock."""
    for artifact in api.render(spec, LockOptions(unpinned=True)).artifacts:
        (spec.parent / artifact.path).write_text(artifact.text)
    return (spec.parent / "mlspec.lock").read_text()


def test_the_wheel_that_brings_a_program_is_named_and_so_is_that_none_does() -> None:
    assert brought("Serve-It", "mill", "serve-it", "plugin") == {
        "Serve-It": "bakery",
        "mill": "flour",
        "serve-it": "",
        "plugin": "",
    }


def test_a_wheel_is_read_by_its_end_alone_and_once(index: PackageIndex) -> None:
    brought()
    before = index.bytes_sent
    brought("mill")
    read = index.bytes_sent - before

    brought("other")

    assert 0 < read < 150_000
    assert index.bytes_sent - before - read < 10_000


def test_a_source_may_bring_any_program(index: PackageIndex) -> None:
    index.add(sdist("oven", "1", ["bakery"]))

    assert brought("bake", "mill", requirement="oven") == {"mill": "flour"}


def test_a_program_of_no_package_is_told_offline(tmp_path: Path) -> None:
    spec = write(tmp_path, "serve-itt --all")
    lock = parse_lock(locked(spec), "mlspec.lock")

    assert lock.images[0].programs == {"serve-itt": ""}
    assert messages(tmp_path) == [
        "no locked package provides the program serve-itt, according to the entry points of their wheels",
    ]


def test_a_program_of_a_package_is_noted_and_nothing_is_said(tmp_path: Path) -> None:
    lock = locked(write(tmp_path, "Serve-It --all"))

    assert '[image.programs]\nServe-It = "bakery"\n' in lock
    assert messages(tmp_path) == []


def test_a_lock_without_the_answer_says_nothing_of_a_program_that_no_table_knows(tmp_path: Path) -> None:
    lock = locked(write(tmp_path, "python a.py"))
    write(tmp_path, "serve-itt --all")

    assert "programs" not in lock
    assert messages(tmp_path) == []


@pytest.mark.parametrize(
    ("command", "more", "unknown"),
    [
        ("serve-it --all", "", ("serve-it",)),
        ("/opt/venv/bin/serve-it", "", ("serve-it",)),
        ("./serve-it", "", ()),
        ("python3.12 -m serve_it", "", ()),
        ("gunicorn app:app", "", ()),
        ("sleep 1", "", ()),
        ("bash -c 'serve-it'", "", ()),
        ("poetry run serve-it", "", ()),
        ("ffmpeg -i a", "", ()),
        ("serve-it", "apt: [baker]", ()),
        ("serve-it", "run: [make it]", ()),
    ],
)
def test_only_a_program_that_nothing_else_brings_is_asked_for(
    command: str, more: str, unknown: tuple[str, ...]
) -> None:
    spec = validate(parse(f"python: 3.12\nentrypoint: {command}\n{more}\n", "mlspec.yaml"))

    assert list_unknown_programs(spec.images[0].settings) == unknown


PROJECT = """\
[project]
name = "our-tool"
version = "1"
dependencies = ["bakery"]
[project.scripts]
tidy = "our_tool:main"
[build-system]
requires = []
build-backend = "setuptools.build_meta"
"""


def test_a_command_of_the_installed_project_is_known(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/our_tool.py").write_text("def main(): pass\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    spec = tmp_path / "mlspec.yaml"
    spec.write_text("python: 3.12\nbase: slim-bookworm\nrequirements: -e .\nentrypoint: tidy\n")

    assert messages(tmp_path) == []
    assert "programs" not in locked(spec)
    assert messages(tmp_path) == []


def test_a_command_that_the_project_gets_later_needs_no_new_lock(tmp_path: Path) -> None:
    spec = write(tmp_path, "tidy")
    spec.write_text(spec.read_text().replace("[bakery]", "-e ."))
    (tmp_path / "pyproject.toml").write_text(PROJECT.replace("tidy", "other"))
    assert '[image.programs]\ntidy = ""\n' in locked(spec)
    assert len(messages(tmp_path)) == 1

    (tmp_path / "pyproject.toml").write_text(PROJECT)

    assert messages(tmp_path) == []
