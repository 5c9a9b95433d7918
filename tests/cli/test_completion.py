"""Tests of shell completion, in real shells if they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

SHELLS = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}
BIN = Path(sys.executable).parent
SPEC = "python: 3.12\nimages:\n  train: {}\n  serve: {}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two specs, ``mlspec.yaml`` and ``other.yaml``, of two images each."""
    (tmp_path / "mlspec.yaml").write_text(SPEC)
    (tmp_path / "other.yaml").write_text(SPEC.replace("train", "tune"))
    return tmp_path


def needs(shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed here")


def offered(folder: Path, *words: str) -> list[str]:
    """Return the completions of the last of the words."""
    line = " ".join(["mlspec", *words])
    asked = {"_MLSPEC_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    command = [sys.executable, "-m", "mlspec"]
    done = subprocess.run(command, cwd=folder, env=os.environ | asked, capture_output=True, text=True)
    assert done.stderr == ""
    return [item.partition(",")[2] for item in done.stdout.splitlines() if item]


@pytest.mark.parametrize(
    ("words", "items"),
    [
        (["sch"], ["schema"]),
        (["schema", "--dr"], ["--draft"]),
        (["schema", "--draft", ""], ["2020-12", "7"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["render", "--target", "do"], ["dockerfile"]),
        (["render", "ml"], ["mlspec.yaml"]),
        (["render", "nowhere"], ["nowhere"]),
        (["build", ""], ["train", "serve"]),
        (["build", "train", ""], ["serve"]),
        (["run", "tr"], ["train"]),
        (["dev", "se"], ["serve"]),
        (["dev", "--no"], ["--no-restart"]),
        (["shell", "s"], ["serve"]),
        (["run", "-f", "other.yaml", "t"], ["tune"]),
        (["run", "-f", "gone.yaml", "t"], []),
    ],
)
def test_what_is_offered(folder: Path, words: list[str], items: list[str]) -> None:
    assert offered(folder, *words) == items


@pytest.mark.parametrize("text", ["", "images: [a]", "images: {", "\0"])
def test_a_broken_spec_offers_no_images_and_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "mlspec.yaml").write_text(text)

    assert offered(tmp_path, "run", "") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_says_how_to_install_it(shell: str, tmp_path: Path) -> None:
    script = subprocess.check_output([sys.executable, "-m", "mlspec", "completion", shell], text=True)

    assert f"#   mlspec completion {shell} > " in script.replace("mkdir -p ~/.config/fish/completions && ", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_that_its_shell_reads(shell: str, tmp_path: Path) -> None:
    needs(shell)
    script = subprocess.check_output([sys.executable, "-m", "mlspec", "completion", shell], text=True)
    (tmp_path / "script").write_text(script)

    done = subprocess.run([shell, "-n", str(tmp_path / "script")], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_person_presses_tab(shell: str, folder: Path) -> None:
    needs(shell)
    script = subprocess.check_output([sys.executable, "-m", "mlspec", "completion", shell], text=True)
    (folder / "script").write_text(script)
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "dumb", "HOME": str(folder)}

    typist = pexpect.spawn(shell, SHELLS[shell], cwd=str(folder), env=environment, encoding="utf-8", timeout=60)
    typist.sendline("source ./script; echo rea''dy")
    typist.expect("ready")
    typist.send("mlspec schema --outp\t")
    typist.expect("--output")
    typist.sendline("completed.json; echo do''ne")
    typist.expect("done")
    typist.close(force=True)

    assert (folder / "completed.json").is_file()


def test_completion_for_no_known_shell_is_a_mistake_of_usage(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "mlspec", "completion", "tcsh"], capture_output=True, text=True)

    assert done.returncode == 2
    assert "'bash', 'zsh', 'fish'" in done.stderr
