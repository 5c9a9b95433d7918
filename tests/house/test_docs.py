"""What the documentation shows is what happens: its sessions are run, and what they print is compared.

``make golden`` writes what is printed today into the pages where it differs from what they show.
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
# The longest that one command may take: a build that installs everything, on a slow line.
PATIENCE = 900
# How long a program that stays has to say what the page shows.
UNTIL_IT_STANDS = 60
DONE = "mlspec-docs-done"

# What differs from day to day and from host to host; everything else is compared as it is.
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
    """Return what an output has to match: a line of ``...`` stands for any lines, ``...`` in a line for anything."""
    parts = []
    for line in normal("\n".join(line.rstrip() for line in shown)).split("\n") if shown else ():
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(re.escape(line).replace(re.escape("..."), ".*") + r"\n")
    return re.compile("".join(parts))


def plain(text: str) -> str:
    """Return what a terminal would show of an output."""
    return "\n".join(line.rstrip() for line in _ESCAPE.sub("", text).replace("\r\n", "\n").split("\n"))


def ended(said: str) -> str:
    """Return an output without empty lines at its end, where a page has none either."""
    return f"{text}\n" if (text := said.rstrip("\n")) else ""


def environment() -> dict[str, str]:
    """Return the environment of a reader: 80 columns without colors, this mlspec first."""
    kept = {key: text for key, text in os.environ.items() if key not in {"FORCE_COLOR", "MLSPEC_DEBUG"}}
    here = Path(sys.executable).parent
    person = {f"GIT_{who}_{what}": "reader" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    kept |= {"PATH": f"{here}{os.pathsep}{kept['PATH']}", "NO_COLOR": "1", "COLUMNS": "80", "LC_ALL": "C.UTF-8"}
    return {**kept, **person, "TERM": "dumb", "PS1": "", "PYTHON_BASIC_REPL": "1"}


@dataclass
class Reader:
    """Somebody who does what a page says: a shell in a folder, and what was left running in other terminals."""

    folder: Path
    shell: PopenSpawn[str] = field(init=False)
    running: list[PopenSpawn[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shell = self._spawn(["bash", "--norc"])

    def _spawn(self, command: list[str]) -> PopenSpawn[str]:
        return PopenSpawn(
            command, cwd=str(self.folder), env=environment(), encoding="utf-8", timeout=PATIENCE, codec_errors="replace"
        )

    def do(self, step: Step) -> str:
        """Return what a command prints."""
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
        # The pattern is searched in what was normalised, so it is read line by line.
        heard, wanted = "", pattern_of(step.shown)
        while not wanted.fullmatch(normal(plain(heard))):
            if child.expect(["\n", pexpect.TIMEOUT, pexpect.EOF], timeout=UNTIL_IT_STANDS):
                return plain(heard + str(child.before))
            heard += f"{child.before}\n"
        return plain(heard)

    def leave(self) -> None:
        """End what runs."""
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
    """Yield every session with the marks of what it needs."""
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
    """Why there is no engine and no index, by mark; empty texts where there are."""
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
    """A project's folder, named as its page says; an example's holds its files. Every user of this host can enter."""
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
    """Write what was printed to where the page shows something else."""
    for step, said in changes:
        lines = page.read_text(encoding="utf-8").split("\n")
        size = len(step.shown)
        typed = [f"{'> ' if index else '$ '}{line}" for index, line in enumerate(step.command.split("\n"))]
        # Other changes of the same page may have moved it.
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
    """Remove the images that a session built, by the names that it says itself."""
    names = {*re.findall(r"(?:--tag|-t)[ =](\S+)", session.commands), *re.findall(r"^built (\S+?)[;,:]", said, re.M)}
    if names:
        subprocess.run(["docker", "image", "rm", "--force", *sorted(names)], capture_output=True, check=False)


def volumes() -> set[str]:
    """Return the names of the engine's volumes; none where there is no engine."""
    if not shutil.which("docker"):
        return set()
    return set(subprocess.run(["docker", "volume", "ls", "--quiet"], capture_output=True, text=True).stdout.split())


def forget_volumes(session: Session, before: set[str]) -> None:
    """Remove what a session left in volumes that its page names, and that were not there before it."""
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
    # Sessions give their images the names that a reader gives them: one at a time.
    with FileLock(Path(tempfile.gettempdir()) / "mlspec-docs.lock") if "engine" in marks else nullcontext():
        changes = read(session, folder)
    if request.config.option.update_snapshots:
        mend(session.page, changes)
    elif changes:
        pytest.fail("\n\n".join(difference(session.page, step, what) for step, what in changes), pytrace=False)


def read(session: Session, folder: Path) -> list[tuple[Step, str]]:
    """Do what a session says; return the steps that printed something else, with what they printed."""
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
