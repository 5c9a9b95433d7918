"""Tests of hostile input and unusual surroundings: mlspec reports a problem with its exit code, never a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlspec import api
from mlspec.cli.app import cli
from mlspec.cli.terminal import report_errors
from mlspec.errors import LockError, Problem, SpecError
from mlspec.host.network.registry.connection import mapping
from mlspec.lock.requirements_lock import parse_requirements
from mlspec.lock.state import LockOptions
from mlspec.spec.document import parse

POSIX = pytest.mark.skipif(os.name == "nt", reason="about users, folders and names as POSIX has them")


def check(folder: Path, spec: str, **files: str) -> Result:
    (folder / "mlspec.yaml").write_text(spec, encoding="utf-8")
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return CliRunner().invoke(cli, ["check"])


# Hostile input


@pytest.mark.parametrize("line", ['entrypoint: [python, "{}.py"]', 'include: ["{}"]', 'mounts: ["./{}:/x"]'])
def test_a_name_that_is_too_long_is_no_crash(tmp_path: Path, line: str) -> None:
    done = check(tmp_path, f"python: 3.12\n{line.format('a' * 300)}\n")

    assert done.exit_code in {0, 1}, done.output


def test_a_file_with_a_name_that_cannot_be_is_refused(tmp_path: Path) -> None:
    done = check(tmp_path, "python: 3.12\nrequirements: r.in\n", r__in="-r a\0b.txt\n")

    assert r"MLS201: a\x00b.txt cannot be read: no file can have this name" in done.output


@pytest.mark.parametrize("dynamic", ["1", '"dependencies"', "true"])
def test_a_list_that_is_none_is_refused(tmp_path: Path, dynamic: str) -> None:
    project = f"[project]\nname = 'x'\ndynamic = {dynamic}\n"

    done = check(tmp_path, "python: 3.12\nrequirements: pyproject.toml\n", pyproject__toml=project)

    assert "MLS208: project.dynamic of pyproject.toml is not a list of texts" in done.output


@pytest.mark.parametrize("name", ["a;b", "..", "$(id)", "-x", "a'b", "\u202e", "a" * 300])
def test_a_lock_names_no_layer_that_mlspec_would_not(name: str) -> None:
    with pytest.raises(SpecError, match="no layer can have this name"):
        parse_requirements(f"# layer {name}\n", "requirements.lock")


@pytest.mark.parametrize("path", ["~/x.env", "./x.env", "../x.env"])
def test_a_file_of_variables_has_a_secret_in_a_cluster(tmp_path: Path, path: str) -> None:
    spec = f"python: 3.12\nentrypoint: python x.py\nenv_file: {path}\ntargets: [kubernetes]\n"
    (tmp_path / "mlspec.yaml").write_text(spec)

    rendered = api.render(tmp_path / "mlspec.yaml", LockOptions(unpinned=True))

    (sheet,) = (artifact.text for artifact in rendered.artifacts if artifact.path == "kubernetes.yaml")
    (command,) = (line for line in sheet.splitlines() if "--from-env-file=" in line)
    name = command.partition("secret generic ")[2].partition(" ")[0]
    assert f"name: {name}" in sheet
    assert "\0" not in sheet


@pytest.mark.parametrize("scheme", ["git+http", "git+git", "git+ftp", "git"])
@pytest.mark.parametrize("before", ["", "x @ "])
def test_a_repository_that_anybody_on_the_way_can_change_is_refused(tmp_path: Path, scheme: str, before: str) -> None:
    done = check(tmp_path, f"python: 3.12\nrequirements: ['{before}{scheme}://h.example/x']\n")

    assert f"MLS213: anyone on the network path can change the content of {scheme}://" in done.output


def test_both_sides_of_a_merge_are_named_as_such() -> None:
    text = "python: 3.12\n<<<<<<< HEAD\napt: [git]\n=======\napt: [curl]\n>>>>>>> other\n"

    with pytest.raises(SpecError, match="2:1: MLS002: this file has unresolved merge conflicts"):
        parse(text, "mlspec.yaml")


def test_json_may_write_a_character_as_two_escapes() -> None:
    assert parse('{"name": "\\ud83c\\udf31"}', "mlspec.yaml").data == {"name": "\U0001f331"}


@pytest.mark.parametrize(("key", "most"), [("name", 200), ("image", 100)])
def test_a_name_that_no_file_or_engine_takes_is_refused_at_its_place(tmp_path: Path, key: str, most: int) -> None:
    name = "a" * (most + 1)
    named = f"name: {name}" if key == "name" else f"images: {{{name}: {{}}}}"

    done = check(tmp_path, f"python: 3.12\n{named}\n")

    assert f"has {most + 1} characters, and a name of an image at most {most}" in done.output
    assert "mlspec.yaml:2:" in done.output


def test_an_answer_nested_too_deeply_is_none_of_a_registry() -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        mapping(b"[" * 100_000)


# Unusual surroundings


@POSIX
def test_a_command_to_copy_quotes_the_name_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "mlspec.yaml").write_text("python: 3.12\nentrypoint: python\n")
    (folder / "x; touch pwned; .Dockerfile").write_text("# Generated by mlspec from mlspec.yaml; x\n")

    shown = CliRunner().invoke(cli, ["render", "--unpinned", "a b/mlspec.yaml"]).output

    assert "to remove it: rm 'a b/x; touch pwned; .Dockerfile'" in shown


@POSIX
def test_a_folder_whose_name_is_no_text_is_a_folder_like_any(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"b\xffd")
    folder.mkdir()
    (folder / "mlspec.yaml").write_text("python: 3.12\nname: x\nentrypoint: python\n")

    done = subprocess.run(
        [sys.executable, "-m", "mlspec", "render", "--unpinned"], cwd=folder, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr


@POSIX
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="becomes another user, as only root can")
@pytest.mark.parametrize(
    "words", [["doctor", "--offline"], ["check"], ["render", "--unpinned", "--check"], ["run", "--dry-run"]]
)
def test_a_user_without_a_home_can_work(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "mlspec.yaml").write_text("python: 3.12\nname: x\nentrypoint: python\n")
    tmp_path.chmod(0o777)
    command = ["setpriv", "--reuid", "12345", "--clear-groups", sys.executable, "-m", "mlspec", *words]

    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={"PATH": os.environ["PATH"], "PYTHONSAFEPATH": "1"}
    )

    if "No module named mlspec" in done.stderr or "ermission denied: '/" in done.stderr:
        pytest.skip("that user cannot read this installation")
    assert done.returncode in {0, 1, 3}, done.stderr
    assert "a bug in mlspec" not in done.stderr
    assert not list(tmp_path.glob("~*"))


@POSIX
def test_a_removed_folder_is_said(tmp_path: Path) -> None:
    script = f'mkdir gone; cd gone; rmdir ../gone; exec "{sys.executable}" -P -m mlspec init --yes'

    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True)

    assert (done.returncode, done.stderr.splitlines()[0]) == (3, "MLS421: the current folder was removed")


class SchemaError(Exception):
    """The error that pydantic-core raises if an interrupt ends one of its calls."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SchemaError("Error building schema: KeyboardInterrupt: "), 130),
        (KeyboardInterrupt(), 130),
        (MemoryError(), 3),
        (PermissionError(13, "Permission denied", "/x"), 3),
        (ValueError("ours"), 70),
    ],
)
def test_how_a_command_ends_says_whose_fault_it_was(error: BaseException, code: int) -> None:
    with pytest.raises(SystemExit) as ended, report_errors():
        raise error

    assert ended.value.code == code


@pytest.mark.parametrize(("codes", "code"), [(["MLS242"], 1), (["MLS246", "MLS243"], 1), (["MLS242", "MLS253"], 3)])
def test_requirements_at_fault_are_the_users_and_an_index_is_not(codes: list[str], code: int) -> None:
    assert LockError(*(Problem(code=name, message="x") for name in codes)).exit_code == code
