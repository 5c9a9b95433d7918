"""Tests of the user's steps, and of commands in a container: the environment and the user that they affect."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mlspec import api
from mlspec import api
from tests.engine.conftest import Make, Project, Wheel

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

# Installs packages like `python -m spacy download` and `%pip`.
DOWNLOAD = """\
import subprocess, sys
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *sys.argv[1:]], check=True)
"""
PACKAGES = """
name: pip
python: 3.12
requirements: [six]
run:
  - {command: pip install --no-deps --root-user-action ignore idna==3.10, at: after_install}
  - {command: python download.py iniconfig==2.0.0, at: after_code}
"""


def run(project: Project, *words: str, user: str = "1000:1000") -> subprocess.CompletedProcess[str]:
    """Run a command in a project's image as ``user``."""
    command = ["docker", "run", "--rm", "--user", user, "--entrypoint", words[0], project.plan().image, *words[1:]]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def installed(make: Make, wheels: dict[str, Wheel]) -> Project:
    """A built project with a locked package, and two packages that its steps install."""
    files = {"requirements.lock": f"# layer light\n{wheels['six']}", "download.py": DOWNLOAD}
    project = make(PACKAGES, files, layers=("light",))
    project.build()
    return project


def test_what_a_step_installs_is_there_for_the_program(installed: Project) -> None:
    done = run(installed, "python", "-c", "import idna, iniconfig, six; print(idna.__file__)")

    assert done.stdout == "/opt/venv/lib/python3.12/site-packages/idna/__init__.py\n", done.stderr


@pytest.mark.parametrize("pip", [["pip"], ["pip3"], ["python", "-m", "pip"]], ids=" ".join)
def test_pip_lists_what_the_program_has(installed: Project, pip: list[str]) -> None:
    listed = run(installed, *pip, "list", "--format=freeze").stdout.splitlines()

    assert {"six==1.17.0", "idna==3.10", "iniconfig==2.0.0"} <= set(listed)


def test_pip_does_not_claim_what_a_user_cannot_install(installed: Project) -> None:
    done = run(installed, "pip", "install", "--no-deps", "toolz==1.0.0", user="4321:4321")

    assert (done.returncode, "Permission denied" in done.stderr) == (1, True), done.stderr


def test_a_pip_that_is_locked_takes_the_place_of_the_base_image_s(make: Make) -> None:
    pip = "# layer light\npip==25.0 --hash=sha256:b6eb97a803356a52b2dd4bb73ba9e65b2ba16caa6bcb25a7497350a4e5859b65\n"
    project = make("python: 3.12\nrequirements: [pip]\n", {"requirements.lock": pip}, layers=("light",))
    project.build()

    for words in (["pip"], ["python", "-m", "pip"]):
        assert run(project, *words, "--version").stdout.startswith("pip 25.0 from /opt/venv/"), words


# Steps run as root: other users cannot write to their files, unless mlspec changes the modes.
WARM = "mkdir -p /cache/hub/models && echo 1 > /cache/hub/models/ref"
SHARES = f"""
name: shares
python: 3.12
run:
  - {WARM}
  - "umask 77; mkdir -p $HOME/.config/matplotlib  # one line"
  - {{at: after_code, command: "mkdir out\\ntouch out/log\\n"}}
"""
WRITE = """\
import os
for folder in ("/cache/hub/models", "/home/app/.config/matplotlib", "/app/out"):
    open(f"{folder}/new", "w").close()
for file in ("/cache/hub/models/ref", "/app/out/log"):
    open(file, "a").close()
print(oct(os.stat("/app/code.py").st_mode), os.access("/usr/bin", os.W_OK))
"""


@pytest.fixture(scope="module")
def shares(make: Make) -> Project:
    """A built project whose steps fill caches."""
    project = make(SHARES, {"code.py": "", "write.py": WRITE})
    project.build()
    return project


@pytest.mark.parametrize("user", ["1000:1000", "4321:4322", "0:0"])
def test_every_user_may_write_to_what_a_step_left(shares: Project, user: str) -> None:
    done = run(shares, "python", "write.py", user=user)

    assert done.stdout == f"0o100644 {user == '0:0'}\n", done.stderr


def test_a_step_that_fails_fails_the_build(make: Make) -> None:
    for command in ("exit 3  # here", "set -e; for x in 1; do false; done", "false\ntrue\n"):
        project = make(f"python: 3.12\nrun: [{command!r}]\n")
        with pytest.raises(AssertionError, match=r"exit code: (?:1|3)"):
            project.build()


def test_a_user_whose_number_the_image_does_not_know_has_a_name_with_libnss_unknown(make: Make) -> None:
    program = "import os, pwd; print(pwd.getpwuid(os.getuid()).pw_name)"
    built = make(f"python: 3.12\napt: [libnss-unknown]\nentrypoint: [python, -c, '{program}']\n")
    built.build()

    command = ["docker", "run", "--rm", "--user", "4321:4322", built.plan().image]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "uid-4321\n"


def test_a_program_that_asks_for_its_user_is_named_and_mended(make: Make) -> None:
    program = "import os, pwd\nprint(pwd.getpwuid(os.getuid()).pw_name)\n"
    files = {"ask.py": program, "data/a.csv": ""}
    spec = "python: 3.12\nname: asks\nentrypoint: python ask.py\nmounts: [./data:/app/data]\n"
    first = make(spec, files)
    command = ["docker", "run", "--rm", "--user", "4321:4322", first.plan().image]

    (warning,) = [problem for problem in api.check(first.folder / "mlspec.yaml") if problem.code == "MLS638"]
    first.build()
    without = subprocess.run(command, capture_output=True, text=True)
    make(spec + warning.hint.removeprefix("add: ") + "\n", files, folder=first.folder).build()

    assert "KeyError" in without.stderr
    assert subprocess.run(command, capture_output=True, text=True).stdout == "uid-4321\n"
