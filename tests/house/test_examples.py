"""Tests that the examples below specs/ are up to date, and that linters find nothing in them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from mlspec import api
from mlspec.lock.state import LockOptions
from tests.support.places import PROJECT

SPECS = PROJECT / "specs"
EXAMPLES = sorted(SPECS.rglob("mlspec.yaml"))
DOCKERFILES = sorted(SPECS.rglob("*Dockerfile"))
SCRIPTS = sorted(SPECS.rglob("*run.sh"))

example = pytest.mark.parametrize("spec", EXAMPLES, ids=lambda path: path.parent.name)
script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.name}-{path.name}")


def page_of(spec: Path) -> Path:
    """Return the page of an example: beside its spec, or in the folder of an example with several specs."""
    return SPECS / spec.relative_to(SPECS).parts[0] / "README.md"


def found_by(program: str, paths: Iterable[Path]) -> str:
    """Return what a linter prints of files; it names the file in each line."""
    tool = Path(sys.executable).with_name(program)
    return subprocess.run([tool, *paths], capture_output=True, text=True, check=False).stdout


def test_there_are_examples() -> None:
    assert {page_of(path).parent.name for path in EXAMPLES} == {
        "batch-job",
        "fine-tuning",
        "first-training",
        "monorepo",
        "notebook",
        "package",
        "persistent-training",
        "serving",
        "several-images",
        "train-and-serve",
    }


@example
def test_the_list_of_examples_names_it(spec: Path) -> None:
    listed = (PROJECT / "docs" / "examples" / "index.md").read_text(encoding="utf-8").splitlines()

    assert page_of(spec).parent.name in listed


@example
def test_the_readme_names_it(spec: Path) -> None:
    assert f"](specs/{page_of(spec).parent.name})" in (PROJECT / "README.md").read_text(encoding="utf-8")


@example
def test_its_page_shows_the_spec_as_it_is(spec: Path) -> None:
    assert f"```yaml\n{spec.read_text(encoding='utf-8')}```\n" in page_of(spec).read_text(encoding="utf-8")


def test_images_for_processors_alone_have_no_cuda() -> None:
    folder = SPECS / "several-images"
    with_cuda = {path.name for path in folder.glob("*requirements.lock") if "nvidia-" in path.read_text()}

    assert with_cuda == {"train-cuda.requirements.lock"}


def test_what_trains_and_what_serves_a_model_have_one_version_of_its_library() -> None:
    locks = (SPECS / "several-images").glob("*requirements.lock")
    found = {pin for lock in locks for pin in re.findall(r"^xgboost(?:-cpu)?==(\S+)", lock.read_text(), re.M)}

    assert len(found) == 1


@example
def test_is_up_to_date_and_needs_no_network(spec: Path) -> None:
    assert "".join(api.diff(api.render(spec, LockOptions(locked=True)))) == ""


@example
def test_warns_of_nothing(spec: Path) -> None:
    rendered = api.render(spec, LockOptions(locked=True))

    assert (*rendered.warnings, *api.inspect(rendered)) == ()


@example
def test_has_no_files_of_former_days(spec: Path) -> None:
    assert api.leftovers(api.render(spec, LockOptions(locked=True))) == ()


@pytest.mark.parametrize(("linter", "paths"), [("hadolint", DOCKERFILES), ("shellcheck", SCRIPTS)])
def test_a_linter_finds_nothing(linter: str, paths: list[Path]) -> None:
    assert paths
    assert found_by(linter, paths) == ""


@script
@pytest.mark.skipif(sys.platform == "win32", reason="this system has no sh")
def test_a_shell_can_read_it(path: Path) -> None:
    assert subprocess.run(["sh", "-n", path], capture_output=True, text=True, check=False).stderr == ""


@script
@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such mode")
def test_can_be_run(path: Path) -> None:
    assert path.stat().st_mode & 0o111 == 0o111
