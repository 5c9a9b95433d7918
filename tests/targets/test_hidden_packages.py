"""Tests of packages of the project that a build could not install: an error before the build."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlspec import api
from mlspec.errors import Problem, SpecError
from mlspec.plan.compiled_spec import CompiledSpec, compile_spec
from mlspec.spec import document, spec
from mlspec.targets.hidden_packages import check_local_packages
from mlspec.targets.registry import emit
from tests.lock.fake_world import FakeWorld

PROJECT = '[project]\nname = "tool"\nversion = "1"\nreadme = "README.md"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two packages."""
    for name in (".", "libs/common"):
        (tmp_path / name / "src").mkdir(parents=True)
        (tmp_path / name / "pyproject.toml").write_text(PROJECT.replace("tool", Path(name).name or "tool"))
        (tmp_path / name / "README.md").touch()
    return tmp_path


def refuse(folder: Path, keys: str) -> Problem:
    """Return the problem of the spec with these keys."""
    with pytest.raises(SpecError) as caught:
        outline(folder, keys)
    (problem,) = caught.value.problems
    return problem


def outline(folder: Path, keys: str) -> None:
    (folder / "mlspec.yaml").write_text(f"python: 3.12\n{keys}\n")
    api.outline(folder / "mlspec.yaml")


@pytest.mark.parametrize(
    ("entry", "include", "entries"),
    [
        ("-e .", "[src]", "[src, README.md, pyproject.toml]"),
        ("-e .", "[src, pyproject.toml]", "[src, pyproject.toml, README.md]"),
        ("-e .", '[., "!README.md"]', '[., "!README.md", README.md]'),
        ("./libs/common", "[src]", "[src, libs/common]"),
        ("./libs/common", "[libs/common/src]", "[libs/common/src, libs/common/README.md, libs/common/pyproject.toml]"),
    ],
)
def test_an_include_without_the_files_of_a_package_is_refused_with_one_that_works(
    entry: str, include: str, entries: str, folder: Path
) -> None:
    problem = refuse(folder, f"requirements: {entry}\ninclude: {include}")

    assert (problem.code, problem.span and problem.span.line) == ("MLS229", 3)
    assert problem.hint == f"add what its build reads: include: {entries}"
    outline(folder, f"requirements: {entry}\n{re.sub('^.*?: (?=include)', '', problem.hint)}")


def test_a_mount_over_a_package_is_refused_at_its_line(folder: Path) -> None:
    problem = refuse(folder, "requirements: ./libs/common\nmounts: [./data:/data, ./libs:/app/libs]")

    assert (problem.code, problem.span and problem.span.column) == ("MLS229", 24)
    assert problem.hint.startswith("remove this mount of ./libs")


def test_a_package_in_the_image_is_no_problem(folder: Path) -> None:
    outline(folder, 'requirements: ["-e .", ./libs/common]\ninclude: [., "!data"]\nmounts: [./data:/data]')


INDEX = """\
python: 3.12
requirements: ["-e ."]
secrets: {login: {file: login.txt}}
indexes: [{url: https://corp.example/simple, secret: login, packages: [%s]}]
"""


def test_build_requirements_from_an_index_with_a_login_are_refused_with_a_hint_that_works() -> None:
    world = FakeWorld(six="1.17.0", setuptools="80.0")
    world.logins = {"login": ("me", "token")}
    world.files["pyproject.toml"] = '[project]\nname = "tool"\nversion = "1"\ndependencies = ["six"]\n'

    with pytest.raises(SpecError) as caught:
        compile_with(world, INDEX % "six, setuptools")

    (problem,) = caught.value.problems
    assert (problem.code, problem.span and problem.span.line) == ("MLS226", 4)
    compile_with(world, INDEX % "six")


def test_build_requirements_come_from_the_index_that_serves_them() -> None:
    world = FakeWorld(setuptools="80.0")
    world.files["pyproject.toml"] = '[project]\nname = "tool"\nversion = "1"\n'

    compiled = compile_with(world, (INDEX % "setuptools").replace(" secret: login,", ""))

    (dockerfile,) = emit(compiled.plans[0], ["dockerfile"])
    (line,) = (line for line in dockerfile.text.splitlines() if "--target=/build" in line)
    assert line.endswith("--requirement=/requirements.lock --extra-index-url=https://corp.example/simple")


def compile_with(world: FakeWorld, text: str) -> CompiledSpec:
    locked = world.update(text)
    compiled = compile_spec(spec.validate(document.parse(text, "mlspec.yaml")), "mlspec.yaml", locked)
    check_local_packages(compiled)
    return compiled
