"""Tests of the readers of shell scripts and environment files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.advice.lint.shell_commands import parse_commands
from mlspec.errors import Problem, SpecError
from mlspec.host.engine.container_run import _require_readable
from mlspec.plan.env_files import env_file_faults


def words(text: str) -> list[str]:
    return [" ".join(command.words) for command in parse_commands(text) or ()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("python a.py", ["python a.py"]),
        ("A=1 B='x y' python a.py", ["python a.py"]),
        ("cd src && exec python a.py", ["cd src", "python a.py"]),
        ("python a.py \\\n  --port 80  # served\n", ["python a.py --port 80"]),
        ("if [ -f x ]; then\n  python a.py\nfi", ["[ -f x ]", "python a.py"]),
        ("for x in 1 2; do echo $x; done; python b.py", ["x in 1 2", "echo $x", "python b.py"]),
        ("main() {\n  python a.py\n}\nmain", ["python a.py", "main"]),
        ("python a.py | tee log", ["python a.py", "tee log"]),
        ("", []),
    ],
)
def test_finds_the_commands_of_a_script(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_knows_how_a_command_stands_there() -> None:
    first, second, third, last = parse_commands("if true; then\n  a\nfi\nb | exec c") or ()

    assert (first.depth, second.depth, third.depth, last.depth) == (1, 1, 0, 0)
    assert (third.follows, last.is_behind_pipe, last.is_exec) == ("|", True, True)


@pytest.mark.parametrize("text", ["cat <<END\nx\nEND", "echo 'open"])
def test_what_is_not_read_is_nothing(text: str) -> None:
    assert parse_commands(text) is None


def test_a_run_ends_where_docker_would_refuse_a_file(tmp_path: Path) -> None:
    file, said = tmp_path / "a.env", list[Problem]()
    file.write_text("A=1\n  export B=secret\nC=2 # secret\n")

    with pytest.raises(SpecError) as raised:
        _require_readable(file, "a.env", said.append)

    assert [str(problem) for problem in (*raised.value.problems, *said)] == [
        "a.env:2:3: MLS685: docker refuses a line that begins with export\n  hint: remove the word export",
        "a.env:3:5: MLS683: warning: the comment after C is part of its value\n  hint: put it on its own line",
    ]


@pytest.mark.parametrize("text", ["", "\ufeffA=1", "# A B", "A", "A=", "  A=1", "A=b c", "A=#x", "A=b#c"])
def test_docker_takes_what_is_a_name_and_a_value(text: str) -> None:
    assert not list(env_file_faults(text))
