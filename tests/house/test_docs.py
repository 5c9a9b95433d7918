"""Tests of the documentation: run the sessions of its pages, and compare their output with the pages.

``make golden`` updates the output in the pages.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pexpect
import pytest
from filelock import FileLock
from pexpect.popen_spawn import PopenSpawn

from mlspec.errors import MlspecError, ToolError
from mlspec.host.engine import engine
from mlspec.host.network import registry
from tests.support import examples
from tests.support.places import PROJECT
from tests.support.sessions import File, Session, Step, sessions

PAGES = [
    PROJECT / "README.md",
    *sorted(path for path in PROJECT.glob("docs/**/*.md")),
    *sorted(PROJECT.glob("specs/*/README.md")),
]
# The time limit of one command in seconds: a build may install everything over a slow connection.
PATIENCE = 900
# The time limit in seconds for a program that keeps running to print the output on the page.
UNTIL_IT_STANDS = 60
DONE = "mlspec-docs-done"

# Parts of the output that differ between days and hosts. The tests compare all other text as it is.
CHANGES_DAILY = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"^(\s*[-+] [A-Za-z0-9._-]+) [0-9]\S*", re.M), r"\1 VERSION"),
    (re.compile(r"\b[0-9]+\.[0-9]+\.[0-9]+[a-z0-9.+-]*"), "VERSION"),
    (re.compile(r"\b[0-9]+(\.[0-9]+)? ?s\b"), "SECONDS"),
    (re.compile(r"\b[0-9]+(\.[0-9]+)? ?[kKMG]i?B\b"), "SIZE"),
    (re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b"), "DATE"),
)
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x07")
_NEEDS_ENGINE = re.compile(r"\bdocker\b|\bmlspec (build|run|shell|doctor)\b(?!.*--dry-run)|\./\S*run\.sh")
_NEEDS_INDEX = re.compile(r"\bmlspec (render|lock|build)\b(?!.*(--check|--locked))|\bpip install\b|docker build")


def normal(text: str) -> str:
    for pattern, word in CHANGES_DAILY:
        text = pattern.sub(word, text)
    return text


def pattern_of(shown: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern for an output: a line ``...`` matches any lines, and ``...`` in a line any text."""
    parts = []
    for line in normal("\n".join(line.rstrip() for line in shown)).split("\n") if shown else ():
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(re.escape(line).replace(re.escape("..."), ".*") + r"\n")
    return re.compile("".join(parts))


def plain(text: str) -> str:
    """Return an output without control sequences, as a terminal shows it."""
    return "\n".join(line.rstrip() for line in _ESCAPE.sub("", text).replace("\r\n", "\n").split("\n"))


def ended(said: str) -> str:
    """Return an output without empty lines at its end, because a page has none there either."""
    return f"{text}\n" if (text := said.rstrip("\n")) else ""


def environment() -> dict[str, str]:
    """Return the environment of a reader: 80 columns, no colors, and this mlspec first in PATH."""
    kept = {key: text for key, text in os.environ.items() if key not in {"FORCE_COLOR", "MLSPEC_DEBUG"}}
    here = Path(sys.executable).parent
    person = {f"GIT_{who}_{what}": "reader" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    kept |= {"PATH": f"{here}{os.pathsep}{kept['PATH']}", "NO_COLOR": "1", "COLUMNS": "80", "LC_ALL": "C.UTF-8"}
    return {**kept, **person, "TERM": "dumb", "PS1": "", "PYTHON_BASIC_REPL": "1"}


@dataclass
class Reader:
    """A reader who follows a page: a shell in a folder, and the programs running in other terminals."""

    folder: Path
    shell: PopenSpawn[str] = field(init=False)
    running: list[PopenSpawn[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shell = self._spawn(["bash", "--norc"])

    def _spawn(self, command: list[str]) -> PopenSpawn[str]:
        child = PopenSpawn(
            command, cwd=str(self.folder), env=environment(), encoding="utf-8", timeout=PATIENCE, codec_errors="replace"
        )
        # By default, pexpect polls for output ten thousand times a second, which keeps a core busy.
        child.delayafterread = 0.01
        return child

    def do(self, step: Step) -> str:
        """Run a step and return its output."""
        if step.keeps_running:
            return self._leave_running(step)
        return plain(self._type(step) if step.typed else self._run(step.command))

    def _run(self, command: str) -> str:
        quoted = "'" + command.replace("'", "'\\''") + "'"
        self.shell.sendline(f"eval {quoted} </dev/null; printf '{DONE}\\n'")
        self.shell.expect_exact(f"{DONE}\n")
        return str(self.shell.before)

    def _type(self, step: Step) -> str:
        child = pexpect.spawn(
            "bash", ["-c", step.command], cwd=str(self.folder), env=environment(), encoding="utf-8", timeout=PATIENCE
        )
        heard = ""
        for line in step.typed:
            child.expect([r">>> $", r"\.\.\. $"])
            heard += f"{child.before}{child.after}"
            child.sendline(line)
        child.expect(pexpect.EOF)
        return heard + str(child.before)

    def _leave_running(self, step: Step) -> str:
        child = self._spawn(["bash", "-c", f"exec {step.command}"])
        self.running.append(child)
        # The pattern matches normalized text, so read line by line and normalize each time.
        heard, wanted = "", pattern_of(step.shown)
        while not wanted.fullmatch(normal(plain(heard))):
            if child.expect(["\n", pexpect.TIMEOUT, pexpect.EOF], timeout=UNTIL_IT_STANDS):
                return plain(heard + str(child.before))
            heard += f"{child.before}\n"
        return plain(heard)

    def leave(self) -> None:
        """End the running programs and the shell."""
        for child in self.running:
            child.kill(signal.SIGINT)
            try:
                child.proc.wait(timeout=30)
            except subprocess.TimeoutExpired:
                child.kill(signal.SIGKILL)
        self.shell.sendeof()
        self.shell.proc.wait(timeout=30)


def id_of(session: Session) -> str:
    page = session.page.relative_to(PROJECT).with_suffix("").as_posix()
    return f"{page}-{session.tab.lower()}" if session.tab else page


def sessions_of_pages() -> Iterator[object]:
    """Yield all sessions, with marks for those that need an engine or an index."""
    for page in PAGES:
        for session in sessions(page, PROJECT, page.parent.name if page.name == "README.md" else page.stem):
            marks = []
            if _NEEDS_ENGINE.search(session.commands):
                marks.append(pytest.mark.engine)
            has_lock = any(isinstance(act, File) and act.path == "mlspec.lock" for act in session.acts)
            if _NEEDS_INDEX.search(session.commands) and not has_lock:
                marks.append(pytest.mark.index)
            yield pytest.param(session, id=id_of(session), marks=marks)


def _missing(what: str) -> None:
    if os.environ.get("MLSPEC_REQUIRE_ENGINE") == "1":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def reach() -> dict[str, str]:
    """The reasons why there is no engine or no index, by mark; "" if there is one."""
    found = {"engine": "", "index": ""}
    try:
        engine.require()
    except ToolError as error:
        found["engine"] = f"no engine: {error.problems[0].message}"
    try:
        registry.resolve("python:3.12-slim-bookworm", "linux/amd64")
    except MlspecError as error:
        found["index"] = f"no registry: {error.problems[0].message}"
    asked = subprocess.run([sys.executable, "-m", "pip", "index", "versions", "--quiet", "six"], capture_output=True)
    if asked.returncode:
        found["index"] = "the default package index cannot be reached"
    return found


@pytest.fixture
def folder(session: Session, reach: dict[str, str]) -> Iterator[Path]:
    """A folder for a session, with the name from the page and the files of an example; all users can enter it."""
    home = Path(tempfile.mkdtemp(prefix="mlspec-docs-"))
    home.chmod(0o755)
    made = home / session.folder
    if session.page.parent.parent == examples.EXAMPLES and not any(reach.values()):
        shutil.copytree(session.page.parent, made)
        examples.take_base_of_mirror(made)
    else:
        made.mkdir()
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(made)], check=True)
    yield made
    shutil.rmtree(home)


def write(file: File, folder: Path) -> None:
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file.text, encoding="utf-8", newline="\n")
    path.chmod(0o755 if file.text.startswith("#!") else 0o644)


def mend(page: Path, changes: list[tuple[Step, str]]) -> None:
    """Replace the output in a page by the printed output of each changed step."""
    for step, said in changes:
        lines = page.read_text(encoding="utf-8").split("\n")
        size = len(step.shown)
        typed = [f"{'> ' if index else '$ '}{line}" for index, line in enumerate(step.command.split("\n"))]
        # Earlier changes may have moved the step in the page.
        places = [
            end
            for end in range(len(typed), len(lines) - size)
            if lines[end - len(typed) : end + size] == [*typed, *step.shown]
            and lines[end + size].startswith(("$ ", "```"))
        ]
        if places:
            place = min(places, key=partial(_distance, step.first))
            lines[place : place + size] = said.rstrip("\n").split("\n") if said.strip() else []
            page.write_text("\n".join(lines), encoding="utf-8", newline="\n")


def _distance(one: int, other: int) -> int:
    return abs(one - other)


def forget_images(session: Session, said: str) -> None:
    """Remove the images that a session built, by the names in its commands and its output."""
    names = {*re.findall(r"(?:--tag|-t)[ =](\S+)", session.commands), *re.findall(r"^built (\S+?)[;,:]", said, re.M)}
    if names:
        subprocess.run(["docker", "image", "rm", "--force", *sorted(names)], capture_output=True, check=False)


def volumes() -> set[str]:
    """Return the names of the engine's volumes; none without an engine."""
    if not shutil.which("docker"):
        return set()
    return set(subprocess.run(["docker", "volume", "ls", "--quiet"], capture_output=True, text=True).stdout.split())


def forget_volumes(session: Session, before: set[str]) -> None:
    """Remove the volumes that a session created and its page names."""
    named = {*re.findall(r"docker volume rm ([\w.-]+)", session.page.read_text(encoding="utf-8"))}
    if new := named & (volumes() - before):
        subprocess.run(["docker", "volume", "rm", "--force", *sorted(new)], capture_output=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="the sessions are those of a POSIX shell")
@pytest.mark.parametrize("session", [*sessions_of_pages()])
def test_prints_what_the_page_shows(
    session: Session, folder: Path, reach: dict[str, str], request: pytest.FixtureRequest
) -> None:
    marks = {mark.name for mark in request.node.iter_markers()}
    if lacking := next((why for mark, why in reach.items() if mark in marks and why), ""):
        _missing(lacking)
    # Sessions build images with the names on their pages, so run one at a time.
    with FileLock(Path(tempfile.gettempdir()) / "mlspec-docs.lock") if "engine" in marks else nullcontext():
        changes = read(session, folder)
    if request.config.option.update_snapshots:
        mend(session.page, changes)
    elif changes:
        found = [difference(session.page, step, what) for step, what in changes]
        pytest.fail("\n\n".join([*found, "to show what is printed: make golden"]), pytrace=False)


def read(session: Session, folder: Path) -> list[tuple[Step, str]]:
    """Run a session; return the steps whose output differs from the page, each with its output."""
    reader, changes, heard, before = Reader(folder), [], "", volumes()
    try:
        for act in session.acts:
            if isinstance(act, File):
                write(act, folder)
                continue
            said = reader.do(act)
            heard += said
            if not pattern_of(act.shown).fullmatch(normal(ended(said))):
                changes.append((act, said))
    finally:
        reader.leave()
        forget_images(session, heard)
        forget_volumes(session, before)
    return changes


def difference(page: Path, step: Step, said: str) -> str:
    shown = "\n".join(step.shown)
    return f"{page.relative_to(PROJECT)}:{step.first}: $ {step.command}\n--- shown\n{shown}\n--- printed\n{said}"


def test_says_which_sessions_are_not_run() -> None:
    skipped = {
        f"{page.relative_to(PROJECT)}:{one.line}: {one.why}"
        for page in PAGES
        for session in sessions(page, PROJECT, "")
        for one in session.skipped
    }

    assert len(skipped) <= 8, "\n".join(sorted(skipped))
    assert all(why.partition(": ")[2] for why in skipped)
