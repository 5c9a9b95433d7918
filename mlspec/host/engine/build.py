"""Building an image: BuildKit's work, in this terminal or watched."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlspec.build.stream import BuildState, advance
from mlspec.errors import SpecError
from mlspec.host.children import relay_signals
from mlspec.host.engine import engine, secrets
from mlspec.host.files.scratch import scratch
from mlspec.host.home import home_folder
from mlspec.targets.filters import HOME_MARK

Watch = Callable[[BuildState, bytes], None]
"""Is told of the state of a build, and of the line of the stream that made it so."""


def build(command: Sequence[str], folder: Path) -> None:
    """Run a build command in ``folder``, in this terminal; raises ToolError when the build fails.

    Raises SpecError, before it starts, for every secret that is not there.
    """
    code = 0
    with _running(_words(command, folder), folder, is_read=False) as child:
        code = child.wait()
    if code:
        engine.require()
        hint = "see the step's output above; the steps before it are cached, and the next build continues after them"
        engine.fail("MLS506", f"the build failed with exit code {code}", hint)


@contextmanager
def metadata() -> Iterator[Path]:
    """Give the path of a file that buildx may write the image's digests to; it is removed at the end."""
    with scratch() as folder:
        yield folder / "metadata.json"


_DIGESTS = ("containerimage.digest", "containerimage.config.digest")


def read_digests(metadata: Path) -> tuple[str, ...]:
    """Return the digests of the image in what buildx wrote of it, its manifest's first; none where it wrote none.

    An engine that keeps images in containerd's store calls an image by the digest of its manifest, any other by that
    of its configuration.
    """
    try:
        found = json.loads(metadata.read_bytes())
        return tuple(str(found[key]) for key in _DIGESTS if key in found)
    except (OSError, ValueError, TypeError):
        return ()


def follow(command: Sequence[str], folder: Path, watch: Watch) -> tuple[int, BuildState]:
    """Run a build command that writes BuildKit's stream, and return its exit code and the last state.

    Raises SpecError as :func:`build` does.
    """
    state = BuildState()
    with _running(_words(command, folder), folder, is_read=True) as child:
        for line in child.stderr or ():
            state = advance(state, line)
            watch(state, line)
        code = child.wait()
    return code, state


def _words(command: Sequence[str], folder: Path) -> tuple[str, ...]:
    words = tuple(word.replace(HOME_MARK, home_folder()) if HOME_MARK in word else word for word in command)
    if problems := tuple(secrets.missing_in_build(words, folder)):
        raise SpecError(*problems)
    return words


@contextmanager
def _running(words: Sequence[str], folder: Path, *, is_read: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command; a signal to us is passed on, its end is waited for, and then it is an interrupt of ours."""
    with relay_signals() as relay:
        try:
            child = _start(words, folder, is_read=is_read)
        except FileNotFoundError:
            engine.require_command()
            raise
        relay.to(child)
        with child:
            try:
                yield child
            except BaseException:
                # What watches it failed: nobody reads on, and the child would wait for that.
                child.terminate()
                raise
    if relay.came and child.returncode:
        raise KeyboardInterrupt


def _start(words: Sequence[str], folder: Path, *, is_read: bool) -> subprocess.Popen[bytes]:
    """Start a build command; with ``is_read``, what it says on stderr is for us and not for the terminal.

    Its metadata, where it writes any, are to list the layers: https://docs.docker.com/build/building/variables/
    """
    environment = {**os.environ, "BUILDX_METADATA_PROVENANCE": "max"}
    return subprocess.Popen(words, cwd=folder, env=environment, stderr=subprocess.PIPE if is_read else None)
