"""Tests of the progress of real builds, and of real builds that fail for common reasons."""

from __future__ import annotations

import os
import pty
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mlspec.build import view
from mlspec.build.failed_step import find_failed_step, problem_of
from mlspec.build.stream import BuildState
from mlspec.errors import Problem
from mlspec.host.engine import image_build
from mlspec.spec import document, spec
from mlspec.targets import run_script
from mlspec.targets.build_options import BuildOptions
from tests.build.streams import source
from tests.engine import conftest
from tests.engine.conftest import Make, Project

pytestmark = pytest.mark.engine
SIX = (
    "# layer six\nsix==1.17.0 \\\n    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274\n"
)


def followed(project: Project, *more: str) -> tuple[int, BuildState]:
    words = run_script.build_command(project.plan(), BuildOptions(progress="rawjson"))
    return image_build.follow((*words[:-1], *more, words[-1]), project.folder, lambda build, line: None)


def problem(project: Project, *more: str) -> Problem:
    """Return the problem of a build that must fail."""
    code, state = followed(project, *more)
    assert code, "the build did not fail"
    text = (project.folder / "mlspec.yaml").read_text()
    lock = project.folder / "requirements.lock"
    locked = lock.read_text() if lock.exists() else ""
    made = source.source_of(spec.validate(document.parse(text, "mlspec.yaml")), project.plan(), locked)
    return problem_of(find_failed_step(state, source.steps_for(made, locked)), made)


PIPE = "python -c \"import urllib.request as u; u.urlopen('{}')\""
SELF_SIGNED = """\
openssl req -x509 -newkey rsa:2048 -nodes -keyout /tmp/k -out /tmp/c -subj /CN=localhost 2>/dev/null
(openssl s_server -accept 4443 -key /tmp/k -cert /tmp/c -quiet </dev/null >/dev/null 2>&1 &)
sleep 2
python -c "import urllib.request as u; u.urlopen('https://localhost:4443')"
"""
BASE = "python: 3.12\n"
# A line of a spec with a failing step, and the code and the place of the problem.
STEPS: Mapping[str, tuple[str, str, str]] = {
    "its own fault": ("run: ['echo the words; exit 3']", "MLS520", "2:7"),
    "no such package": ("apt: [tree, treee]", "MLS521", "2:13"),
    "nothing that fits": ("run: ['pip download --retries 0 --no-index six']", "MLS522", "2:7"),
    "disk full": ("run: ['head -c 100M /dev/zero > /dev/shm/x']", "MLS525", "2:7"),
    "no such host": (f"run:\n  - {PIPE.format('http://nowhere.invalid')}", "MLS526", "3:5"),
    "nobody answers": (f"run:\n  - {PIPE.format('http://127.0.0.1:9')}", "MLS526", "3:5"),
    "certificate": ("apt: [openssl]\nrun:\n  - |\n" + re.sub("^", "    ", SELF_SIGNED, flags=re.M), "MLS528", "4:5"),
    "no git": ("run: ['git clone https://nowhere.invalid/x']", "MLS529", "2:7"),
    "killed": ("run: ['sh -c \"kill -9 \\$\\$\"']", "MLS532", "2:7"),
    "other processor": (
        "run: [\"printf '\\\\177ELF\\\\002\\\\001\\\\001' > /tmp/x; chmod +x /tmp/x; exec /tmp/x\"]",
        "MLS536",
        "2:7",
    ),
}


@pytest.mark.parametrize(("yaml", "code", "place"), STEPS.values(), ids=STEPS)
def test_a_step_that_fails_is_told_at_its_line_with_its_cause(make: Make, yaml: str, code: str, place: str) -> None:
    found = problem(make(f"{BASE}{yaml}\n"))

    assert found.span
    assert (found.code, found.file, f"{found.span.line}:{found.span.column}") == (code, "mlspec.yaml", place), str(
        found
    )


# A lock of one layer, and the code of the problem.
LOCKS: Mapping[str, tuple[str, str]] = {
    "another file": (SIX.replace("4721", "0000"), "MLS523"),
    "no wheel": (f"# layer six\nsix==1.17.0\ntensorflow==2.8.0 \\\n    --hash=sha256:{'1' * 64}\n", "MLS522"),
    "no compiler": (
        "# layer six\npsutil==5.9.8 \\\n"
        "    --hash=sha256:6be126e3225486dff286a8fb9a06246a5253f4c7c53b475ea5f5ac934e64194c\n    # from source\n",
        "MLS524",
    ),
}


@pytest.mark.index
@pytest.mark.parametrize(("lock", "code"), LOCKS.values(), ids=LOCKS)
def test_a_package_that_cannot_be_installed_is_told_at_its_requirement(make: Make, lock: str, code: str) -> None:
    name = re.findall(r"^([\w-]+)==", lock, re.MULTILINE)[-1]
    made = make(
        f"{BASE}requirements: [{name}]\n", {"requirements.lock": lock.replace("six==1.17.0\n", "")}, layers=["six"]
    )
    found = problem(made)

    assert found.span
    assert (found.code, f"{found.span.line}:{found.span.column}") == (code, "2:16"), str(found)


def drawn(project: Project, old: str, new: str) -> Project:
    """Edit the Dockerfile of a project, and return the project."""
    path = project.folder / "Dockerfile"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    return project


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("COPY . ", "COPY nothing.txt ", "MLS533"),
        (f"FROM {conftest.BASE} ", "FROM registry.nowhere.invalid/x:1 ", "MLS526"),
        ("RUN true", "RUN --mount=type=secret,id=TOKEN,required=true true", "MLS531"),
        ("RUN true", "RUN --mount=type=ssh,required=true true", "MLS530"),
    ],
    ids=["no file", "no registry", "no secret", "no key"],
)
def test_what_buildkit_itself_refuses_is_told_with_its_cause(make: Make, old: str, new: str, code: str) -> None:
    found = problem(drawn(make("python: 3.12\nrun: ['true']\n"), old, new))

    assert (found.code, found.span is None) == (code, False), str(found)


def test_without_a_network_the_packages_are_not_blamed(make: Make) -> None:
    found = problem(make("python: 3.12\napt: [tree]\n"), "--network", "none", "--no-cache")

    assert (found.code, found.message.split()[-1]) == ("MLS526", "deb.debian.org")


def test_the_steps_of_a_build_are_those_of_the_spec(make: Make) -> None:
    project = make(f"python: 3.12\nrun: ['echo {secrets.token_hex(4)}']\n", {"main.py": ""})
    code, state = followed(project)
    made = source.source_of(
        spec.validate(document.parse((project.folder / "mlspec.yaml").read_text(), "mlspec.yaml")), project.plan(), ""
    )
    facts = view.facts(state, source.steps_for(made, ""), project.plan().image)
    cached = {step.label[:9]: step.cached for step in facts.steps if step.path[:1] in {("run",), ("include",)}}

    assert (code, cached["your step"]) == (0, False)
    assert facts.image_id.startswith("sha256:")
    assert 0 < facts.seconds < 600


# On the command line


def command(folder: Path, *arguments: str) -> Sequence[str]:
    return (sys.executable, "-m", "mlspec", "build", "-f", str(folder / "mlspec.yaml"), "--unpinned", *arguments)


def built(make: Make, prefix: str, yaml: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    project = make("python: 3.12\n")
    (project.folder / "mlspec.yaml").write_text(f"name: {prefix}-progress\npython: 3.12\nbase: slim-bookworm\n{yaml}")
    environment = {**os.environ, "FORCE_COLOR": "1"}
    return subprocess.run(command(project.folder, *arguments), capture_output=True, text=True, env=environment)


def test_without_a_terminal_there_are_lines_without_control_characters(make: Make, prefix: str) -> None:
    done = built(make, prefix, f"run: ['echo {secrets.token_hex(4)}']\n")
    lines = [line for line in done.stderr.splitlines() if re.match("started|done|cached", line)]

    assert done.returncode == 0, done.stderr
    assert [line.split(" (")[0][:19] for line in lines if "your step" in line] == [
        "started  your step:",
        "done     your step:",
    ]
    assert not [line for line in lines if "\x1b" in line or "\r" in line]
    assert (done.stdout, done.stderr.count("; to run it: ")) == ("", 1)


def test_plain_adds_what_the_steps_say(make: Make, prefix: str) -> None:
    word = secrets.token_hex(4)
    done = built(make, prefix, f"run: ['echo {word} | rev']\n", "--progress", "plain")

    assert f" | {word[::-1]}\n" in done.stderr, done.stderr


def test_quiet_leaves_the_digest_and_still_tells_of_failures(make: Make, prefix: str) -> None:
    done = built(make, prefix, "", "-q")
    failed = built(make, prefix, "run: ['exit 3']\n", "-q")

    assert re.fullmatch("sha256:[0-9a-f]{64}\n", done.stdout), done
    assert (failed.returncode, "MLS520" in failed.stderr, "started" in failed.stderr) == (3, True, False)


def test_rawjson_is_buildkit_s_own(make: Make, prefix: str) -> None:
    done = built(make, prefix, "", "--progress", "rawjson")

    assert '{"vertexes":[' in done.stderr


def test_on_a_terminal_an_interrupt_ends_the_build_and_gives_the_terminal_back(make: Make, prefix: str) -> None:
    project = make("python: 3.12\n")
    step = f"echo {secrets.token_hex(4)}; sleep 120"
    (project.folder / "mlspec.yaml").write_text(
        f"name: {prefix}-progress\npython: 3.12\nbase: slim-bookworm\nrun: ['{step}']\n"
    )
    parent, child = pty.openpty()
    words = command(project.folder)
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "90", "LINES": "20"}
    with subprocess.Popen(
        words, stdin=child, stdout=child, stderr=child, env=environment, start_new_session=True
    ) as process:
        os.close(child)
        seen = b""
        until = time.monotonic() + 240
        while b"your step" not in seen and time.monotonic() < until:
            seen += os.read(parent, 4096)
        os.killpg(process.pid, signal.SIGINT)
        while True:
            try:
                seen += os.read(parent, 4096)
            except OSError:  # the other end is closed
                break
        code = process.wait(timeout=60)
    os.close(parent)

    assert code == 130, seen.decode()
    assert seen.rstrip().endswith(b"interrupted")
    # The cursor was hidden, and is shown again.
    assert seen.rfind(b"\x1b[?25h") > seen.rfind(b"\x1b[?25l") > 0
