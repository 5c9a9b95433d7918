"""Tests of sanitized output: no text moves the cursor, hides text or shows a login, and only one module prints."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import mlspec
from mlspec.advice import formats
from mlspec.cli.app import cli
from mlspec.cli.terminal import sanitize
from mlspec.errors import Problem, Span
from mlspec.host import known_secrets
from mlspec.text import has_login, is_hidden, printable, same_length, visible, width, without_login
from tests.support.trees import nodes_of, tree_of

PACKAGE = Path(mlspec.__file__).parent
# C0, DEL, C1, text directions and isolates, zero width characters, byte order mark, soft hyphen, tags, blank-looking
# letters, variation selectors, line and paragraph separators, a lone surrogate.
HIDDEN = (
    "\x00\x07\x08\x1b\x7f\x85\x9b\u061c\u200b\u200d\u200e"
    "\u202a\u202e\u2066\u2069\ufeff\xad\U000e0041\u3164\u2800\U000e0100\u2028\ud800"
)


@pytest.mark.parametrize("character", HIDDEN, ids=lambda character: f"{ord(character):04x}")
def test_a_hidden_character_is_shown_as_its_escape(character: str) -> None:
    shown = visible(f"a{character}b")

    assert f"{ord(character):x}" in shown
    assert shown.isprintable()


@given(st.text())
def test_nothing_stays_hidden_and_all_else_stays(text: str) -> None:
    shown = visible(text)

    assert not [character for character in shown if is_hidden(character) and character not in "\n\t"]
    assert visible(shown) == shown
    assert len(same_length(text)) == len(text)


@pytest.mark.parametrize("text", ["größer", "日本語", "🌱", "a\tb\nc", "❤️"])
def test_what_people_write_stays(text: str) -> None:
    assert visible(text) == text


def test_columns_are_those_of_a_terminal() -> None:
    assert [width(text) for text in ("abc", "größe", "日本", "e\u0301")] == [3, 5, 4, 1]


# Logins


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:hunter2@h/simple", "https://h/simple"),
        ("https://hunter2@h.example/simple", "https://h.example/simple"),
        ("https://me:hun@ter2@h.example/simple", "https://h.example/simple"),
        ("https://me:hun/ter2@h.example/simple", "https://h.example/simple"),
        ("https://me:hun@ter2/x@h.example/simple", "https://h.example/simple"),
        ("git+https://me:hunter2@h.example/x@v1", "git+https://h.example/x@v1"),
        ("git+ssh://git@h/x.git@v1", "git+ssh://git@h/x.git@v1"),
        ("git+https://h.example:8080/x@v1", "git+https://h.example:8080/x@v1"),
        ("https://[::1]:5000/x@v1", "https://[::1]:5000/x@v1"),
        ("two: https://a:hunter2@b, http://c:hunter2@d", "two: https://b, http://d"),
        ("https:/me:hunter2@h/simple", "https:/h/simple"),
        ("https//me:hunter2@h/simple", "https//h/simple"),
        ('"https:/=me:hunter2@h/s" = "https://u', '"https:/=h/s" = "https://u'),
        ("http:/h.example/a:b and c@d", "http:/h.example/a:b and c@d"),
        ("https://h/x.whl?X-Amz-Signature=hunter2&a=b", "https://h/x.whl?X-Amz-Signature=***&a=b"),
    ],
)
def test_a_login_is_taken_out_of_an_address(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert has_login(text) == (without_login(text) != text)


def test_a_problem_repeats_no_login() -> None:
    address = "https://me:hunter2@h.example/simple"
    problem = Problem(code="MLS351", message=f"unknown key {address}", hint=f"not {address}")

    shown = str(problem.at("config.toml", Span(1, 1, 1, 9), f'"{address}" = 1'))

    assert "hunter2" not in shown


def test_a_secret_that_was_read_is_blanked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_secrets, "_known", set())
    known_secrets.remember_secret('line-one\npa"ss/word')

    shown = sanitize('it said: pa"ss/word and pa\\"ss/word, pa%22ss%2Fword; line-one')

    assert shown == "it said: *** and ***, ***; ***"


# Places


@pytest.mark.parametrize("before", ["", "\t", "日本", "\u202e", "\x1b[2J", "e\u0301"])
def test_carets_stand_under_what_is_shown(before: str) -> None:
    line = f"{before}wrong: yes"
    start = len(before) + 1

    _, shown, carets = str(Problem(code="MLS101", message="x").at("a", Span(1, start, 1, start + 5), line)).split("\n")

    assert width(carets[: carets.index("^")]) == width(shown[: shown.index("wrong")])
    assert carets.count("^") == len("wrong")


def test_carets_are_as_wide_as_what_they_mark() -> None:
    problem = Problem(code="MLS101", message="x").at("a", Span(1, 1, 1, 3), "\u202e日: yes")

    assert str(problem).split("\n")[1:] == [r"  1 | \u202e日: yes", "    | ^^^^^^^^"]


@pytest.mark.parametrize("kind", formats.KINDS)
def test_reports_for_programs_hide_nothing_either(kind: str) -> None:
    problem = Problem(code="MLS101", message="a\u202eb", hint="c\x1b[2Jd").at("e\u202ef", Span(1, 1, 1, 3), "\u202egh")

    text = formats.report(kind, [problem], "0")

    assert visible(text) == text
    if kind == "json":
        (row,) = json.loads(text)["problems"]
        assert (row["message"], row["hint"]) == (r"a\u202eb", r"c\x1b[2Jd")
        assert row["excerpt"] == "\ufffdgh"


# The gate


def calls(path: Path) -> Iterator[str]:
    for node in nodes_of(path):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


# quick.py prints text that was sanitized for the proof. cli/__init__.py prints one fixed word before any import.
GATES = {"cli/terminal.py", "cli/quick.py", "cli/__init__.py"}
PIPES = {("host/network/logins.py", "os.write")}
"""Writes into pipes: a login for a child process, which no terminal shows."""
PRINTING = ("click.echo", "click.secho", "click.prompt", "click.confirm", "click.echo_via_pager", "click.pause")


def test_only_the_gate_prints() -> None:
    # The parent process reads the output of the resolver process, and the supervisor runs in a container.
    others = {"child", "supervisor.py"}
    places = [path for path in sorted(PACKAGE.rglob("*.py")) if not others & set(path.parts)]
    printing = {
        (path.relative_to(PACKAGE).as_posix(), call)
        for path in places
        for call in calls(path)
        if call in {*PRINTING, "print", "Console", "os.write", "logging.basicConfig", "warnings.warn"}
        or call.startswith(("sys.stdout.write", "sys.stderr.write", "sys.stdout.buffer", "sys.stderr.buffer"))
    }

    printing -= PIPES
    assert {(path, call) for path, call in printing if path not in GATES} == set(), "print with mlspec.cli.terminal"
    assert {path for path, _ in printing} == GATES


def test_every_text_on_the_live_screen_passes_the_gate() -> None:
    tree = tree_of(PACKAGE / "cli/build_screen.py")
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Text"]
    others = [ast.unparse(node.args[0]) for node in texts if not ast.unparse(node.args[0]).startswith("sanitize(")]

    # The measure has seconds and bytes, which mlspec formats itself.
    assert others == ["f'  {line.measure}' if line.measure else ''"]


def test_of_escape_sequences_only_colors_pass() -> None:
    assert sanitize("\x1b[31mred\x1b[0m \x1b[1;33mbold\x1b[0m") == "\x1b[31mred\x1b[0m \x1b[1;33mbold\x1b[0m"
    assert sanitize("\x1b[8m") == r"\x1b[8m"
    assert sanitize("\x1b[2J\x1b]0;x\x07\x1b[1A") == r"\x1b[2J\x1b]0;x\x07\x1b[1A"


ATTACK = "\x1b]2pwned\x07\x1b[2J\u202e"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"r.in": f"numpy{ATTACK}=1\n"}, ["check"]),
        ({"r.in": f"numpy{ATTACK}=1\n"}, ["check", "--format", "github"]),
        ({"mlspec.lock": f"version = {ATTACK}\n"}, ["render", "--locked"]),
        ({"Dockerfile": f"# Generated by mlspec from {ATTACK}; x\n"}, ["explain", "Dockerfile"]),
        ({}, ["render", f"{ATTACK}.yaml"]),
        ({}, [ATTACK]),
        ({}, ["check", f"--{ATTACK}"]),
        ({}, ["explain", f"MLS1{ATTACK}"]),
    ],
)
def test_nothing_of_a_file_or_an_argument_moves_the_cursor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlspec.yaml").write_text("python: 3.12\nrequirements: [r.in]\n")
    (tmp_path / "r.in").write_text("numpy\n")
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    shown = CliRunner().invoke(cli, words).output if words[0] != "render" else run(*words).stderr

    assert r"\x1b]2pwned\x07" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def run(*words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlspec", *words]
    return subprocess.run(command, capture_output=True, text=True, **settings)  # type: ignore[call-overload,no-any-return]


def test_a_file_is_printed_as_it_is_where_a_program_reads_it(tmp_path: Path) -> None:
    (tmp_path / "mlspec.yaml").write_text('python: 3.12\nentrypoint: [python, "a\u202eb"]\n', encoding="utf-8")

    shown = run("render", "--stdout", "--unpinned", "--target", "dockerfile", cwd=tmp_path)

    assert '"a\u202eb"' in shown.stdout


# The streams of the output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", [["explain", "MLS101"], ["schema"], ["check", "--format", "json"], ["--version"]])
def test_a_full_disk_behind_stdout_is_said(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "mlspec.yaml").write_text("python: 3.12\nentrypoint: python x.py\n")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "mlspec", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path)

    assert done.returncode == 3
    assert "MLS420: standard output: no space left on device" in done.stderr.splitlines()
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a shell that closes files")
@pytest.mark.parametrize("words", ["explain MLS101", "schema", "render --stdout --unpinned"])
def test_a_closed_stdout_is_said(tmp_path: Path, words: str) -> None:
    (tmp_path / "mlspec.yaml").write_text("python: 3.12\nentrypoint: python x.py\n")
    script = f'"{sys.executable}" -m mlspec {words} >&-'

    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, cwd=tmp_path)

    assert done.returncode == 3
    assert "MLS420: standard output is closed" in done.stderr.splitlines()
