"""Tests of requirements that name a file or a folder: read, or refused with a hint, but never taken for a package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlspec.errors import SpecError
from mlspec.host.files import reading
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.requirement_types import Requirements


def collected(folder: Path, *texts: str) -> Requirements:
    entries = [RequirementEntry(text, ("requirements", i)) for i, text in enumerate(texts)]
    return collect(entries, reading.make_reader(folder), "mlspec.yaml", reading.make_looker(folder))


def refused(folder: Path, *texts: str) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        collected(folder, *texts)
    return [(problem.code, problem.hint) for problem in caught.value.problems]


def names(folder: Path, *texts: str) -> list[str]:
    return [requirement.text for requirement in collected(folder, *texts).requirements]


@pytest.mark.parametrize("is_there", [True, False], ids=["there", "not there"])
@pytest.mark.parametrize(
    ("name", "code", "command"),
    [
        ("Pipfile", "MLS214", "Pipfile.lock; to make it: pipenv lock"),
        ("setup.py", "MLS214", "install_requires"),
        ("setup.cfg", "MLS214", "install_requires"),
        ("pixi.toml", "MLS214", "pypi-dependencies"),
        ("cog.yaml", "MLS214", "python_packages"),
        ("env.yml", "MLS212", "pip packages"),
        ("environment.yml", "MLS212", "pip packages"),
        ("conda/environment-gpu.yaml", "MLS212", "pip packages"),
        ("deps.yaml", "MLS214", "name"),
        ("tool.cfg", "MLS214", "name"),
        ("train.py", "MLS214", "name"),
    ],
)
def test_a_file_that_is_not_read_says_what_to_do(
    name: str, code: str, command: str, is_there: bool, tmp_path: Path
) -> None:
    if is_there:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("version = 1\n")

    ((found, hint),) = refused(tmp_path, name)

    assert found == code
    assert command in hint


@pytest.mark.parametrize("option", ["-r", "-c"])
@pytest.mark.parametrize("name", ["uv.lock", "Pipfile", "setup.py", "deps.yaml", "sub/pixi.toml"])
def test_an_option_that_names_such_a_file_is_refused_too(option: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text(f"six\n{option} {name}\n")

    with pytest.raises(SpecError) as caught:
        collected(tmp_path, "r.txt")

    (problem,) = caught.value.problems
    assert (problem.code, problem.file, problem.span and problem.span.line) == ("MLS214", "r.txt", 2)


def test_a_file_of_any_name_is_never_looked_up_and_its_hints_work(tmp_path: Path) -> None:
    (tmp_path / "reqs").write_text("six\n")

    ((code, hint),) = refused(tmp_path, "reqs")

    assert code == "MLS215"
    assert names(tmp_path, *re.findall(r"write: (-r reqs)", hint)) == ["six"]
    assert names(tmp_path, *re.findall(r"write: (reqs>=0)", hint)) == ["reqs>=0"]


def test_a_folder_of_requirements_is_never_looked_up_and_its_hints_work(tmp_path: Path) -> None:
    (tmp_path / "reqs").mkdir()
    (tmp_path / "reqs" / "base.txt").write_text("six\n")

    ((code, hint),) = refused(tmp_path, "reqs")

    assert code == "MLS215"
    assert names(tmp_path, *re.findall(r"write: (reqs/base.txt)", hint)) == ["six"]
    assert names(tmp_path, *re.findall(r"write: (reqs>=0)", hint)) == ["reqs>=0"]


@pytest.mark.parametrize("entry", ["reqs", "reqs/"])
@pytest.mark.parametrize("inside", ["", "__init__.py", "setup.py", "pyproject.toml"])
def test_a_folder_that_an_entry_may_mean_is_refused(entry: str, inside: str, tmp_path: Path) -> None:
    (tmp_path / "reqs").mkdir()
    if inside:
        (tmp_path / "reqs" / inside).write_text("")

    assert [code for code, _ in refused(tmp_path, entry, "numpy")] == ["MLS215"]


def test_a_folder_that_a_program_made_under_its_own_name_changes_nothing(tmp_path: Path) -> None:
    for folder, inside in (("wandb", "debug.log"), ("alembic", "env.py")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / inside).write_text("")

    assert names(tmp_path, "wandb", "alembic") == ["wandb", "alembic"]


@pytest.mark.parametrize(
    "entry", ["reqs>=1", "reqs[cli]", "reqs; python_version > '3'", "reqs @ https://x.example/r.zip"]
)
def test_what_only_a_requirement_is_written_as_is_one(entry: str, tmp_path: Path) -> None:
    (tmp_path / "reqs").mkdir()

    assert names(tmp_path, entry) == [entry]


@pytest.mark.parametrize("name", ["ruamel.yaml", "discord.py", "web.py", "zope.interface", "backports.csv"])
def test_a_package_whose_name_has_a_dot_is_a_package(name: str, tmp_path: Path) -> None:
    assert names(tmp_path, name) == [name]


@pytest.mark.parametrize("line", ["Pipfile", "setup.py", "more.txt", "pylock.toml"])
def test_a_line_of_a_file_that_names_a_file_is_no_package(line: str, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text(f"{line}\n")

    assert [code for code, _ in refused(tmp_path, "r.txt")] == ["MLS214"]


def test_a_line_of_a_file_is_a_package_whatever_is_beside_it_as_pip_has_it(tmp_path: Path) -> None:
    (tmp_path / "reqs").mkdir()
    (tmp_path / "r.txt").write_text("reqs\n")

    assert names(tmp_path, "r.txt") == ["reqs"]


def test_capitals_in_the_ending_are_read_and_a_name_in_others_is_offered(tmp_path: Path) -> None:
    (tmp_path / "requirements.TXT").write_text("six\n")

    assert names(tmp_path, "requirements.TXT") == ["six"]
    assert refused(tmp_path, "Requirements.txt") == [("MLS201", "did you mean: requirements.TXT")]


def test_a_folder_in_the_place_of_a_file_names_a_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "reqs").mkdir()
    (tmp_path / "reqs" / "base.in").write_text("six\n")

    assert refused(tmp_path, "-r reqs") == [("MLS201", "name a file in it: reqs/base.in")]


@pytest.mark.parametrize(
    ("entry", "files", "hint"),
    [
        ("-e .", ["setup.py"], "write a pyproject.toml beside it:"),
        ("-e ./lib", ["lib/src/x.py"], "to import it: environment: [PYTHONPATH=/app/lib/src]"),
        ("./lib", ["lib/x.py"], "so remove this entry; to import it: environment: [PYTHONPATH=/app/lib]"),
        (
            "src/thing",
            ["src/thing/__init__.py"],
            "remove this entry; to import it: environment: [PYTHONPATH=/app/src]",
        ),
        ("sub/reqs", ["sub/reqs/base.txt"], "write: sub/reqs/base.txt"),
        ("../lib", [], "copy it below the folder of the spec"),
    ],
)
def test_a_path_is_answered_by_what_is_there(entry: str, files: list[str], hint: str, tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")

    ((_, found),) = refused(tmp_path, entry)

    assert hint in found
