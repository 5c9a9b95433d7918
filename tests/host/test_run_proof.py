"""A run of what was prepared before is the run that would be prepared today, whatever changed in between."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlspec import api
from mlspec.cli.app import cli
from mlspec.host.engine import docker_answers
from mlspec.host.engine.prepared_run import dump_run, parse_run, prepare_run
from tests.support.places import PROJECT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for docker is a shell script")

EXAMPLE = PROJECT / "specs" / "first-training"
HEAVY = {"docker", "requests", "pydantic", "jinja2", "yaml", "rich", "filelock", "packaging", "urllib3", "email", "ssl"}
# The example ends in its list of mounts.
MORE = """\
  - ./input:/app/input:ro
ports: ["18765:8000"]
env_file: [{path: own.env, required: false}]
secrets: {TOKEN: {environment: OWN_TEST_TOKEN}}
"""
VERSION = {"Version": "28.0.0", "ApiVersion": "1.48", "Os": "linux", "Arch": "amd64", "Components": []}
IMAGE = {"Id": f"sha256:{'1' * 64}", "Os": "linux", "Architecture": "amd64", "Config": {"User": "1000:1000"}}
DOCKER = """\
#!/bin/sh
case $1 in
version) cat {folder}/version ;;
image) cat {folder}/image ;;
ps) cat {folder}/ports ;;
run) printf '%s\\n' "$@" ;;
*) exit 1 ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of an example, the working directory, whose run was prepared; docker is a stand-in."""
    folder, home, fake = tmp_path / "project", tmp_path / "home", tmp_path / "bin" / "docker"
    shutil.copytree(EXAMPLE, folder)
    for made in (home, fake.parent, folder / "input"):
        made.mkdir()
    (tmp_path / "version").write_text(json.dumps(VERSION))
    (tmp_path / "image").write_text(json.dumps([IMAGE]))
    (tmp_path / "ports").write_text("0.0.0.0:9000->80/tcp\n")
    fake.write_text(DOCKER.format(folder=tmp_path))
    fake.chmod(0o755)
    with (folder / "mlspec.yaml").open("a") as file:
        file.write(MORE)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MLSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OWN_TEST_TOKEN", "secret")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    docker_answers.read_version.cache_clear()
    assert CliRunner().invoke(cli, ["render", "-q", "--locked"]).exit_code == 0
    assert words() == words()
    return folder


def invoke(*options: str) -> Result:
    return CliRunner().invoke(cli, ["run", *options], prog_name="mlspec")


def words(*options: str) -> list[str]:
    """Return the words of the run."""
    done = invoke("--dry-run", *options)
    assert done.exit_code == 0, done.output
    return done.stdout.split()


def start(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the image, in a process that becomes that of the stand-in."""
    command = [sys.executable, "-X", "importtime", "-m", "mlspec", "run", *options]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def imported(done: subprocess.CompletedProcess[str]) -> set[str]:
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def said(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join(line for line in done.stderr.splitlines() if not line.startswith("import time:"))


def test_a_run_of_what_is_unchanged_is_not_prepared_again(project: Path, compiled: list[Path]) -> None:
    found = words("--", "--epochs", "3")

    assert compiled == []
    assert found[-2:] == ["--epochs", "3"]
    assert "source=./data,target=/app/data" in " ".join(found)


def test_a_run_of_what_is_unchanged_imports_nothing_heavy(project: Path) -> None:
    # Another way to start it has another path of modules, for which nothing is proven.
    first, second = start("--", "a b"), start("--", "a b")

    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    assert first.stdout == second.stdout
    assert second.stdout.splitlines()[-1] == "a b"
    assert "pydantic" in imported(first)
    assert imported(second) & HEAVY == set()


def test_all_of_a_prepared_run_is_kept(project: Path) -> None:
    path = project / "mlspec.yaml"
    prepared = prepare_run(api.render(path).plan(None), project)

    assert prepared.ports
    assert prepared.env_files
    assert prepared.script.exports
    assert parse_run(dump_run(prepared)) == prepared


# What is to be found of this host is found each time.


def test_a_missing_secret_and_input_are_told_each_time(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start(), start()
    (project / "input").rmdir()
    monkeypatch.delenv("OWN_TEST_TOKEN")

    done = start()

    assert done.returncode == 1
    assert "pydantic" not in imported(done)
    assert [code in said(done) for code in ("MLS507", "MLS509")] == [True, True]


def test_an_environment_file_is_taken_as_soon_as_it_is_there(project: Path, compiled: list[Path]) -> None:
    assert "--env-file" not in words()
    (project / "own.env").write_text("A=1\n")

    assert "./own.env" in words()


def test_what_an_environment_file_holds_is_told_each_time(project: Path) -> None:
    (project / "own.env").write_text("A='1'\n")
    start(), start()

    first, second = start(), start()

    assert "MLS510" in said(first)
    assert said(first) == said(second)


def test_an_image_for_another_platform_is_told(project: Path) -> None:
    start(), start()
    (project.parent / "image").write_text(json.dumps([{**IMAGE, "Architecture": "arm64"}]))

    done = start()

    assert (done.returncode, "MLS567" in said(done)) == (3, True)


def test_an_image_that_another_folder_built_is_told(project: Path) -> None:
    from mlspec.host.engine import built_images

    start(), start()
    built_images.remember_built(project.parent, words()[-1], [str(IMAGE["Id"])])

    done = start()

    assert (done.returncode, "MLS512" in said(done)) == (3, True)


def test_ports_of_containers_are_looked_at_by_their_numbers(project: Path) -> None:
    (project.parent / "ports").write_text("\n0.0.0.0:9000->80/tcp, [::]:8000-8002->80-82/tcp\n443/tcp\n")

    assert docker_answers.read_published_ranges() == [range(9000, 9001), range(8000, 8003)]


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "no JSON", '{"APIVersion": "1.41"}'])
def test_an_answer_of_another_form_is_none(project: Path, text: str) -> None:
    for name in ("version", "image"):
        (project.parent / name).write_text(text)

    assert (docker_answers.read_version(), docker_answers.read_image("api")) == (None, None)


# What changes the run, or what is said of it


def _edit_spec(project: Path, patch: pytest.MonkeyPatch) -> None:
    with (project / "mlspec.yaml").open("a") as file:
        file.write("# a remark\n")


def _edit_lock(project: Path, patch: pytest.MonkeyPatch) -> None:
    with (project / "mlspec.lock").open("a") as file:
        file.write("# a remark\n")


def _edit_run_script(project: Path, patch: pytest.MonkeyPatch) -> None:
    with (project / "run.sh").open("a") as file:
        file.write("# mine\n")


def _remove_dockerfile(project: Path, patch: pytest.MonkeyPatch) -> None:
    (project / "Dockerfile").unlink()


def _move_home(project: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("HOME", str(project.parent))


def _spoil_cache(project: Path, patch: pytest.MonkeyPatch) -> None:
    for file in (project.parent / "cache" / "proofs").iterdir():
        file.write_text(file.read_text().replace("./data", "./other"))


CHANGES = [_edit_spec, _edit_lock, _edit_run_script, _remove_dockerfile, _move_home, _spoil_cache]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_whatever_changes_has_it_prepared_again(
    change: Callable[[Path, pytest.MonkeyPatch], None],
    project: Path,
    compiled: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(project, monkeypatch)

    invoke("--dry-run")

    assert compiled


def test_code_is_no_part_of_a_run(project: Path, compiled: list[Path]) -> None:
    (project / "train.py").write_text("print(1)\n")

    words()

    assert compiled == []


def test_an_edited_file_is_told_each_time(project: Path) -> None:
    _edit_run_script(project, pytest.MonkeyPatch())

    first, second = invoke("--dry-run"), invoke("--dry-run")

    assert "run.sh" in first.stderr
    assert first.stderr == second.stderr


def test_another_image_is_another_question(project: Path, compiled: list[Path]) -> None:
    done = invoke("other", "--dry-run")

    assert (done.exit_code, bool(compiled)) == (1, True)
