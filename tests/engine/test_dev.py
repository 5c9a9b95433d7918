"""Tests of ``mlspec dev``: real containers that follow the edits of a project."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from tests.engine.conftest import PREFIX, User
from tests.engine.test_project import FAST, write, write_project
from tests.engine.test_run import eventually

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine", "registry")]

SPEC = """\
name: NAME
python: 3.12
entrypoint: python main.py
environment: {WORD: spec}
mounts: [./data:/app/results]
"""
MAIN = """\
import os, pathlib, sys, time
print("SAID", os.environ["WORD"], os.getpid(), *sys.argv[1:], flush=True)
pathlib.Path("results/counted").open("a").write("x")
time.sleep(600)
"""
MLSPEC = (sys.executable, "-m", "mlspec")


@pytest.fixture
def folder(workshop: Path) -> Path:
    """A project with a program that prints a word, its process and its arguments, and then waits."""
    folder = workshop / uuid.uuid4().hex
    folder.mkdir()
    (folder / "mlspec.yaml").write_text(SPEC.replace("NAME", f"{PREFIX}-dev-{folder.name[:8]}"))
    (folder / "main.py").write_text(MAIN)
    return folder


def edit(folder: Path, old: str, new: str, name: str = "main.py") -> None:
    """Replace a text in a file as many editors do: write another file, and rename it."""
    text = (folder / name).read_text()
    assert old in text
    (folder / ".new").write_text(text.replace(old, new))
    (folder / ".new").rename(folder / name)


def containers(folder: Path) -> str:
    (line,) = (line for line in (folder / "mlspec.yaml").read_text().splitlines() if line.startswith("name:"))
    words = ("docker", "ps", "--all", "--quiet", "--filter", f"ancestor={line.removeprefix('name: ')}")
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@contextmanager
def session(folder: Path, *words: str) -> Iterator[pexpect.spawn[str]]:
    """Run ``mlspec dev`` in a terminal, until its program has started."""
    child = pexpect.spawn(MLSPEC[0], [*MLSPEC[1:], "dev", *words], cwd=str(folder), timeout=40, encoding="utf-8")
    try:
        yield child
    finally:
        child.close(force=True)


def interrupt(child: pexpect.spawn[str]) -> int | None:
    """Press Ctrl-C once, and return the exit code."""
    child.send("\x03")
    child.expect(pexpect.EOF)
    child.close()
    code: int | None = child.exitstatus
    return code


def test_the_program_starts_again_after_each_edit_and_ctrl_c_ends_it(folder: Path) -> None:
    with session(folder, "--", "--epochs", "3") as child:
        child.expect("is not built here")
        child.expect("SAID spec [0-9]+ --epochs 3")
        edit(folder, "SAID", "EDITED")
        child.expect("main.py changed: starting again")
        child.expect("EDITED spec [0-9]+ --epochs 3")
        edit(folder, "import os", "import nothing, os")
        child.expect("ended with exit code 1: the next edit starts it again")
        edit(folder, "nothing, ", "")
        child.expect("EDITED spec")
        code = interrupt(child)

    assert code == 130
    assert containers(folder) == ""
    assert (folder / "data" / "counted").read_text() == "xxx"


def test_an_edit_of_the_spec_builds_and_a_wrong_one_is_told(folder: Path) -> None:
    with session(folder) as child:
        child.expect("SAID spec")
        edit(folder, "WORD: spec", "WORD: {", "mlspec.yaml")
        child.expect("mlspec.yaml:[0-9]+:.*MLS")
        child.expect("the program goes on as it was")
        edit(folder, "WORD: {", "WORD: other", "mlspec.yaml")
        child.expect("mlspec.yaml changed: built in .*; starting again")
        child.expect("SAID other")
        edit(folder, "python: 3.12", "python: 3.12\r\nrequirements: requirements.in", "mlspec.yaml")
        child.expect("goes on as it was")
        (folder / "requirements.in").write_text("iniconfig\n")
        child.expect(r"requirements.in changed: locked and built in .* \(\+ iniconfig [0-9.]+\)")
        child.expect("SAID other")
        code = interrupt(child)

    assert code == 130
    assert containers(folder) == ""


def test_what_no_image_has_and_what_the_program_writes_restart_nothing(folder: Path) -> None:
    edit(
        folder, "time.sleep", "pathlib.Path('report.txt').write_text('1'); pathlib.Path('new.json').touch(); time.sleep"
    )
    (folder / "report.txt").write_text("0")
    with session(folder) as child:
        child.expect("SAID spec")
        for name in ("data/by-hand", ".env", ".venv/x.py", "main.py~", "4913", "notes.new"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("")
        with pytest.raises(pexpect.TIMEOUT):
            child.expect("starting again", timeout=2)
        (folder / "module.py").write_text("")
        child.expect("module.py changed")
        interrupt(child)


def test_no_restart_leaves_the_program_alone_until_it_ends(folder: Path) -> None:
    edit(folder, "time.sleep(600)", "time.sleep(4)")
    with session(folder, "--no-restart") as child:
        child.expect("SAID spec")
        edit(folder, "SAID", "EDITED")
        assert child.expect(["EDITED", "ended with exit code 0"]) == 1
        edit(folder, "EDITED", "AGAIN")
        child.expect("AGAIN spec")
        interrupt(child)


def test_without_a_terminal_a_signal_ends_the_program_as_with_run(folder: Path, user: User) -> None:
    edit(folder, "time.sleep", "import signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); time.sleep")
    edit(folder, "results/counted", "written")
    # Another user may not be able to run the resolver and the builder of this one.
    subprocess.run((*MLSPEC, "build", "-q"), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    for path in (folder, *folder.iterdir()):
        os.chown(path, user.uid, user.gid)
    command = (*user.prefix, *MLSPEC, "dev", "-q")
    environment = {**os.environ, "HOME": str(folder), "MLSPEC_CACHE_DIR": str(folder / ".cache")}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        assert child.stdout.readline().startswith(b"SAID spec")
        assert eventually((folder / "written").exists)
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=30)

    assert child.returncode == 7
    assert containers(folder) == ""
    assert user.owns(folder / "written")
    assert user.owns(folder / "results")


def test_a_program_that_ignores_signals_is_killed_and_what_it_started_too(folder: Path) -> None:
    edit(folder, "import os,", "import os, signal, subprocess,")
    edit(
        folder,
        "time.sleep",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); subprocess.Popen(['sleep', '600']); time.sleep",
    )
    with session(folder) as child:
        child.expect("SAID spec")
        edit(folder, "SAID", "EDITED")
        child.expect("EDITED spec", timeout=10)
        identity = containers(folder).strip()
        shown = subprocess.run(("docker", "top", identity), capture_output=True, text=True, check=True).stdout
        interrupt(child)

    assert shown.count("sleep 600") <= 1
    # The supervisor has the words of the program as well.
    assert shown.count("python main.py") == 2


def test_a_dry_run_prints_a_run_with_the_project_mounted(folder: Path) -> None:
    subprocess.run((*MLSPEC, "render", "-q"), cwd=folder, check=True)
    run, dev = (
        subprocess.run((*MLSPEC, name, "--dry-run"), cwd=folder, capture_output=True, text=True, check=True).stdout
        for name in ("run", "dev")
    )

    mount = "--mount type=bind,source=.,target=/app "
    assert mount in dev
    assert dev.replace(mount, "") == run


def test_files_of_a_build_step_that_the_mount_hides_are_told_at_the_step(folder: Path) -> None:
    step = "run:\n  - {command: echo 1 > generated.py, at: after_code}\nentrypoint"
    edit(folder, "entrypoint", step, "mlspec.yaml")
    with session(folder) as child:
        child.expect("mlspec.yaml:4:.*MLS586.*the build wrote /app/generated.py")
        child.expect("SAID spec")
        interrupt(child)


def test_an_installed_project_with_a_compiled_module_is_live(folder: Path) -> None:
    name = (folder / "mlspec.yaml").read_text().splitlines()[0].removeprefix("name: ")
    write_project(folder, name.removeprefix(f"{PREFIX}-"), "setuptools", entrypoint="python -m our_tool.live")
    files = {
        "setup.py": 'from setuptools import Extension, setup\nsetup(ext_modules=[Extension("our_tool._fast", '
        '["src/our_tool/_fast.c"])])\n',
        "src/our_tool/_fast.c": FAST,
        "src/our_tool/live.py": "import our_tool._fast as f, time\nprint('SAID', f.answer(), flush=True)\n"
        "time.sleep(600)\n",
    }
    write(folder, files)
    with session(folder) as child:
        child.expect("SAID 42")
        edit(folder, "SAID", "EDITED", "src/our_tool/live.py")
        child.expect("EDITED 42")
        edit(folder, "(42)", "(43)", "src/our_tool/_fast.c")
        child.expect("_fast.c changed: built in")
        child.expect("EDITED 43")
        interrupt(child)

    assert list(folder.rglob("*.so")) == []
