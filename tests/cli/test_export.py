"""Tests of `mlspec export`: its output and files, exit codes, and installs of what it wrote."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import command
from tests.support.index import PackageIndex, serving, wheel

SPEC = "python: 3.12\nbase: slim-bookworm\nrequirements: [bread]\napt: [ffmpeg]\nentrypoint: python x.py\n"


@pytest.fixture(autouse=True)
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PackageIndex]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with serving(wheel("bread", "1", ["flour"]), wheel("flour", "2"), wheel("flour", "3")) as served:
        monkeypatch.setenv("MLSPEC_INDEX_URL", served.url)
        yield served


@pytest.fixture
def project(tmp_path: Path, index: PackageIndex) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mlspec.yaml").write_text(SPEC)
    assert command.run("lock", "--unpinned", folder=folder).returncode == 0
    return folder


def export(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = command.run("export", *words, folder=folder)
    assert done.returncode == code, done.stderr
    return done


def test_the_packages_are_printed_and_what_is_lost_is_told(project: Path) -> None:
    done = export(project, "requirements")

    assert "flour==3 \\\n    --hash=sha256:" in done.stdout
    assert "mlspec.yaml:4:6: MLS431: warning: requirements.txt cannot contain Debian packages: ffmpeg" in done.stderr
    assert "only the packages; not exported: entrypoint" in done.stderr


@pytest.mark.parametrize(("form", "name"), [("requirements", "packages.txt"), ("pylock", "pylock.out.toml")])
def test_pip_would_install_the_locked_packages(form: str, name: str, project: Path, index: PackageIndex) -> None:
    import pip

    if form == "pylock" and int(pip.__version__.partition(".")[0]) < 26:
        pytest.skip("this pip cannot read a pylock.toml")
    index.add(wheel("flour", "4"))
    export(project, form, "-o", name)

    report = pip_report(project / name, index)

    assert report == {("bread", "1"), ("flour", "3")}


def pip_report(file: Path, index: PackageIndex) -> set[tuple[str, str]]:
    """Return the names and versions that this host's pip would install."""
    # This host may have another Python and another processor than the image.
    text = file.read_text().replace('requires-python = "==3.12.*"', "")
    file.write_text(text.replace("x86_64", platform.machine()))
    words = ["--isolated", "install", "-q", "--dry-run", "--ignore-installed", "--report", "-", "--no-deps"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, "--index-url", index.url, "-r", str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    return {(row["metadata"]["name"], row["metadata"]["version"]) for row in json.loads(done.stdout)["install"]}


@pytest.mark.parametrize(("form", "name"), [("requirements", "other.txt"), ("pylock", "pylock.toml")])
def test_a_spec_with_an_export_locks_the_same_packages(
    form: str, name: str, project: Path, index: PackageIndex
) -> None:
    before = (project / "requirements.lock").read_text()
    index.add(wheel("flour", "4"))
    other = project.parent / "other"
    other.mkdir()
    export(project, form, "-o", str(other / name))
    (other / "mlspec.yaml").write_text(SPEC.replace("[bread]", name))

    assert command.run("lock", "--unpinned", folder=other).returncode == 0

    assert pins(other / "requirements.lock") == [
        line for line in before.splitlines() if "==" in line or "--hash" in line
    ]


def pins(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if "==" in line or "--hash" in line]


def test_an_import_of_an_exported_environment_requires_the_same_packages(project: Path) -> None:
    export(project, "conda", "-o", "environment.yml")

    done = command.run("import", "environment.yml", "--into", "again.yaml", folder=project)

    assert done.returncode in {0, 1}
    text = (project / "again.yaml").read_text()
    assert "python: 3.12" in text
    assert "bread==1" in text
    assert "flour==3" in text


def test_a_file_is_left_unchanged_without_force(project: Path) -> None:
    (project / "mine.txt").write_text("mine\n")

    said = export(project, "requirements", "-o", "mine.txt", code=1).stderr
    assert said.startswith("MLS402: mine.txt already exists, so it is left unchanged")
    assert (project / "mine.txt").read_text() == "mine\n"

    export(project, "requirements", "-o", "mine.txt", "--force")
    assert "flour==3" in (project / "mine.txt").read_text()


def test_a_name_that_no_tool_reads_is_wrong_usage(project: Path) -> None:
    said = export(project, "pylock", "-o", "lock.toml", code=2).stderr

    assert 'no tool reads "lock.toml" as pylock; name it pylock.toml or pylock.NAME.toml' in said


def test_a_lock_that_is_missing_is_told(tmp_path: Path) -> None:
    (tmp_path / "mlspec.yaml").write_text(SPEC)

    assert "MLS404" in export(tmp_path, "requirements", code=1).stderr


def test_an_index_that_does_not_answer_fails_only_a_pylock(project: Path, index: PackageIndex) -> None:
    index.status = 503

    export(project, "requirements")
    said = export(project, "pylock", code=3).stderr

    assert "MLS253" in said
    assert "answers 503" in said


def test_a_file_that_is_gone_is_told_by_its_package(project: Path, index: PackageIndex) -> None:
    index.files.clear()
    index.add(wheel("bread", "1", ["flour"]), wheel("flour", "4"))

    said = export(project, "pylock", code=1).stderr

    assert "MLS247" in said
    assert "flour==3" in said


@pytest.mark.parametrize("as_json", [True, False])
def test_a_login_of_an_index_is_in_no_export(
    as_json: bool, project: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.as_json, index.login = as_json, "me:hidden"
    monkeypatch.setenv("MLSPEC_INDEX_URL", index.url.replace("://", "://me:hidden@"))

    done = export(project, "pylock")

    assert index.logins == {"me:hidden"}
    assert "flour-3" in done.stdout
    assert "hidden" not in done.stdout + done.stderr
