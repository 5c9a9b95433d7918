"""Tests of the setup of a clone, with fake Pythons and pips: the chosen Python, and the message for an old one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import PROJECT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the script is for POSIX shells")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a folder with the setup script and an empty pyproject.toml."""
    shutil.copytree(PROJECT / ".ci", tmp_path / "clone" / ".ci", ignore=shutil.ignore_patterns("refresh"))
    (tmp_path / "clone" / "pyproject.toml").touch()
    return tmp_path / "clone"


def python(path: Path, version: str) -> Path:
    """Write a fake Python, which prints its version, copies itself into .venv, and records calls of pip."""
    path.write_text(
        f"""#!/bin/sh
case "$2" in
  venv) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  pip) echo "$@" >> calls ;;
  *) echo "{version} /made/by/{version.replace(" ", ".")}" ;;
esac
"""
    )
    path.chmod(0o755)
    return path


def set_up(clone: Path, what: str, *python: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([".ci/setup", what, *python], cwd=clone, capture_output=True, text=True, env=os.environ)


def calls(clone: Path) -> list[str]:
    return (clone / "calls").read_text().splitlines()


def test_a_python_that_is_too_old_is_one_line(clone: Path) -> None:
    old = python(clone / "python3.8", "3 8")

    done = set_up(clone, "dev", old)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"{old}: mlspec needs Python 3.11 or newer, and this is Python 3.8; hint: make setup PYTHON=python3.12\n"
    )
    assert not (clone / ".venv").exists()


def test_a_python_that_is_not_there_is_one_line(clone: Path) -> None:
    done = set_up(clone, "dev", clone / "nothing")

    assert done.returncode == 1
    assert done.stderr.endswith("and this is no Python; hint: make setup PYTHON=python3.12\n")


def test_an_environment_of_another_python_is_made_anew(clone: Path) -> None:
    set_up(clone, "dev", python(clone / "python3.11", "3 11"))
    (clone / ".venv" / "left").touch()

    set_up(clone, "dev", python(clone / "python3.12", "3 12"))

    assert not (clone / ".venv" / "left").exists()
    assert "/made/by/3.12" in (clone / ".venv/bin/python").read_text()


def test_an_environment_whose_python_is_gone_is_made_anew(clone: Path) -> None:
    set_up(clone, "dev", python(clone / "python3.11", "3 11"))
    (clone / ".venv/bin/python").unlink()

    set_up(clone, "dev", clone / "python3.11")

    assert (clone / ".venv/bin/python").exists()


def test_what_is_installed_is_left_alone(clone: Path) -> None:
    set_up(clone, "dev", python(clone / "python3.11", "3 11"))
    os.utime(clone / "pyproject.toml", (1, 1))
    before = calls(clone)

    for what in ("dev", "product"):
        assert set_up(clone, what).returncode == 0

    assert calls(clone) == before


def test_the_product_comes_without_its_tools(clone: Path) -> None:
    set_up(clone, "product", python(clone / "python3.11", "3 11"))

    assert [call for call in calls(clone) if "--group" in call] == []
    assert [call.endswith("install --editable .") for call in calls(clone)] == [True]
