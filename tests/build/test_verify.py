"""Tests of ``mlspec build --verify`` with a fake builder that makes given archives."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mlspec.build.stream import BuildState
from mlspec.cli.app import cli
from mlspec.host.engine import engine, image_build
from mlspec.host.network import registry
from mlspec.lock.world import RegistryImage
from tests.support.archives import Files, image, link
from tests.support.golden import Golden

SPEC = """\
name: demo
python: 3.12
base: slim-bookworm
run: [date > /opt/built]
entrypoint: python train.py
"""
Verify = Callable[..., Result]
SHOWN = Path(__file__).parent / "shown"


@pytest.fixture
def verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verify:
    """Return a function that verifies a spec whose builds make the given archives, one after the other."""
    monkeypatch.chdir(tmp_path)
    Path("mlspec.yaml").write_text(SPEC)
    Path("train.py").write_text("print(1)\n")
    base = RegistryImage(
        reference="python:3.12-slim-bookworm",
        digest=f"sha256:{'1' * 64}",
        platform="linux/amd64",
        python="3.12.4",
        codename="bookworm",
        glibc="2.36",
    )
    monkeypatch.setattr(registry, "resolve", lambda *_: base)

    def verified(*archives: io.BytesIO | bytes, words: Sequence[str] = ()) -> Result:
        made: Iterator[io.BytesIO | bytes] = iter(archives)

        def follow(command: Sequence[str], folder: Path, watch: object) -> tuple[int, BuildState]:
            (place,) = (word for word in command if word.startswith("type=oci"))
            archive = next(made)
            data = archive if isinstance(archive, bytes) else archive.getvalue()
            Path(place.split(",")[1].removeprefix("dest=")).write_bytes(data)
            return 0, BuildState()

        monkeypatch.setattr(image_build, "follow", follow)
        monkeypatch.setattr(engine, "own_platform", lambda: "linux/amd64")
        return CliRunner().invoke(cli, ["build", "--verify", *words])

    return verified


def made(step: Files, *, code: bytes = b"print(1)", config: bytes = b"{}") -> io.BytesIO:
    """Return an image with the layers of the spec: the base, the folders, the step, the code, the working directory."""
    return image({"etc/passwd": b"root"}, {"app": b""}, step, {"app/train.py": code}, {}, config=config)


def told(result: Result) -> str:
    return f"exit code {result.exit_code}\n\nstdout:\n{result.stdout}\nstderr:\n{result.stderr}"


def test_two_builds_that_are_the_same_have_one_digest(verify: Verify, golden: Golden) -> None:
    result = verify(made({"opt/built": b"1"}), made({"opt/built": b"1"}))

    assert result.exit_code == 0
    assert told(result) == golden(SHOWN / "verify-same.txt")


def test_what_differs_is_told_file_by_file_at_the_line_that_made_it(verify: Verify, golden: Golden) -> None:
    one = made({"opt/built": b"1", "opt/first": b"", "opt/link": link("opt/link")})
    result = verify(one, made({"opt/built": b"2", "opt/link": link("opt/link", mode=0o700, mtime=5)}))

    assert result.exit_code == 1
    assert told(result) == golden(SHOWN / "verify-differs.txt")


def test_of_many_files_the_first_are_told(verify: Verify) -> None:
    one, other = ({f"opt/{number:02}": text for number in range(25)} for text in (b"1", b"2"))

    assert verify(made(one), made(other)).stdout.splitlines()[-2:] == ["/opt/19: content", "... and 5 more"]


def test_code_that_was_edited_between_the_builds_is_told(verify: Verify) -> None:
    result = verify(made({}), made({}, code=b"print(2)"))

    assert "MLS570: two builds differ in: the code\n" in result.stderr
    assert result.stdout == "/app/train.py: content\n"


def test_a_configuration_that_differs_is_told_where_no_layer_does(verify: Verify) -> None:
    result = verify(made({}), made({}, config=b"[]"))

    assert (result.exit_code, result.stdout) == (1, "")
    assert "MLS571: two builds differ only in their configuration" in result.stderr


def test_what_is_no_archive_cannot_be_compared(verify: Verify) -> None:
    assert "MLS572: the built images cannot be compared: empty file" in str(verify(b"", b"").exception)


@pytest.mark.parametrize("words", [["--push"], ["--tag", "demo:1"]])
def test_what_keeps_no_image_is_neither_pushed_nor_named(verify: Verify, words: list[str]) -> None:
    result = verify(words=words)

    assert result.exit_code == 2
    assert "--verify keeps no image" in result.stderr
