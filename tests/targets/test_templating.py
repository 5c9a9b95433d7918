"""Tests of filters with any value: a shell, a JSON parser or a Dockerfile parser gets the same value back."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import jinja2
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mlspec.plan.healthcheck import HealthcheckPlan
from mlspec.spec.nested_keys import Secret
from mlspec.spec.values import Refused, label_name, script
from mlspec.targets import command_filters, comment_filters, filters, stage_filters

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")

# Each example starts a shell.
few = settings(max_examples=40)

# Characters with a meaning in a shell or a Dockerfile, and some without.
ODD = "ab1 \"'\\$`#;|&<>(){}[]*?!~=%,:@+-_./é漢\u2028"
ONE_LINE = st.text(st.sampled_from(ODD) | st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20)
LINES = st.text(st.sampled_from([*ODD, "\n", "\t"]), max_size=40)


def shell_says(command: str, **environment: str) -> list[str]:
    run = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, env=environment)
    return run.stdout.decode().split("\0")[:-1]


@posix
@few
@given(ONE_LINE | LINES)
@example("")
def test_sh_survives_a_shell(value: str) -> None:
    assert shell_says(f"printf '%s\\0' {filters.sh(value)}") == [value]


@posix
@few
@given(st.lists(ONE_LINE | LINES, min_size=1, max_size=4))
@example(["", "a"])
def test_shell_words_survive_a_shell(values: list[str]) -> None:
    assert shell_says(f"printf '%s\\0' {filters.shell_words(values)}") == values


@posix
@few
@given(st.lists(ONE_LINE | LINES, min_size=1, max_size=4), st.integers(0, 8), st.sampled_from(["", "/srv/image"]))
def test_continued_words_survive_a_shell(values: list[str], margin: int, folder: str) -> None:
    written = command_filters.continue_lines(values, margin, folder)

    assert shell_says(f"printf '%s\\0' \\\n{written} \\\n&& true") == [f"{folder}{value}" for value in values]


@posix
@few
@given(st.lists(st.sampled_from(["~", "a b", "$x", "/"]), min_size=1, max_size=4))
def test_the_mark_becomes_the_home_of_whoever_runs(parts: list[str]) -> None:
    home = "/home/o'connor $x"
    marked, meant = ("".join(home if part == "~" else part for part in parts) for home in (filters.HOME_MARK, home))

    assert shell_says(f"printf '%s\\0' {filters.shell(marked)}", HOME=home) == [meant]


@given(st.lists(ONE_LINE, max_size=4))
def test_an_exec_form_is_json_on_one_line(values: list[str]) -> None:
    written = filters.exec_form(values)

    assert json.loads(written) == values
    assert "\n" not in written


def dockerfile_words(text: str) -> Iterator[str]:
    """Yield the words of ENV and LABEL like BuildKit: split at blanks, without quotes and escapes."""
    text = re.sub(r"([^\\])\\[ \t]*\n", r"\1", text)
    word, quote, position = "", "", 0
    started = False
    while position < len(text):
        character = text[position]
        following = text[position + 1 : position + 2]
        position += 1
        if character == "\\" and quote != "'" and following and (not quote or following in '"\\$'):
            word, started, position = word + following, True, position + 1
        elif character == "$" and quote != "'":
            raise AssertionError(f"{text!r} expands a variable")
        elif quote:
            word, quote = (word, "") if character == quote else (word + character, quote)
        elif character in "\"'":
            quote, started = character, True
        elif character in " \t":
            if started:
                yield word
            word, started = "", False
        else:
            word, started = word + character, True
    assert not quote, f"{text!r} leaves a quote open"
    if started:
        yield word


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A=b C=d", ["A=b", "C=d"]),
        ('A="b c" \\\n    D=e', ["A=b c", "D=e"]),
        (r'A="\"\\\$\n"', ['A="\\$\\n']),
        ("A=a\\ b 'C'='$d'", ["A=a b", "C=$d"]),
    ],
)
def test_the_reader_of_these_tests_reads_as_buildkit_does(text: str, words: list[str]) -> None:
    assert list(dockerfile_words(text)) == words


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True), ONE_LINE, max_size=4))
def test_variables_survive_a_dockerfile(pairs: dict[str, str]) -> None:
    written = filters.variables(pairs.items())

    assert list(dockerfile_words(written)) == [f"{name}={value}" for name, value in pairs.items()]


@given(ONE_LINE, ONE_LINE)
def test_labels_survive_a_dockerfile(name: str, value: str) -> None:
    try:
        label_name(name)
    except Refused:
        assume(False)

    (word,) = dockerfile_words(filters.variables([(name, value)]))

    assert word.partition("=")[::2] == (name, value)


def step(text: str) -> str:
    try:
        return filters.script(script(text))
    except Refused:
        assume(False)
        raise


@given(LINES | ONE_LINE)
@example("make \\ ")
@example("cat <<EOF\na\nEOF")
@example("EOF\nEOF1\nEOF2\n\n\nx")
@example("<<EOF")
@example("# no comment")
@example("#!")
@example("#!/usr/bin/env python3\nprint()")
@example("--mount=type=secret")
@example('["a"]')
def test_a_step_is_one_line_or_one_here_document(text: str) -> None:
    first, *rest = step(text).removesuffix("\n").split("\n")

    if rest:
        mark = first.removeprefix("<<'").removesuffix("'")
        assert rest.index(mark) == len(rest) - 1
        assert "\n".join(rest[:-1]) == ("" if text.strip("\n").startswith("#!") else "set -e\n") + text.strip("\n")
    else:
        assert first == text.strip("\n")
        assert "<<" not in first
        assert not re.search(r"\\[ \t]*$|^[\s#\[-]", first)


@posix
@few
@given(st.lists(ONE_LINE, min_size=3, max_size=6).map("\n".join))
@example("cat <<'EOF'\na\nEOF\n")
def test_a_here_document_hands_over_the_text_as_it_is(text: str) -> None:
    written = step(text)
    assume(written.startswith("<<'"))
    # dash loses a byte if a line begins like the mark and continues beyond ASCII; BuildKit has its own reader.
    assume(not re.search(r"^E[OF0-9]*[^\x00-\x7f]", text, re.MULTILINE))

    run = subprocess.run(["/bin/sh", "-c", f"cat {written}\n"], capture_output=True, check=True)

    assert run.stdout.decode() == ("" if text.strip("\n").startswith("#!") else "set -e\n") + text.strip("\n") + "\n"


@pytest.mark.skipif(not find_spec("dockerfile"), reason="needs BuildKit's own parser, the package dockerfile")
@given(LINES | ONE_LINE, st.dictionaries(st.sampled_from(["A", "B"]), ONE_LINE), st.lists(ONE_LINE))
@example("make \\ \t", {}, [])
@example("\u202e.\xa0", {}, [])
@example("<<EOF", {"A": "\\"}, ["\\"])
def test_buildkit_reads_what_was_written(text: str, pairs: dict[str, str], words: list[str]) -> None:
    dockerfile: Any = importlib.import_module("dockerfile")
    written = step(text)

    run, env, entrypoint = dockerfile.parse_string(
        f"RUN {written}\nENV Z=z {filters.variables(pairs.items())}\nENTRYPOINT {filters.exec_form(words)}\n"
    )

    if run.heredocs:
        assert [here.content for here in run.heredocs] == [
            ("" if text.strip("\n").startswith("#!") else "set -e\n") + text.strip("\n") + "\n"
        ]
    else:
        assert run.value == (text.strip("\n").rstrip(" \t"),)
    assert env.value[2:] == tuple(part for pair in pairs.items() for part in (pair[0], filters.env(pair[1])))
    assert (entrypoint.json, entrypoint.value) == (True, tuple(words))


@given(LINES | st.text(max_size=20))
def test_a_comment_is_one_line_that_prints_and_ends(text: str) -> None:
    written = comment_filters.comment(text)

    assert written.isprintable()
    assert not written.endswith(("\\", " "))


@pytest.mark.parametrize(
    "value", ["a", "linux/amd64", "python:3.12@sha256:00", "1000:1000", "--interval=5s", "~/a", "a+b"]
)
def test_a_plain_word_stays_as_it_is(value: str) -> None:
    assert stage_filters.word(value) == value


@given(st.text(st.sampled_from(ODD + "\n"), max_size=5))
def test_any_other_word_is_refused(value: str) -> None:
    assume(not re.fullmatch(r"[A-Za-z0-9_.,:/@+=~\[\]-]+", value))

    with pytest.raises(ValueError, match="not a plain word"):
        stage_filters.word(value)


@pytest.mark.parametrize("value", [" a", "a ", "a\nb", "\ta"])
def test_a_line_of_an_ignore_file_has_no_ends_to_trim(value: str) -> None:
    with pytest.raises(ValueError, match="not a line"):
        filters.pattern(value)


def test_hashes_are_one_a_line() -> None:
    assert filters.hashes(["aa", "bb"]) == "--hash=sha256:aa \\\n    --hash=sha256:bb"


def test_caches_are_mounted() -> None:
    assert filters.cache_mounts(["/c"]) == "--mount=type=cache,target=/c \\\n    "


@pytest.mark.parametrize(
    ("secret", "written"),
    [
        (Secret(environment="A"), "--mount=type=secret,id=A,env=A,required=true \\\n    "),
        (Secret(file="./a"), "--mount=type=secret,id=A,required=true \\\n    "),
    ],
)
def test_secrets_are_mounted(secret: Secret, written: str) -> None:
    assert filters.secret_mounts(["A"], [("A", secret)]) == written


@pytest.mark.parametrize(
    ("check", "written"),
    [
        (HealthcheckPlan(), "NONE"),
        (
            HealthcheckPlan(options=(("--timeout", "5s"),), command=("a", "b c")),
            '--timeout=5s \\\n    CMD ["a", "b c"]',
        ),
    ],
)
def test_a_health_check_says_what_to_run(check: HealthcheckPlan, written: str) -> None:
    assert filters.healthcheck(check) == written


def test_an_undefined_name_is_an_error() -> None:
    template = filters.environment().from_string("{{ plan.nothing | sh }}")

    with pytest.raises(jinja2.UndefinedError):
        template.render(plan=object())


@pytest.mark.parametrize("name", filters.FILTERS)
def test_every_filter_is_known_to_the_templates(name: str) -> None:
    known: dict[str, Any] = filters.environment().filters

    assert known[name] is filters.FILTERS[name]
