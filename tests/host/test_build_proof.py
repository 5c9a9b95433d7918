"""Tests that a build from the cache equals the build that mlspec would prepare now, whatever changed in between."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlspec import api
from mlspec.cli.app import cli
from tests.support.places import PROJECT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for docker is a shell script")

EXAMPLE = "first-training"
HEAVY = {"docker", "requests", "pydantic", "jinja2", "yaml", "rich", "filelock", "packaging", "urllib3", "email", "ssl"}


MANIFEST = f"sha256:{'1' * 64}"
STREAM = {
    "vertexes": [{"digest": "sha256:2", "name": "exporting to image", "started": "2026-01-01T00:00:00Z"}],
    "statuses": [{"vertex": "sha256:2", "id": f"exporting manifest {MANIFEST}"}],
}
METADATA = {
    "containerimage.digest": MANIFEST,
    "buildx.build.provenance": {
        "buildConfig": {"llbDefinition": [{"inputs": ["step0:0"]}]},
        "metadata": {
            "https://mobyproject.org/buildkit@v1#metadata": {"layers": {"step0:0": [[{"digest": MANIFEST, "size": 1}]]}}
        },
    },
}
# Where podman is installed, too, docker is asked for its version first.
DOCKER = """\
#!/bin/sh
[ "$1" != version ] || {{ echo '{{"Version": "28.5.2"}}'; exit; }}
for word; do echo "$word"; done > {folder}/call
cat {folder}/stream >&2
while [ "$1" != --metadata-file ]; do shift; done
cp {folder}/metadata "$2"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A copy of an example with a cached build, which is the working directory; docker is a stand-in.

    A parameter names another example, and the folder of the spec in it.
    """
    example, _, place = getattr(request, "param", EXAMPLE).partition("/")
    folder, home = tmp_path / "project" / place, tmp_path / "home"
    shutil.copytree(PROJECT / "specs" / example, tmp_path / "project")
    home.mkdir()
    fake = tmp_path / "bin" / "docker"
    fake.parent.mkdir()
    (tmp_path / "metadata").write_text(json.dumps(METADATA))
    (tmp_path / "stream").write_text(json.dumps(STREAM))
    fake.write_text(DOCKER.format(folder=tmp_path))
    fake.chmod(0o755)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "MLSPEC_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLSPEC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert build().exit_code == 0
    return folder


def build(*words: str) -> Result:
    return CliRunner().invoke(cli, ["build", "-q", *words], prog_name="mlspec")


def build_aloud() -> Result:
    return CliRunner().invoke(cli, ["build"], prog_name="mlspec")


def words_of(project: Path) -> list[str]:
    """Return the arguments of docker's last call, without the metadata file, whose path differs each time."""
    words = (project.parent / "call").read_text(encoding="utf-8").splitlines()
    return [word for word in words if not word.endswith("metadata.json")]


def test_a_build_of_what_is_unchanged_is_not_prepared_again(project: Path, compiled: list[Path]) -> None:
    first = words_of(project)

    done = build()

    assert (done.exit_code, compiled) == (0, [])
    assert words_of(project) == first
    assert "mlspec.spec.digest" in " ".join(first)


def test_a_build_of_what_is_unchanged_imports_nothing_heavy(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [sys.executable, "-X", "importtime", "-m", "mlspec", "build"]

    def imported() -> set[str]:
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
        return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}

    # Every variable of mlspec is part of a proof, so the first run with another variable has none.
    monkeypatch.setenv("MLSPEC_TEST", "1")
    assert "pydantic" in imported()
    assert imported() & HEAVY == set()


def test_its_warnings_are_said_again(project: Path, compiled: list[Path]) -> None:
    (project / ".env").write_text("A=1\n")
    (project / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    first = build()

    second = build()

    assert "warning" in first.stderr
    assert second.stderr == first.stderr
    assert len(compiled) == 1


def _edit_code(project: Path, patch: pytest.MonkeyPatch) -> None:
    (project / "train.py").write_text("print(1)\n")


def _edit_to_the_same_size(project: Path, patch: pytest.MonkeyPatch) -> None:
    path = project / "train.py"
    text, times = path.read_text(), path.stat()
    path.write_text(text.swapcase())
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _add_file(project: Path, patch: pytest.MonkeyPatch) -> None:
    (project / "more.bin").write_bytes(b"1")


def _remove_file(project: Path, patch: pytest.MonkeyPatch) -> None:
    (project / "train.py").unlink()


def _edit_spec(project: Path, patch: pytest.MonkeyPatch) -> None:
    with (project / "mlspec.yaml").open("a") as file:
        file.write("# a remark\n")


def _edit_dockerfile(project: Path, patch: pytest.MonkeyPatch) -> None:
    path = project / "Dockerfile"
    path.write_text(path.read_text() + "# mine\n")


def _configure(project: Path, patch: pytest.MonkeyPatch) -> None:
    folder = project.parent / "home" / ".config" / "mlspec"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('index_url = "https://mirror.example/simple"\n')


def _move_home(project: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("HOME", str(project.parent))


def _set_variable(project: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("MLSPEC_INDEX_URL", "https://mirror.example/simple")


OF_THE_CODE = [_edit_code, _edit_to_the_same_size, _add_file, _remove_file]
OTHERS = [_edit_spec, _edit_dockerfile, _configure, _move_home, _set_variable]


@pytest.mark.parametrize("change", [*OF_THE_CODE, *OTHERS], ids=lambda change: change.__name__)
def test_whatever_changes_has_it_prepared_again(
    change: Callable[[Path, pytest.MonkeyPatch], None],
    project: Path,
    compiled: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(project, monkeypatch)

    build()

    assert compiled


@pytest.mark.parametrize("change", [*OF_THE_CODE, *OTHERS], ids=lambda change: change.__name__)
def test_docker_waits_for_mlspec_unless_only_warnings_can_change(
    change: Callable[[Path, pytest.MonkeyPatch], None], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, render = project.parent / "call", api.render

    def render_while_docker_builds(*words: object, **more: object) -> object:
        deadline = time.monotonic() + (10 if change in OF_THE_CODE else 0)
        while not call.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        has_started.append(call.exists())
        return render(*words, **more)  # type: ignore[arg-type]

    change(project, monkeypatch)
    has_started: list[bool] = []
    monkeypatch.setattr(api, "render", render_while_docker_builds)
    call.unlink()

    build()

    assert has_started[0] == (change in OF_THE_CODE)


def test_new_warnings_of_the_code_are_said_before_the_steps(project: Path) -> None:
    (project / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    first, again = build_aloud(), build_aloud()

    said = first.stderr.partition("started  exporting")[0]
    assert "key.pem" in said
    assert again.stderr.startswith(said)


def test_a_spec_that_changes_meanwhile_ends_the_build(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    render = api.render

    def edit_and_render(*words: object, **more: object) -> object:
        path = project / "mlspec.yaml"
        path.write_text(path.read_text().replace("python: 3.12", "python: 3.11"))
        return render(*words, **more)  # type: ignore[arg-type]

    _edit_code(project, monkeypatch)
    monkeypatch.setattr(api, "render", edit_and_render)
    generated = [path for path in project.iterdir() if path.is_file() and path.name != "mlspec.yaml"]
    before = {path: path.read_bytes() for path in generated}

    assert build().exit_code == 1
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("project", ["monorepo/services/train"], indirect=True)
def test_an_edit_of_a_shared_library_has_it_prepared_again_and_one_of_another_service_does_not(
    project: Path, compiled: list[Path]
) -> None:
    (project / "../api/app.py").write_text("print('edited')\n")
    build()
    after_another = list(compiled)
    (project / "../../libs/sentiment/sentiment/__init__.py").write_text("print('edited')\n")
    build()

    assert after_another == []
    assert compiled


def test_options_have_it_prepared_again(project: Path, compiled: list[Path]) -> None:
    assert build("--no-labels").exit_code == 0

    assert compiled
    assert "mlspec.spec.digest" not in " ".join(words_of(project))


def test_the_commit_is_that_of_today(project: Path, compiled: list[Path]) -> None:
    assert "image.revision" not in " ".join(words_of(project))
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.example")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], check=True)
    build()
    compiled.clear()
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "second"], check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()

    build()

    assert compiled == []
    assert f"org.opencontainers.image.revision={commit}" in words_of(project)
