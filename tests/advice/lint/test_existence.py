"""Tests of warnings about Debian packages, Pythons and bases that do not exist; none about names that may exist."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlspec import api
from mlspec.advice.lint.unknown_names import unknown_base, unknown_packages, unknown_python
from mlspec.errors import Problem
from mlspec.facts import debian, debian_packages, libraries
from mlspec.facts.libraries import current_name
from mlspec.facts.python import PythonVersion, python_versions
from mlspec.spec.spec import Image
from tests.support import places

SPECS = sorted(places.SPECS.glob("*.yaml"))
Make = Callable[[str], Image]


def unknown_names(image: Image) -> list[Problem]:
    return [*unknown_python(image), *unknown_base(image), *unknown_packages(image)]


@pytest.fixture
def said_of(image_of: Make) -> Callable[[str], list[Problem]]:
    return lambda text: unknown_names(image_of(text))


Said = Callable[[str], list[Problem]]


@pytest.mark.parametrize(
    ("name", "codename", "near"),
    [
        ("ffmpge", "bookworm", "ffmpeg"),
        ("build-essentials", "trixie", "build-essential"),
        ("libgl", "trixie", "libgl1"),
        ("libavcodec58", "trixie", "libavcodec6"),
        ("lib-sndfile1", "bookworm", "libsndfile1"),
        ("git=1:2.0", "bookworm", ""),
        ("curll=8.0", "bookworm", "curl"),
        ("python3.10", "trixie", "the image has its Python already"),
        ("python3.9-venv", "bookworm", "the image has its Python already"),
        ("python-opengl", "bookworm", "python3-opengl"),
        ("conda", "trixie", "list the packages under requirements"),
        ("uv", "trixie", "requirements: [uv]"),
    ],
)
def test_a_debian_package_that_is_not_there(said_of: Said, name: str, codename: str, near: str) -> None:
    found = said_of(f"python: 3.12\nbase: slim-{codename}\napt: ['{name}']")

    assert [problem.code for problem in found] == (["MLS125"] if near else [])
    assert all(near in problem.hint and problem.severity == "warning" for problem in found)
    assert all(problem.path == ("apt", 0) for problem in found)
    # Debian has coda, which is unrelated to conda: only the author knows the intended package.
    assert all(problem.repairs == () for problem in found)


@pytest.mark.parametrize(
    "text",
    [
        "python: 3.12\nbase: slim-bookworm\napt: [libgl1, ffmpeg, build-essential, git, libglib2.0-0]",
        "python: 3.12\nbase: slim-trixie\napt: [libglib2.0-0, libglib2.0-0t64, default-mta]",
        "python: 3.12\nbase: slim-trixie\napt: [librust-nothing-dev, linux-image-nothing]",
        "python: 3.12\nbase: registry.example.com/team/base:bookworm\napt: [cuda-toolkit-12-8]",
        "python: 3.12\nbase: slim-forky\napt: [nothing-of-this-name]",
        "python: 3.12\napt: [git:arm64]",
    ],
)
def test_no_word_about_what_exists_or_may_exist(said_of: Said, text: str) -> None:
    assert [problem for problem in said_of(text) if problem.code == "MLS125"] == []


def test_what_was_renamed_is_told_by_its_own_rule(said_of: Said) -> None:
    names = ", ".join(row.old for row in libraries.renamed_packages())

    assert said_of(f"python: 3.12\nbase: slim-trixie\napt: [{names}]") == []


@pytest.mark.parametrize(("python", "near"), [("3.21", "3.15"), ("3.99.1", "3.9"), ("4.0", "3.1")])
def test_a_python_that_is_not_known(said_of: Said, python: str, near: str) -> None:
    (problem,) = said_of(f"python: {python}")

    assert (problem.code, problem.path) == ("MLS126", ("python",))
    assert f"did you mean {near}" in problem.hint


@pytest.mark.parametrize("version", python_versions(), ids=lambda version: version.python)
def test_every_known_python_stands_on_the_base_it_gets_by_default(said_of: Said, version: PythonVersion) -> None:
    assert said_of(f"python: {version.python}") == []


def test_a_base_that_was_never_built(said_of: Said) -> None:
    (problem,) = said_of("python: 3.13\nbase: slim-buster")

    assert (problem.code, problem.path) == ("MLS127", ("base",))
    assert "write: base: slim-" in problem.hint


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_specs_of_the_tests_name_what_exists(path: Path) -> None:
    assert [str(problem) for image in api.load(path).images for problem in unknown_names(image)] == []


@pytest.mark.parametrize("codename", ["bullseye", "bookworm", "trixie"])
def test_the_table_holds_what_images_install(codename: str) -> None:
    found = debian_packages.debian_package_names(codename)

    assert found >= {"build-essential", "ffmpeg", "git", "curl", "libgl1", "libgomp1", "libsndfile1", "tini"}
    assert all(debian_packages.is_listed(name) for name in found)


def test_every_package_that_is_recommended_is_in_a_release() -> None:
    named = {name for row in libraries.needs() for name in row.apt} | {row.new for row in libraries.renamed_packages()}

    releases = [debian_packages.debian_package_names(release.codename) for release in debian.debian_releases()]
    assert {name for name in named if debian_packages.is_listed(name)} <= frozenset().union(*releases)


@pytest.mark.parametrize("codename", ["bullseye", "bookworm", "trixie"])
def test_what_a_package_needs_is_in_each_release(codename: str) -> None:
    needed = [*(row.apt for row in libraries.needs()), *(row.apt for row in libraries.code_needs())]
    named = {current_name(name, codename) for apt in needed for name in apt}
    known = debian_packages.debian_package_names(codename)

    # Users of a package that a release dropped name the base of an older release.
    dropped = {"trixie": {"wkhtmltopdf"}}.get(codename, set())
    assert {name for name in named if debian_packages.is_listed(name)} - known == dropped


def test_what_was_renamed_twice_has_its_last_name() -> None:
    assert [current_name("libicu67", codename) for codename in ("bullseye", "bookworm", "trixie")] == [
        "libicu67",
        "libicu72",
        "libicu76",
    ]


def test_check_tells_it_without_a_lock(tmp_path: Path) -> None:
    (tmp_path / "mlspec.yaml").write_text("python: 3.12\napt: [ffmpge]\n")

    (problem,) = api.check(tmp_path / "mlspec.yaml", "2026-11-25")

    assert (problem.code, problem.span and problem.span.line) == ("MLS125", 2)
