"""Builds of images by BuildKit, with output to this terminal or to a watching function."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.host.children import relay_signals
from mlspec.host.files.scratch import scratch
from mlspec.host.home import home_folder
from mlspec.targets.filters import HOME_MARK

if TYPE_CHECKING:
    from mlspec.build.stream import BuildState

    Watch = Callable[[BuildState, bytes], None]
    """A function that receives each state of a build, and the line of the stream that led to the state."""


# Lines of the output of a failed build that nobody watched.
_SHOWN = 20


def build(command: Sequence[str], folder: Path) -> None:
    """Run a build command in ``folder``, with output to this terminal; raises ToolError if the build fails.

    Raises SpecError before the build if a secret is missing.
    """
    code = 0
    with _running(_words(command, folder), folder, is_read=False) as child:
        code = child.wait()
    if code:
        from mlspec.host.engine import engine

        if command[0] == "docker":
            engine.require()
        hint = "see the step's output above; the steps before it are cached, and the next build continues after them"
        engine.fail("MLS506", f"the build failed with exit code {code}", hint)


def capture_build(command: Sequence[str], folder: Path) -> None:
    """Run a build command without output; raises ToolError with the last lines of its output if the build fails.

    Raises SpecError before the build if a secret is missing.
    """
    with _running((*_words(command, folder),), folder, is_read=True) as child:
        out, said = child.communicate()
    if child.returncode:
        from mlspec.host.engine import engine

        lines = [line for text in (out, said) for line in (text or b"").decode("utf-8", "replace").splitlines()]
        hint = "\n".join(("the last lines of its output:", *lines[-_SHOWN:]))
        engine.fail("MLS506", f"the build failed with exit code {child.returncode}", hint)


@contextmanager
def metadata() -> Iterator[Path]:
    """Yield the path of a temporary file for the metadata of buildx, such as the image's digests."""
    with scratch() as folder:
        yield folder / "metadata.json"


_DIGESTS = ("containerimage.digest", "containerimage.config.digest")


def read_digests(metadata: Path) -> tuple[str, ...]:
    """Return the digests in the metadata file of buildx, the manifest's digest first; empty if buildx wrote none.

    An engine with containerd's image store uses the digest of the manifest as the image's ID. Any other engine uses the
    digest of the image's configuration.
    """
    try:
        found = json.loads(metadata.read_bytes())
        return tuple(str(found[key]) for key in _DIGESTS if key in found)
    except (OSError, ValueError, TypeError):
        return ()


def read_image_id(metadata: Path) -> tuple[str, ...]:
    """Return the ID that podman wrote into a file; empty if it wrote none."""
    try:
        return tuple(metadata.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return ()


def follow(command: Sequence[str], folder: Path, watch: Watch) -> tuple[int, BuildState]:
    """Run a build command that writes BuildKit's stream; return its exit code and the last state.

    Raises SpecError before the build if a secret is missing.
    """
    with start_build(command, folder) as child:
        return read_progress(child, watch)


@contextmanager
def start_build(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a running build command, for :func:`read_progress`.

    Raises SpecError before the build if a secret is missing.
    """
    with _running(_words(command, folder), folder, is_read=True) as child:
        yield child


def read_progress(child: subprocess.Popen[bytes], watch: Watch) -> tuple[int, BuildState]:
    """Read BuildKit's stream to its end, and return the exit code and the last state."""
    from mlspec.build.stream import BuildState, advance, mark_success

    state = BuildState()
    for line in child.stderr or ():
        state = advance(state, line)
        watch(state, line)
    code = child.wait()
    if not code and state.vertexes:
        state = mark_success(state)
        watch(state, b"")
    return code, state


def run_silently(command: Sequence[str], folder: Path) -> None:
    """Run a build command only for its metadata file; a failed build raises nothing and writes no metadata."""
    with _running(_words(command, folder), folder, is_read=True) as child:
        child.communicate()


def _words(command: Sequence[str], folder: Path) -> tuple[str, ...]:
    words = tuple(word.replace(HOME_MARK, home_folder()) if HOME_MARK in word else word for word in command)
    if "--secret" in words:
        from mlspec.errors import SpecError
        from mlspec.host.engine import secrets

        if problems := tuple(secrets.missing_in_build(words, folder)):
            raise SpecError(*problems)
    return words


@contextmanager
def _running(words: Sequence[str], folder: Path, *, is_read: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command, and pass signals on to it.

    After a signal, wait for the end of the command, and raise KeyboardInterrupt if the command failed.
    """
    with relay_signals() as relay:
        try:
            child = _start(words, folder, is_read=is_read)
        except FileNotFoundError:
            from mlspec.host.engine import engine

            engine.require_command()
            raise
        relay.to(child)
        with child:
            try:
                yield child
            except BaseException:
                # The reader of the output failed. Nobody reads the pipe any more, so the child would block on it.
                child.terminate()
                raise
    if relay.came and child.returncode:
        raise KeyboardInterrupt


def _start(words: Sequence[str], folder: Path, *, is_read: bool) -> subprocess.Popen[bytes]:
    """Start a build command; with ``is_read``, its stderr is a pipe to this process and not the terminal.

    Podman writes its steps to stdout, which is then a pipe, too.

    BUILDX_METADATA_PROVENANCE adds the layers to the metadata: https://docs.docker.com/build/building/variables/
    """
    environment = {**os.environ, "BUILDX_METADATA_PROVENANCE": "max"}
    pipe = subprocess.PIPE if is_read else None
    stdout = pipe if words[0] == "podman" else None
    return subprocess.Popen(words, cwd=folder, env=environment, stdout=stdout, stderr=pipe)
